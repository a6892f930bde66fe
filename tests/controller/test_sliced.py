"""gwt.controller.sliced: everything comes, in order, by pieces, and the end after it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gwt.controller.sliced import PIECE, Slicing


class Taker(Protocol):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.paused = False
        self.ends = 0

    def dataReceived(self, data: bytes) -> None:
        assert not self.paused and not self.ends and data
        self.pieces.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.ends += 1

    def flow(self, on: bool) -> None:
        self.paused = not on
        (self.transport.resumeProducing if on else self.transport.pauseProducing)()  # type: ignore[union-attr]


class Stage:
    def __init__(self) -> None:
        self.clock, self.taker, self.transport = Clock(), Taker(), StringTransport()
        made = Slicing(Factory.forProtocol(lambda: self.taker), self.clock).buildProtocol(None)
        assert made is not None
        self.sliced: Any = made
        self.sliced.makeConnection(self.transport)

    def lose(self) -> None:
        self.sliced.connectionLost(Failure(ConnectionDone()))

    @property
    def reads(self) -> bool:
        return self.transport.producerState == "producing"


STEPS = st.lists(
    st.one_of(
        st.integers(1, 3 * PIECE).map(lambda size: ("data", size)),
        st.sampled_from([("pause", 0), ("resume", 0), ("turn", 0)]),
    ),
    max_size=30,
)


@given(STEPS)
def test_all_comes_in_order_and_then_the_end(steps: list[tuple[str, int]]) -> None:
    stage, sent = Stage(), b""
    for what, size in steps:
        if what == "data" and stage.reads:
            data = bytes(len(sent) + one & 255 for one in range(size))
            sent += data
            stage.sliced.dataReceived(data)
        elif what == "turn":
            stage.clock.advance(0)
        elif what in ("pause", "resume"):
            stage.taker.flow(what == "resume")
    stage.lose()
    stage.taker.flow(True)
    stage.clock.pump([0] * 200)
    assert b"".join(stage.taker.pieces) == sent and stage.taker.ends == 1
    assert not stage.clock.getDelayedCalls()


def test_one_piece_a_turn_and_nothing_is_read_meanwhile() -> None:
    stage = Stage()
    stage.sliced.dataReceived(b"a" * 100)
    assert stage.taker.pieces == [b"a" * 100] and stage.reads
    stage.sliced.dataReceived(b"b" * (2 * PIECE + 1))
    assert len(stage.taker.pieces) == 1 and not stage.reads and len(stage.clock.getDelayedCalls()) == 1
    stage.clock.advance(0)  # which goes on until nothing more is due
    assert [len(piece) for piece in stage.taker.pieces[1:]] == [PIECE, PIECE, 1]
    assert stage.reads and not stage.clock.getDelayedCalls()


def test_what_is_broken_off_hands_nothing_on() -> None:
    for lost_before in (False, True):
        stage = Stage()
        stage.sliced.dataReceived(b"b" * (2 * PIECE))
        if lost_before:
            stage.lose()
        stage.sliced.abortConnection()
        if not lost_before:
            stage.lose()
        stage.clock.advance(0)
        assert stage.taker.pieces == [] and stage.taker.ends == 1
