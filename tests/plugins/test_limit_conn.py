"""limit-conn: counted in and out, however a request ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.zones import Zones
from twisted.internet.task import Clock

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.limit_conn import PERIOD, LimitConn

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONF = {"conn": 1, "burst": 0, "default_conn_delay": 0.1, "key": "remote_addr"}
#: How the first request ends; the others vanish.
ENDS: dict[str, Callable[[Rig], Any]] = {
    "answer": lambda one: one.reply(OK),
    "hang up": lambda one: one.hang_up(),
    "cut": lambda one: one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab").hang_up(),
    "late": lambda one: one.pass_time(61),
}


def rig(zones: Zones, **conf: Any) -> tuple[Rig, Clock]:
    reactor = Clock()
    one = Rig(kinds=[LimitConn], plugins={"limit-conn": {**CONF, **conf}}, shared=zones, reactor=reactor, answer=None)
    zones.clock = one.clock
    return one, reactor


def counted(zones: Zones) -> int:
    zone: Any = zones("limit-conn")
    return sum(int(value) for value, _ in zone.held.values())


def test_so_many_at_a_time_over_all_workers() -> None:
    zones = Zones()
    one, other = rig(zones)[0], rig(zones)[0]
    one.send(GET)
    other.send(GET)
    assert other.statuses == [429] and other.finished[0].code == "rate_limit" and counted(zones) == 1
    one.reply(OK)
    assert one.statuses == [200] and counted(zones) == 0
    assert other.send(GET).reply(OK).statuses == [429, 200]


def test_the_burst_waits() -> None:
    zones = Zones()
    one, reactor = rig(zones, burst=1)
    one.send(GET)
    one.connect()
    one.send(GET)
    assert len(one.upstreams) == 1 and counted(zones) == 2
    reactor.advance(0.1)
    assert len(one.upstreams) == 2 and one.reply(OK).statuses == [200] and counted(zones) == 1


def test_a_worker_that_was_killed_is_forgotten() -> None:
    zones = Zones()
    one, _ = rig(zones)
    one.send(GET)
    one.now += PERIOD
    one.connect()
    assert one.send(GET).statuses == [429]
    one.now += PERIOD
    one.connect()
    assert one.send(GET).reply(OK).statuses == [200]


def test_a_zone_that_forgot_owes_nobody_a_place() -> None:
    zones = Zones()
    one, _ = rig(zones)
    one.send(GET)
    zone: Any = zones("limit-conn")
    zone.held.clear()
    assert one.reply(OK).statuses == [200] and counted(zones) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*ENDS, "vanish", "vanish early"]), max_size=6))
def test_whatever_the_end_it_is_counted_out(ends: list[str]) -> None:
    zones = Zones()
    for end in ends:
        one, reactor = rig(zones, burst=1)
        first = one.channel
        one.send(GET)
        assert counted(zones) == 1
        if end == "vanish early":
            one.connect()
            one.send(GET).vanish()
            assert counted(zones) == 1 and not reactor.getDelayedCalls()
            one.channel, one.wire = first, first.transport  # type: ignore[assignment]
        ENDS.get(end, Rig.vanish)(one)
        assert counted(zones) == 0 and not one.raised


def test_where_nothing_can_be_counted_the_path_is_closed() -> None:
    assert Rig(kinds=[LimitConn], plugins={"limit-conn": CONF}).send(GET).statuses == [503]


@pytest.mark.parametrize("conf", [{"conn": 0}, {"burst": -1}, {"default_conn_delay": 0}, {"key": "http_x"}])
def test_what_it_does_not_take(conf: Any) -> None:
    with pytest.raises(Misfit, match=next(iter(conf))):
        PluginType(LimitConn).make({**CONF, **conf})
