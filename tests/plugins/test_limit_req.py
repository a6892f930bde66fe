"""limit-req: a leaky bucket for all workers, and requests that wait for their turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given
from hypothesis import strategies as st
from plugins.zones import Zones
from twisted.internet.task import Clock

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.limit_req import LimitReq, take
from gwt.testing.zones import MemoryZone, Value

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CONF = {"rate": 2, "burst": 2, "key": "remote_addr"}
EACH, BURST, KEY = 1.0, 3, b"k" * 16


def rig(**conf: Any) -> tuple[Rig, Clock]:
    zones, reactor = Zones(), Clock()
    one = Rig(kinds=[LimitReq], plugins={"limit-req": {**CONF, **conf}}, shared=zones, reactor=reactor)
    zones.clock = one.clock
    return one, reactor


def test_what_comes_too_early_waits_for_its_turn() -> None:
    one, reactor = rig()
    one.send(GET)
    assert one.statuses == [200]
    one.connect()
    one.send(GET)
    assert one.wire.written == b""
    reactor.advance(0.49)
    assert one.settle().wire.written == b""
    reactor.advance(0.01)
    assert one.settle().statuses == [200] and not one.raised


def test_beyond_the_burst_it_is_refused() -> None:
    one, _ = rig(nodelay=True)
    one.send(GET * 4)
    assert one.statuses == [200, 200, 200, 429]
    assert one.answers()[3].headers[b"retry-after"] == b"1" and one.finished[3].code == "rate_limit"
    one.now += 0.5
    assert one.send(GET * 2).statuses[4:] == [200, 429]
    one.now += 100
    assert one.send(GET * 4).statuses[6:] == [200, 200, 200, 429]


def test_status_and_message_of_ones_own() -> None:
    one, _ = rig(burst=0, rejected_code=503, rejected_msg="slowly")
    assert one.send(GET * 2).statuses == [200, 503] and b"slowly" in one.answers()[1].body


def test_a_client_that_leaves_waits_no_more() -> None:
    one, reactor = rig()
    one.send(GET)
    one.connect()
    one.send(GET).vanish()
    assert not reactor.getDelayedCalls() and len(one.seen) == 1 and not one.raised


def test_where_nothing_can_be_counted_the_path_is_closed() -> None:
    assert Rig(kinds=[LimitReq], plugins={"limit-req": CONF}).send(GET).statuses == [503]


class Crowded(MemoryZone):
    """A zone at which, before any step of one worker, others come and go: as many takers as `others` yields."""

    def __init__(self, clock: Callable[[], float], others: list[int]) -> None:
        super().__init__(clock)
        self.clock, self.others, self.within = clock, others, False
        self.turns: list[int] = []

    def alone(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """One step of a worker, before it the others."""
        if self.within:
            return step(*arguments)
        self.within = True
        for _ in range(self.others.pop() if self.others else 0):
            self.turns.append(take(self, KEY, round(self.clock() / EACH), BURST, EACH))
        said = step(*arguments)
        self.within = False
        return said

    def get(self, key: str | bytes, default: Value | None = None) -> Value | None:
        found: Value | None = self.alone(super().get, key, default)
        return found

    def add(self, key: str | bytes, value: Value, ttl: float | None = None) -> bool:
        return bool(self.alone(super().add, key, value, ttl))

    def set(self, key: str | bytes, value: Value, ttl: float | None = None) -> None:
        self.alone(super().set, key, value, ttl)


@given(st.lists(st.integers(0, 5), max_size=40), st.lists(st.integers(0, 3), max_size=60))
def test_turns_are_given_once_however_workers_interleave(gaps: list[int], others: list[int]) -> None:
    now = [10**6]
    zone = Crowded(lambda: now[0] * EACH, others)
    given: set[int] = set()
    for gap in gaps:
        now[0] += gap
        zone.turns = []
        zone.turns.append(take(zone, KEY, now[0], BURST, EACH))
        free = [turn for turn in range(now[0], now[0] + BURST + 1) if turn not in given]
        got = sorted(turn for turn in zone.turns if turn - now[0] <= BURST)
        assert got == free[: len(zone.turns)]
        given.update(got)


@given(st.lists(st.floats(0, 1.5), max_size=40), st.integers(0, 3))
def test_no_time_sees_more_than_its_rate_and_burst(gaps: list[float], burst: int) -> None:
    one, _ = rig(burst=burst, nodelay=True)
    times = []
    for gap in gaps:
        one.now += gap
        one.connect()
        if one.send(GET).statuses == [200]:
            times.append(one.now)
    for begin, since in enumerate(times):
        for number, until in enumerate(times[begin:], 1):
            assert number <= 2 * (until - since) + burst + 2


@pytest.mark.parametrize("conf", [{"rate": 0}, {"burst": -1}, {"key": "http_x"}, {"rejected_code": 42}])
def test_what_it_does_not_take(conf: Any) -> None:
    with pytest.raises(Misfit, match=next(iter(conf))):
        PluginType(LimitReq).make({**CONF, **conf})
