"""What many streams want at once is done some at a time, and done for each of them once."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from gwt.reactor import tcp
from gwt.reactor.stream import LOST
from gwt.reactor.turns import Turns

FEW = 10
CLIENTS = 100


class Loop:
    """Calls back when the test says so."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def turn(self) -> int:
        """One turn; how many callbacks there were."""
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()
        return len(soon)


@pytest.fixture
def few(stage: Any) -> None:
    stage.reactor.turns = Turns(stage.loop, FEW)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def queue(loop: Loop) -> Turns:
    return Turns(loop, FEW)  # type: ignore[arg-type]


def test_a_few_steps_run_at_once(queue: Turns, loop: Loop) -> None:
    done: list[int] = []
    for number in range(FEW):
        queue.take(lambda number=number: done.append(number))
        assert done == list(range(number + 1))
    assert loop.turn() == 1
    assert loop.turn() == 0


def test_more_steps_run_in_later_turns_and_in_order(queue: Turns, loop: Loop) -> None:
    done: list[int] = []
    for number in range(3 * FEW + 1):
        queue.take(lambda number=number: done.append(number))
    seen = [len(done)]
    while loop.turn():
        seen.append(len(done))
    assert seen == [FEW, 2 * FEW, 3 * FEW, 3 * FEW + 1, 3 * FEW + 1]
    assert done == list(range(3 * FEW + 1))


def test_what_comes_while_others_wait_waits_behind_them(queue: Turns, loop: Loop) -> None:
    done: list[str] = []
    for _ in range(2 * FEW):
        queue.take(lambda: done.append("first"))
    queue.take(lambda: done.append("last"))
    loop.turn()
    assert done == ["first"] * (2 * FEW)
    loop.turn()
    assert done[-1] == "last"


def test_what_a_step_asks_for_belongs_to_its_turn(queue: Turns, loop: Loop) -> None:
    done: list[str] = []

    def step() -> None:
        queue.take(lambda: done.append("inner"))
        done.append("outer")

    for _ in range(2 * FEW):
        queue.take(step)
    most, before = 0, len(done)
    while loop.turn():
        most, before = max(most, len(done) - before), len(done)
    assert most <= FEW
    assert sorted(done) == ["inner"] * (2 * FEW) + ["outer"] * (2 * FEW)


