from __future__ import annotations

import pytest

from gwt.balance.endpoint import Endpoint, Registry
from gwt.balance.upstream import Upstream
from gwt.model.route import Balance, EndpointSpec, ServiceSpec

KINDS = ["round_robin", "sticky", "least_conn", "p2c"]


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda: 0.0, lambda: 0.0)


def spec(*endpoints: EndpointSpec | str) -> ServiceSpec:
    return ServiceSpec("ns/a:80", tuple(EndpointSpec(one) if isinstance(one, str) else one for one in endpoints))


def address(endpoint: Endpoint | None) -> str | None:
    return endpoint and endpoint.address


def names(upstream: Upstream) -> list[str]:
    return [endpoint.address for endpoint in upstream.candidates]


READY = EndpointSpec("1.0.0.1:80")
DRAINED = EndpointSpec("1.0.0.2:80", weight=0)
LEAVING = EndpointSpec("1.0.0.3:80", ready=False, terminating=True)
LEAVING_0 = EndpointSpec("1.0.0.4:80", ready=False, terminating=True, weight=0)
STARTING = EndpointSpec("1.0.0.5:80", ready=False)
GONE = EndpointSpec("1.0.0.6:80", ready=False, serving=False, terminating=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([READY, DRAINED, LEAVING, STARTING, GONE], [READY]),
        ([DRAINED, LEAVING, STARTING, GONE], [DRAINED]),
        ([LEAVING_0, LEAVING, STARTING, GONE], [LEAVING]),
        ([LEAVING_0, STARTING, GONE], [LEAVING_0]),
        ([STARTING, GONE], []),
        ([], []),
    ],
)
def test_candidates(given: list[EndpointSpec], expected: list[EndpointSpec], registry: Registry) -> None:
    upstream = Upstream.of(spec(*given), registry)
    assert names(upstream) == [one.address for one in expected]
    for kind in KINDS:
        picked = upstream.picker(Balance(kind)).pick(b"key")
        assert address(picked) == (expected[0].address if expected else None)


def test_an_address_is_there_once(registry: Registry) -> None:
    upstream = Upstream.of(spec("1.0.0.1:80", EndpointSpec("1.0.0.1:80", weight=5), "1.0.0.2:80"), registry)
    assert [(endpoint.address, endpoint.weight) for endpoint in upstream.endpoints] == [
        ("1.0.0.1:80", 1),
        ("1.0.0.2:80", 1),
    ]


def test_one_picker_a_kind(registry: Registry) -> None:
    upstream = Upstream.of(spec("1.0.0.1:80"), registry)
    assert upstream.picker(Balance("sticky", "ip")) is upstream.picker(Balance("sticky", "user"))
    with pytest.raises(ValueError, match="unknown kind"):
        upstream.picker(Balance("best"))


def test_what_the_service_says_is_known(registry: Registry) -> None:
    upstream = Upstream.of(ServiceSpec("ns/a:80", (), "h2c", "web", "kube", "db.example.com"), registry)
    said = (upstream.key, upstream.protocol, upstream.port_name, upstream.source, upstream.external_name)
    assert said == ("ns/a:80", "h2c", "web", "kube", "db.example.com")


def test_a_name_becomes_what_its_endpoints_are_called(registry: Registry) -> None:
    plain = Upstream.of(spec("1.0.0.1:80"), registry)
    named = plain.replaced(ServiceSpec("ns/a:80", (EndpointSpec("1.0.0.1:80"),), external_name="db.example.com"))
    assert [one.endpoints[0].authority for one in (plain, named)] == [None, b"db.example.com"]
    assert named.endpoints[0].state is plain.endpoints[0].state
    again = named.replaced(ServiceSpec("ns/a:80", (EndpointSpec("1.0.0.1:80"),), external_name="db.example.com"))
    assert again.endpoints[0] is named.endpoints[0]


def test_states_and_unchanged_endpoints_survive(registry: Registry) -> None:
    before = Upstream.of(spec("1.0.0.1:80", "1.0.0.2:80", "1.0.0.3:80"), registry)
    after = before.replaced(spec("1.0.0.1:80", EndpointSpec("1.0.0.2:80", weight=3), "1.0.0.4:80"))
    assert after.endpoints[0] is before.endpoints[0]
    assert after.endpoints[1] is not before.endpoints[1]
    assert after.endpoints[1].state is before.endpoints[1].state
    again = after.replaced(spec("1.0.0.3:80"))
    assert again.endpoints[0].state is before.endpoints[2].state


def test_turns_go_on_after_a_change(registry: Registry) -> None:
    before = Upstream.of(spec("1.0.0.1:80", "1.0.0.2:80", "1.0.0.3:80"), registry)
    picker = before.picker(Balance())
    picker.pick()
    after = before.replaced(spec("1.0.0.1:80", "1.0.0.2:80", "1.0.0.3:80", "1.0.0.4:80"))
    assert address(picker.pick()) == "1.0.0.2:80"  # an old request, after the new table was made
    unused = after.replaced(spec("1.0.0.1:80", "1.0.0.3:80", "1.0.0.4:80"))
    assert address(unused.picker(Balance()).pick()) == "1.0.0.3:80"


def test_predecessors_are_not_kept(registry: Registry) -> None:
    first = Upstream.of(spec("1.0.0.1:80"), registry)
    first.picker(Balance())
    second = first.replaced(spec("1.0.0.2:80"))
    second.picker(Balance())
    assert second._inherited == {}
    third = second.replaced(spec("1.0.0.2:80"))
    assert list(third._inherited.values()) == list(second._pickers.values())
