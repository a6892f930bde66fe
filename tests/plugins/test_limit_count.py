"""limit-count: windows, headers, and one count for all workers."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.zones import Zones

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.limit_count import LimitCount

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CONF = {"count": 2, "time_window": 60, "key": "remote_addr", "rejected_code": 429}


def rig(zones: Zones | None = None, **conf: Any) -> Rig:
    zones = zones or Zones()
    one = Rig(kinds=[LimitCount], plugins={"limit-count": {**CONF, **conf}}, shared=zones)
    zones.clock = one.clock
    return one


def test_so_many_and_no_more_until_the_window_is_over() -> None:
    one = rig().send(GET * 3)
    assert one.statuses == [200, 200, 429] and len(one.seen) == 2
    names = [b"x-ratelimit-" + name for name in (b"limit", b"remaining", b"reset")]
    told = [[got.headers[name] for name in names] for got in one.answers()]
    assert told == [[b"2", b"1", b"60"], [b"2", b"0", b"60"], [b"2", b"0", b"60"]]
    assert one.answers()[2].headers[b"retry-after"] == b"60"
    assert one.finished[2].code == "rate_limit" and b'"rate_limit"' in one.answers()[2].body
    one.now += 60
    assert one.send(GET).statuses[-1] == 200 and not one.raised


@pytest.mark.parametrize("begin", [1000.0, 1019.5, 1020.0])
def test_a_window_begins_with_the_first_request_whatever_the_clock_says(begin: float) -> None:
    one = rig()
    resets = []
    for passed in (0, 0.25, 29.75, 29.5):
        begin += passed
        one.now = begin
        resets.append(one.send(GET).answers()[-1].headers[b"x-ratelimit-reset"])
    assert one.statuses == [200, 200, 429, 429] and resets == [b"60", b"60", b"30", b"1"]
    one.now = begin + 0.5
    assert one.send(GET).answers()[-1].headers[b"x-ratelimit-reset"] == b"60" and one.statuses[-1] == 200


def test_the_window_is_never_said_to_be_longer_than_it_is() -> None:
    one = rig()
    one.now = 210.605
    assert (one.now + 60) - one.now > 60
    assert one.send(GET).answers()[-1].headers[b"x-ratelimit-reset"] == b"60"


def test_another_length_of_window_counts_anew_and_another_count_goes_on() -> None:
    one = rig().send(GET * 3)
    one.configure(plugins={"limit-count": {**CONF, "count": 4}})
    assert one.send(GET * 2).statuses[3:] == [200, 429]
    one.configure(plugins={"limit-count": {**CONF, "count": 4, "time_window": 61}})
    assert one.send(GET).statuses[5:] == [200]


def test_each_client_has_its_own_and_the_server_one_for_all() -> None:
    one = rig(count=1).send(GET)
    one.connect("192.0.2.8")
    assert one.send(GET).statuses == [200]
    one = rig(count=1, key="server_addr").send(GET)
    one.connect("192.0.2.8")
    assert one.send(GET).statuses == [429]


def test_workers_count_together() -> None:
    zones = Zones()
    workers = [rig(zones) for _ in range(3)]
    assert sorted(worker.send(GET).statuses[0] for worker in workers) == [200, 200, 429]


def test_another_status() -> None:
    assert rig(count=1, rejected_code=503).send(GET * 2).statuses == [200, 503]


def test_where_nothing_can_be_counted_the_path_is_closed() -> None:
    one = Rig(kinds=[LimitCount], plugins={"limit-count": CONF}).send(GET)
    assert one.statuses == [503] and not one.seen


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40)), max_size=20))
def test_the_window_that_the_first_request_opens_has_so_many_and_no_more(history: list[tuple[int, int]]) -> None:
    zones = Zones()
    workers = [rig(zones) for _ in range(2)]
    now, begin, number = 1000.0, -60.0, 0
    for which, passed in history:
        now += passed
        begin, number = (now, 1) if now >= begin + 60 else (begin, number + 1)
        for one in workers:
            one.now = now
        workers[which].connect()
        (got,) = workers[which].send(GET).answers()
        assert got.status == (200 if number <= 2 else 429)
        assert got.headers[b"x-ratelimit-reset"] == b"%d" % (begin + 60 - now)


@pytest.mark.parametrize("conf", [{"policy": "local"}, {"count": 0}, {"time_window": 0.5}, {"key": "http_x"},
                                  {"rejected_code": 100}, {"rejected_msg": "x"}])  # fmt: skip
def test_what_it_does_not_take(conf: Any) -> None:
    with pytest.raises(Misfit, match=next(iter(conf))):
        PluginType(LimitCount).make({**CONF, **conf})


@pytest.mark.parametrize("missing", CONF)
def test_all_are_required(missing: str) -> None:
    PluginType(LimitCount).make(CONF)
    with pytest.raises(Misfit, match=missing):
        PluginType(LimitCount).make({key: value for key, value in CONF.items() if key != missing})