def test_a_step_that_raises_stops_none_of_the_others(queue: Turns, loop: Loop) -> None:
    done: list[int] = []
    for number in range(3 * FEW):
        queue.take(lambda number=number: done.append(1 // (number - FEW)))
    with pytest.raises(ZeroDivisionError):
        loop.turn()
    while loop.turn():
        pass
    assert len(done) == 3 * FEW - 1


class Crowd:
    """Many clients of one port, and what their protocols hear, counted by turns of the loop."""

    def __init__(self, stage: Any, native: bool = True) -> None:
        self.stage = stage
        self.protocols: list[Any] = []
        self.peers: list[socket.socket] = []
        self.made: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()
        self.leaving: Deferred[None] = Deferred()
        self.turns = [0]
        self.at_once: Callable[[Any], None] = lambda transport: None
        crowd = self

        class Member(Protocol):
            native_data_received = native

            def connectionMade(self) -> None:
                self.received, self.reasons = b"", []
                crowd.protocols.append(self)
                crowd.turns[-1] += 1
                crowd.at_once(self.transport)
                if len(crowd.protocols) == CLIENTS:
                    crowd.made.callback(None)

            def dataReceived(self, data: bytes) -> None:
                self.received += data

            def readConnectionLost(self) -> None:
                self.received += b"EOF"
                if not crowd.leaving.called:
                    crowd.leaving.callback(None)

            def writeConnectionLost(self) -> None:
                """Nobody half-closes our side."""

            def connectionLost(self, reason: Failure = LOST) -> None:
                self.reasons.append(reason.type)
                crowd.turns[-1] += 1
                if not crowd.leaving.called:
                    crowd.leaving.callback(None)
                if crowd.reasons().count([]) == 0:
                    crowd.gone.callback(None)

        self.factory = Factory.forProtocol(Member)

    def connect(self) -> None:
        """All of them wait to be accepted."""
        port = self.stage.reactor.listenTCP(0, self.factory, backlog=CLIENTS, interface="127.0.0.1")
        self.peers = [socket.create_connection(("127.0.0.1", port.getHost().port)) for _ in range(CLIENTS)]

    async def gather(self) -> None:
        """Let all of them connect."""
        self.connect()
        self._beat()
        await self.made
        await self.stage.round()
        assert sum(self.turns) == CLIENTS

    def turn(self) -> Deferred[None]:
        """Fires in the next turn of the loop."""
        next_turn: Deferred[None] = Deferred()
        self.stage.loop.call_soon(next_turn.callback, None)
        return next_turn

    def _beat(self) -> None:
        self.turns.append(0)
        self.stage.loop.call_soon(self._beat)

    def reasons(self) -> list[list[type[BaseException]]]:
        """Of which ends each of them has heard."""
        return [protocol.reasons for protocol in self.protocols]

    def close(self) -> None:
        """All clients leave."""
        for peer in self.peers:
            peer.close()

    def reset(self) -> None:
        """All clients leave, rudely."""
        for peer in self.peers:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def each(self, method: str) -> None:
        """Call a method of all transports."""
        for protocol in self.protocols:
            getattr(protocol.transport, method)()


LEAVING = {
    "they close": (Crowd.close, ConnectionDone),
    "they reset": (Crowd.reset, ConnectionLost),
    "we close": (lambda crowd: crowd.each("loseConnection"), ConnectionDone),
    "we abort": (lambda crowd: crowd.each("abortConnection"), ConnectionAborted),
}


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("how", LEAVING)
def test_a_crowd_leaves_some_at_a_time(stage: Any, few: None, how: str, native: bool) -> None:
    leave, reason = LEAVING[how]
    crowd = Crowd(stage, native)

    async def story() -> None:
        await crowd.gather()
        crowd.turns = [0]
        leave(crowd)
        await crowd.gone
        assert crowd.reasons() == [[reason]] * CLIENTS
        assert sum(crowd.turns) == CLIENTS
        assert max(crowd.turns) <= 2 * FEW, crowd.turns

    stage.play(story)
    assert not stage.reactor._streams


@pytest.mark.parametrize("how", LEAVING)
def test_all_hear_of_their_end_once_where_the_reactor_stops_meanwhile(stage: Any, few: None, how: str) -> None:
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        LEAVING[how][0](crowd)
        await crowd.leaving
        assert [] in crowd.reasons()

    stage.play(story)
    stage.loop.call_later(0.05, stage.loop.stop)
    stage.loop.run_forever()
    assert [len(reasons) for reasons in crowd.reasons()] == [1] * CLIENTS
    assert not stage.reactor._streams


@pytest.mark.parametrize("method", ["loseConnection", "abortConnection"])
def test_who_waits_for_its_end_gets_no_data(stage: Any, few: None, method: str) -> None:
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        crowd.each(method)
        for peer in crowd.peers:
            peer.sendall(b"too late")
        await crowd.gone
        assert {protocol.received for protocol in crowd.protocols} == {b""}

    stage.play(story)


def test_who_waits_for_its_abort_sends_no_data(stage: Any, few: None) -> None:
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        crowd.each("abortConnection")
        for protocol in crowd.protocols:
            protocol.transport.write(b"too late")
            protocol.transport.loseConnection()
        await crowd.gone
        await stage.round()
        for peer in crowd.peers:
            with pytest.raises(ConnectionResetError):
                peer.recv(1)

    stage.play(story)


def test_who_closes_as_it_is_made_gets_no_data(stage: Any, few: None) -> None:
    crowd = Crowd(stage)
    crowd.at_once = lambda transport: transport.loseConnection()

    async def story() -> None:
        crowd.connect()
        for peer in crowd.peers:
            peer.sendall(b"too late")
        await crowd.gone
        assert {protocol.received for protocol in crowd.protocols} == {b""}

    stage.play(story)


@pytest.mark.parametrize("kept", [True, False])
def test_who_aborts_as_it_is_made_sends_no_data(stage: Any, few: None, kept: bool) -> None:
    crowd = Crowd(stage)

    def abort(transport: Any) -> None:
        write = transport.write
        write(b"early")
        transport.abortConnection()
        (write if kept else transport.write)(b"too late")

    crowd.at_once = abort

    async def story() -> None:
        crowd.connect()
        await crowd.gone
        await stage.round()
        for peer in crowd.peers:
            with pytest.raises(ConnectionResetError):
                peer.recv(1)

    stage.play(story)
    assert crowd.reasons() == [[ConnectionAborted]] * CLIENTS


def test_who_waits_to_close_sends_what_it_has(stage: Any, few: None) -> None:
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        for protocol in crowd.protocols:
            protocol.transport.write(b"good bye")
            protocol.transport.loseConnection()
        await crowd.gone
        await stage.round()
        assert {(peer.recv(100), peer.recv(1)) for peer in crowd.peers} == {(b"good bye", b"")}

    stage.play(story)


def test_who_closes_meanwhile_hears_of_no_half_close(stage: Any, few: None) -> None:
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        for protocol, peer in zip(crowd.protocols, crowd.peers, strict=True):
            alsoProvides(protocol, IHalfCloseableProtocol)
            peer.shutdown(socket.SHUT_WR)
        await crowd.leaving
        await crowd.turn()
        crowd.each("loseConnection")
        await crowd.gone
        assert 0 < [protocol.received for protocol in crowd.protocols].count(b"EOF") <= 2 * FEW

    stage.play(story)


def test_who_has_lost_its_client_may_use_its_transport_until_it_is_told(stage: Any, few: None) -> None:
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        crowd.reset()
        await crowd.leaving
        await crowd.turn()
        waiting = [protocol.transport for protocol in crowd.protocols if not protocol.reasons]
        assert waiting
        for transport in waiting:
            transport.write(b"x")
            transport.pauseProducing()
            transport.resumeProducing()
            transport.loseConnection()
            transport.abortConnection()
            transport.unregisterProducer()
            assert transport.getPeer().host == "127.0.0.1"
        await crowd.gone
        assert [len(reasons) for reasons in crowd.reasons()] == [1] * CLIENTS

    stage.play(story)


def test_a_crowd_is_accepted_some_at_a_time(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "ACCEPTS", FEW)
    crowd = Crowd(stage)

    async def story() -> None:
        await crowd.gather()
        assert max(crowd.turns) == FEW

    stage.play(story)
