"""Where calls are placed, who waits, and what becomes of trunks: without a network, in time that stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError
from upstream.fakes import Clock, Net, Transport

from gwt.errors import GatewayError
from gwt.phase.cork import Cork
from gwt.phase.share import Share
from gwt.upstream import trunk as trunks_room
from gwt.upstream import trunks
from gwt.upstream.call import Call
from gwt.upstream.trunks import Trunks
from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.options import MAX_STREAMS

ASKED = hpack.encode([(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a")])


class Timer:
    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due, self.call, self.over = due, call, False

    def active(self) -> bool:
        return not self.over

    def cancel(self) -> None:
        self.over = True


class Reactor(Net):
    """A net with timers."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.timers: list[Timer] = []

    def callLater(self, delay: float, call: Callable[..., None], *arguments: Any) -> Any:
        timer = Timer(self.clock.now + delay, lambda: call(*arguments))
        self.timers.append(timer)
        return timer


class Asker:
    """An exchange, as far as calls see it."""

    request_sent = True
    wants_upgrade = False

    def __init__(self) -> None:
        self.call: Call | None = None
        self.told: list[Any] = []
        self.waiting: Any = None

    def connected(self, call: Call) -> None:
        self.call = call
        call.begin(self, ASKED, False, None)

    def not_connected(self, error: GatewayError) -> None:
        self.told.append(error.code)

    def answer_head(self, head: Any, body: bytes, done: bool) -> None:
        self.told.append(head.status)
        if done:
            self.told.append("end")

    def answer_body(self, data: bytes) -> None:
        self.told.append(data)

    def answer_end(self, trailers: list[bytes]) -> None:
        self.told.append("end")

    def answer_failed(self, error: GatewayError) -> None:
        self.told.append(error.code)

    def answer_refused(self, error: GatewayError) -> None:
        self.told.append("refused")


