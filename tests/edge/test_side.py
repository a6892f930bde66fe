"""Deadlines and pace: slow heads, slow bodies, slow readers, idle clients, and the way a connection ends."""

from __future__ import annotations

import pytest
from edge.rig import Rig
from twisted.internet.task import Clock

from gwt.edge import kernel
from gwt.model.settings import Limits

LIMITS = Limits(header_timeout=2.0, idle_timeout=5.0)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture
def socket_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the kernel will say of every transport."""
    says = {"taken": 0, "unsent": 0, "broken": 0, "unread": 0}
    for name in says:
        monkeypatch.setattr(kernel, name, lambda transport, name=name: says[name])
    return says


def manual() -> Rig:
    return Rig(limits=LIMITS, answer=None)


def test_a_head_has_a_total_time_however_it_drips() -> None:
    rig = Rig(limits=LIMITS)
    for byte in GET[:20]:
        rig.send(bytes([byte])).pass_time(0.2)
    assert rig.statuses == [408] and rig.wire.half_closed
    assert b'"slow_request"' in rig.answers()[0].body


def test_the_time_begins_anew_with_each_head() -> None:
    rig = Rig(limits=LIMITS)
    for _ in range(4):
        rig.send(GET[:9]).pass_time(1.5).send(GET[9:]).pass_time(1.5)
    assert rig.statuses == [200] * 4 and not rig.wire.ended


def test_an_idle_connection_is_closed_without_a_word() -> None:
    rig = Rig(limits=LIMITS).pass_time(4)
    assert not rig.wire.closed
    assert rig.pass_time(3).wire.closed and not rig.wire.written and not rig.finished
    rig = Rig(limits=LIMITS).send(GET).pass_time(4)
    assert not rig.wire.closed
    assert rig.pass_time(3).wire.closed


def test_empty_lines_do_not_keep_a_connection_open() -> None:
    rig = Rig(limits=LIMITS).send(GET)
    for _ in range(4):
        rig.send(b"\r\n").pass_time(1.4)
    assert rig.pass_time(1.5).wire.closed and rig.statuses == [200]


def test_a_connection_that_waits_for_its_answer_is_not_idle() -> None:
    rig = manual().send(GET).pass_time(8)
    assert not rig.wire.ended
    rig.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert rig.statuses == [200] and not rig.wire.ended


def test_a_body_that_drips_is_refused() -> None:
    rig = manual().send(POST)
    for _ in range(20):
        rig.send(b"x").pass_time(0.2)
    assert rig.statuses == [408] and rig.upstreams[0].aborted


def test_a_body_that_stalls_is_refused_however_fast_it_began() -> None:
    rig = manual().send(POST + b"x" * 50_000).pass_time(7)
    assert not rig.wire.ended
    assert rig.pass_time(4).statuses == [408] and rig.upstreams[0].aborted


def test_a_body_at_the_minimum_rate_is_taken() -> None:
    rig = manual().send(POST)
    for _ in range(100):
        rig.send(b"x" * 30).pass_time(0.2)
    assert not rig.wire.written and not rig.wire.ended


def test_a_chunked_body_that_drips_is_refused() -> None:
    rig = manual().send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(20):
        rig.send(b"1\r\nx\r\n").pass_time(0.2)
    assert rig.statuses == [408]


def test_a_body_that_the_upstream_does_not_take_is_not_slow() -> None:
    rig = manual().send(POST)
    rig.upstreams[0].protocol.pauseProducing()
    assert rig.wire.paused
    rig.pass_time(6)
    assert not rig.wire.written
    rig.upstreams[0].protocol.resumeProducing()
    assert not rig.wire.paused and not rig.pass_time(1).wire.written


def test_a_reader_that_takes_nothing_is_cut(socket_of: dict[str, int]) -> None:
    rig = manual().send(GET).reply(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x" * 100)
    rig.channel.pauseProducing()
    rig.pass_time(3)
    assert not rig.wire.aborted
    assert rig.pass_time(3).wire.aborted and rig.upstreams[0].aborted
    assert rig.finished[0].code == "slow_client"


def test_a_reader_that_takes_slowly_is_served(socket_of: dict[str, int]) -> None:
    rig = manual().send(GET).reply(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x" * 100)
    rig.channel.pauseProducing()
    for _ in range(12):
        socket_of["taken"] += 150
        rig.pass_time(1)
    assert not rig.wire.aborted
    rig.channel.resumeProducing()
    assert not rig.pass_time(8).wire.aborted


def test_a_reader_has_time_after_the_last_answer(socket_of: dict[str, int]) -> None:
    socket_of["unsent"] = 50_000
    rig = manual().send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    rig.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    for _ in range(10):
        socket_of["taken"] += 500
        rig.pass_time(1)
    assert rig.wire.half_closed and not rig.wire.aborted
    socket_of["unsent"] = 0
    assert rig.pass_time(4).wire.aborted


def test_a_client_that_is_gone_is_found_after_the_probe(socket_of: dict[str, int]) -> None:
    rig = manual().send(GET).end().pass_time(0.6)
    assert rig.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    socket_of["broken"] = 1
    assert rig.pass_time(0.1).wire.aborted and rig.upstreams[0].aborted


def test_draining_ends_what_is_idle_and_lets_the_rest_finish() -> None:
    idle = Rig(limits=LIMITS)
    idle.factory.begin_drain()
    assert idle.settle().wire.closed
    busy = manual().send(GET)
    busy.factory.begin_drain()
    assert not busy.settle().wire.ended
    busy.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert busy.answers()[0].headers[b"connection"] == b"close" and busy.wire.closed


def test_who_has_asked_and_was_not_read_yet_is_not_idle(socket_of: dict[str, int]) -> None:
    rig = manual()
    socket_of["unread"] = len(GET)
    rig.factory.begin_drain()
    assert not rig.settle().wire.ended
    rig.send(GET).reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert rig.answers()[0].headers[b"connection"] == b"close" and rig.wire.closed


def test_nothing_is_left_of_a_connection() -> None:
    rig = Rig(limits=LIMITS).send(GET).vanish()
    assert rig.factory.connections == 0 and len(rig.factory.slow) == 0 and not rig.factory.fast
    rig.connect()
    rig.send(GET).end()
    assert rig.factory.connections == 0 and not rig.factory.fast


def test_time_stops_nobody_who_is_served_at_once() -> None:
    rig = Rig(limits=LIMITS)
    for _ in range(30):
        rig.send(GET).pass_time(0.5)
    assert rig.statuses == [200] * 30


def test_a_refused_client_is_read_from_once_a_turn() -> None:
    rig, clock = Rig(), Clock()
    rig.wire.reactor = clock  # type: ignore[attr-defined]
    rig.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"x" * 65536)
    assert rig.statuses == [400] and rig.wire.paused
    clock.advance(0)
    assert not rig.wire.paused
    rig.send(b"x" * 65536)
    rig.vanish()
    clock.advance(0)
    assert rig.wire.paused, "nobody reads from what is gone"
