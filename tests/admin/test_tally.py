"""gwt.admin.tally: counters that never go down, from states that come and go."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from gwt.admin.tally import GONE, Tally
from gwt.balance.endpoint import Registry
from gwt.balance.upstream import Upstream
from gwt.metrics import Meters, Metrics
from gwt.model.route import EndpointSpec, ServiceSpec
from gwt.steps import finish


def service(registry: Registry, *addresses: str, key: str = "a") -> Mapping[str, Upstream]:
    return {key: Upstream.of(ServiceSpec(key, tuple(map(EndpointSpec, addresses))), registry)}


def test_it_adds_up_by_service() -> None:
    registry, meters = Registry(lambda: 0.0, lambda: 0.5), Meters(Metrics.private())
    tally, upstreams = Tally(meters, lambda: 0.0), service(registry, "1.1.1.1:1", "1.1.1.2:1")
    for endpoint in upstreams["a"].endpoints:
        endpoint.state.requests, endpoint.state.failures, endpoint.state.inflight = 5, 1, 2
    for _ in range(2):
        finish(tally.take({**upstreams, "alias": upstreams["a"]}))
        stats = meters.upstream("a")
        assert (stats.tries.value, stats.failures.value, stats.in_flight.value, tally.tries) == (10, 2, 4, 10)
        assert (tally.upstreams, tally.endpoints, tally.ready) == (1, 2, 2)


def test_what_an_endpoint_says_at_the_last_is_counted() -> None:
    registry, meters = Registry(lambda: 0.0, lambda: 0.5), Meters(Metrics.private())
    tally, upstreams = Tally(meters, lambda: 0.0), service(registry, "1.1.1.1:1")
    state = upstreams["a"].endpoints[0].state
    state.requests = state.inflight = 1
    finish(tally.take(upstreams))
    finish(tally.take({}))
    state.inflight, state.failures = 0, 1
    finish(tally.take({}))
    stats = meters.upstream("a")
    assert (stats.tries.value, stats.failures.value, stats.in_flight.value) == (1, 1, 0)


def test_beyond_the_cap_services_share_one() -> None:
    registry, meters = Registry(lambda: 0.0, lambda: 0.5), Meters(Metrics.private(cap=1))
    tally = Tally(meters, lambda: 0.0)
    upstreams = {**service(registry, "1.1.1.1:1"), **service(registry, "2.2.2.2:1", key="b"),
                 **service(registry, "3.3.3.3:1", key="c")}  # fmt: skip
    for upstream in upstreams.values():
        upstream.endpoints[0].state.requests = upstream.endpoints[0].state.inflight = 1
    finish(tally.take(upstreams))
    assert (meters.upstream("a").in_flight.value, meters.upstream("b").in_flight.value) == (1, 2)


def test_two_looks_at_once_do_not_double() -> None:
    registry, meters = Registry(lambda: 0.0, lambda: 0.5), Meters(Metrics.private())
    tally = Tally(meters, lambda: 0.0)
    upstreams = service(registry, *(f"1.1.{n // 200}.{n % 200}:1" for n in range(1200)))
    for endpoint in upstreams["a"].endpoints:
        endpoint.state.requests = 1
    first = tally.take(upstreams)
    next(first)
    finish(tally.take(upstreams))
    finish(first)
    assert meters.upstream("a").tries.value == 1200


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=30))
def test_law_it_equals_what_happened(history: list[tuple[int, int, bool]]) -> None:
    registry, meters = Registry(lambda: 0.0, lambda: 0.5), Meters(Metrics.private())
    now = [0.0]
    tally, happened = Tally(meters, lambda: now[0]), 0
    addresses = {0}
    for number, requests, forget in history:
        addresses ^= {number}
        upstreams = service(registry, *(f"1.1.1.{n}:1" for n in sorted(addresses)))
        for endpoint in upstreams["a"].endpoints:
            endpoint.state.requests += requests
            happened += requests
        finish(tally.take(upstreams))
        if forget:
            registry.expire(-1.0)  # everything is forgotten, as after a long time
            now[0] += GONE * 0.7
    assert tally.tries == meters.upstream("a").tries.value == happened


def test_what_has_gone_for_good_is_forgotten() -> None:
    now = [0.0]
    registry, meters = Registry(lambda: 0.0, lambda: 0.5), Meters(Metrics.private())
    tally, upstreams = Tally(meters, lambda: now[0]), service(registry, "1.1.1.1:1")
    upstreams["a"].endpoints[0].state.requests = 1
    finish(tally.take(upstreams))
    now[0] = GONE + 1
    finish(tally.take({}))
    assert not tally._seen
    assert tally.tries == 1