class Scene:
    """Trunks to one endpoint, and whoever asks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reactor = Reactor(self.clock)
        self.pool = Trunks("10.0.0.1", 80, self.reactor, self.clock, Share(self.clock), Cork())

    def ask(self, timeout: float = 5.0) -> Asker:
        """One more request: placed, or waiting."""
        asker = Asker()
        call = self.pool.take()
        if call is not None:
            asker.connected(call)
        else:
            asker.waiting = self.pool.connect(asker, timeout)
        return asker

    def stand(self, streams: int | None = None) -> Transport:
        """The next connection stands, and its endpoint has said what it takes."""
        transport = self.reactor.connecting[0].succeed()
        self.settle(transport, streams)
        return transport

    def settle(self, transport: Transport, streams: int | None) -> None:
        transport.says(frames.settings([] if streams is None else [(MAX_STREAMS, streams)]))

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        for timer in list(self.reactor.timers):
            if timer.active() and timer.due <= self.clock.now:
                timer.over = True
                timer.call()
        self.pool.tick(self.clock.now)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def answer(transport: Transport, number: int) -> None:
    transport.says(frames.headers(number, hpack.encode([(b":status", b"200")]), True, 16384))


def test_calls_share_a_trunk(scene: Scene) -> None:
    first = scene.ask()
    transport = scene.reactor.connecting[0].succeed()
    assert first.call is None and transport.written.startswith(frames.PREFACE)  # no request before the settings
    scene.settle(transport, None)
    second = scene.ask()
    assert first.call and second.call and first.call.trunk is second.call.trunk
    assert (first.call.number, second.call.number) == (1, 3) and (first.call.fresh, second.call.fresh) == (True, False)
    answer(transport, 3)
    assert second.told == [200, "end"] and first.told == [] and scene.pool.live == 1
    answer(transport, 1)
    assert first.told == [200, "end"] and not first.call.trunk.calls


def test_those_who_wait_get_as_many_trunks_as_they_need(scene: Scene) -> None:
    askers = [scene.ask() for _ in range(250)]
    assert len(scene.reactor.connecting) == 3  # 100 calls are expected of each
    scene.stand(2)
    assert sum(one.call is not None for one in askers) == 2
    assert len(scene.reactor.connecting) > 50  # now that each is known to carry 2
    while scene.reactor.connecting:
        scene.stand(2)
    placed = [one for one in askers if one.call is not None]
    assert len(placed) == 2 * trunks.MOST and scene.pool.live == trunks.MOST
    late = next(one for one in askers if one.call is None)
    number, transport = placed[0].call.number, placed[0].call.trunk.transport
    answer(transport, number)
    assert late.call is not None and late.call.trunk.transport is transport
    scene.pass_time(6.0)
    assert sum(one.told == ["overloaded"] for one in askers) == 49


def test_who_waits_too_long_or_leaves(scene: Scene) -> None:
    late, gone = scene.ask(1.0), scene.ask(1.0)
    gone.waiting.disconnect()
    scene.pass_time(1.1)
    assert (late.told, gone.told) == (["timeout"], [])
    assert scene.ask(1.0).told == []


def test_a_queue_has_an_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunks, "MOST_WAITING", 3)
    for _ in range(3):
        scene.ask()
    with pytest.raises(GatewayError) as raised:
        scene.ask()
    assert raised.value.code == "overloaded"


def test_no_connection_can_be_had(scene: Scene) -> None:
    askers = [scene.ask() for _ in range(3)]
    scene.reactor.connecting[0].fail(ConnectionRefusedError())
    assert [one.told for one in askers] == 3 * [["connect_failed"]] and scene.pool.live == 0
    assert scene.ask().told == []
    scene.reactor.connecting[0].succeed().end()
    assert scene.pool.live == 0


def test_an_endpoint_that_says_nothing_at_first(scene: Scene) -> None:
    asker = scene.ask(2.0)
    transport = scene.reactor.connecting[0].succeed()
    scene.pass_time(2.1)
    assert asker.told == ["timeout"] and transport.aborted
    transport.end()
    assert scene.pool.live == 0


def test_goaway(scene: Scene) -> None:
    askers = [scene.ask() for _ in range(3)]
    transport = scene.stand()
    transport.says(frames.goaway(frames.MOST_STREAM, 0))  # it will go
    new = scene.ask()
    assert new.call is None
    other = scene.stand()
    assert new.call is not None and new.call.trunk.transport is other
    transport.says(frames.goaway(3, 0))
    assert [one.told for one in askers] == [[], [], ["refused"]]
    answer(transport, 1)
    assert not transport.losing
    answer(transport, 3)
    assert transport.losing and askers[0].told == askers[1].told == [200, "end"]
    transport.end()
    assert scene.pool.live == 1


def test_idle_trunks_are_closed_and_those_that_do_not_end_are_broken_off(scene: Scene) -> None:
    scene.ask()
    transport = scene.stand()
    answer(transport, 1)
    scene.pass_time(59.0)
    assert not transport.losing
    scene.pass_time(2.0)
    assert transport.losing and b"\x07" in transport.written
    scene.pass_time(6.0)
    assert transport.aborted
    transport.end()
    assert scene.pool.live == 0 and scene.ask().call is None


def test_those_that_are_not_needed_close_after_their_last_call(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    scene.pool.close_idle()
    assert not transport.losing and scene.pool.idle == 0
    answer(transport, 1)
    assert asker.told == [200, "end"] and transport.losing


def test_a_peer_that_is_silent_is_asked_and_given_up(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    scene.pass_time(trunks_room._QUIET + 1)
    assert transport.written.endswith(frames.ping(b"gwt-ask\0"))
    scene.pass_time(trunks_room._PATIENCE + 1)
    assert transport.aborted
    transport.end()
    assert asker.told == ["connect_failed"]


def test_a_peer_that_lives_is_not_asked_again_and_again(scene: Scene) -> None:
    scene.ask()
    transport = scene.stand()
    for _ in range(200):
        scene.pass_time(1.0)
        if transport.written.endswith(frames.ping(b"gwt-ask\0")):
            transport.says(frames.ping(b"gwt-ask\0", ack=True))
            transport.written = b""
    assert not transport.aborted and transport.written == b""
    transport.says(frames.headers(1, hpack.encode([(b":status", b"200")]), False, 16384))
    scene.pass_time(trunks_room._QUIET + 1)
    assert transport.written.endswith(frames.ping(b"gwt-ask\0"))


def test_a_trunk_that_breaks(scene: Scene) -> None:
    begun, waits = scene.ask(), scene.ask()
    transport = scene.stand()
    transport.says(frames.headers(1, hpack.encode([(b":status", b"200")]), False, 16384))
    transport.end(clean=False)
    assert begun.told == [200, "bad_answer"] and waits.told == ["connect_failed"]
    assert scene.pool.live == 0


def test_a_call_that_is_given_up_before_it_has_begun(scene: Scene) -> None:
    scene.ask()
    transport = scene.stand()
    call = scene.pool.take()
    assert call is not None
    written = transport.written
    call.cancel()
    assert transport.written == written
