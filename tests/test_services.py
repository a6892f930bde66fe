from __future__ import annotations

from gwt.balance.endpoint import Registry
from gwt.model.route import Balance, EndpointSpec, ServiceSpec
from gwt.services import Aliases, Upstreams, alias, with_services
from gwt.sharded import Sharded
from gwt.steps import finish

REGISTRY = Registry(lambda: 0.0, lambda: 0.5)
NOTHING: tuple[Upstreams, Aliases] = (Sharded(), Sharded())


def spec(key: str, *addresses: str, port_name: str | None = None) -> ServiceSpec:
    return ServiceSpec(key, tuple(map(EndpointSpec, addresses)), port_name=port_name)


def after(before: tuple[Upstreams, Aliases], *changes: ServiceSpec | str) -> tuple[Upstreams, Aliases]:
    """The tables after `changes`; a string is a key that goes."""
    table = {one if isinstance(one, str) else one.key: None if isinstance(one, str) else one for one in changes}
    return finish(with_services(*before, table, REGISTRY))


def test_only_ports_of_services_have_aliases() -> None:
    assert alias("ns/web:80", "http") == "ns/web:http"
    assert alias("ns/web:80", None) is None
    assert alias("ns/web:80", "") is None
    assert alias("ns/web:80", "443") is None
    assert alias("user_backend", "http") is None


def test_a_named_port_is_found_by_its_name_and_follows_its_service() -> None:
    first = after(NOTHING, spec("ns/web:80", "10.0.0.1:80", port_name="http"))
    assert first[0]["ns/web:http"] is first[0]["ns/web:80"]
    moved = after(first, spec("ns/web:80", "10.0.0.2:80", port_name="http"))
    assert [e.address for e in moved[0]["ns/web:http"].endpoints] == ["10.0.0.2:80"]
    renamed = after(moved, spec("ns/web:80", "10.0.0.2:80", port_name="web"))
    assert set(renamed[0]) == {"ns/web:80", "ns/web:web"}
    gone = after(renamed, "ns/web:80")
    assert gone == NOTHING


def test_of_two_ports_with_one_name_the_first_key_has_it_in_any_order() -> None:
    one, two = spec("ns/web:80", port_name="http"), spec("ns/web:81", port_name="http")
    for order in ((one, two), (two, one)):
        tables = NOTHING
        for change in order:
            tables = after(tables, change)
        assert tables[0]["ns/web:http"].key == "ns/web:80"
        assert after(tables, "ns/web:80")[0]["ns/web:http"].key == "ns/web:81"


def test_what_does_not_change_is_shared_and_nothing_before_is_touched() -> None:
    first = after(NOTHING, spec("a", "10.0.0.1:80"), spec("b", "10.0.0.2:80"))
    second = after(first, spec("b", "10.0.0.3:80"))
    assert second[0]["a"] is first[0]["a"]
    assert [e.address for e in first[0]["b"].endpoints] == ["10.0.0.2:80"]


def test_what_requests_left_behind_survives_a_service_that_goes_and_comes_back() -> None:
    first = after(NOTHING, spec("a", "10.0.0.1:80"))
    endpoint = first[0]["a"].endpoints[0]
    endpoint.state.inflight += 1
    back = after(after(first, "a"), spec("a", "10.0.0.1:80"))
    assert back[0]["a"].endpoints[0].state is endpoint.state


def test_balancing_goes_on_where_it_was() -> None:
    balance = Balance()
    first = after(NOTHING, spec("a", "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"))
    picked = [first[0]["a"].picker(balance).pick(None).address for _ in range(2)]  # type: ignore[union-attr]
    second = after(first, spec("a", "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"))
    picked.append(second[0]["a"].picker(balance).pick(None).address)  # type: ignore[union-attr]
    assert sorted(picked) == ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
