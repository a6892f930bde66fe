from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gwt.edge.leg import Leg


class Owner:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def made(self, leg: Leg) -> None:
        self.heard.append("made")

    def early(self, data: bytes) -> None:
        self.heard.append(data)

    def half_closed(self, leg: Leg) -> None:
        self.heard.append("half-closed")

    def lost(self, leg: Leg, reason: Failure) -> None:
        self.heard.append("lost")


class Line(StringTransport):
    """A transport that can be half-closed."""

    half_closed = False

    def loseWriteConnection(self) -> None:
        self.half_closed = True


def joined() -> tuple[Owner, Leg, Leg, Line, Line]:
    owner = Owner()
    one, two, here, there = Leg(owner), Leg(owner), Line(), Line()
    one.makeConnection(here)
    two.makeConnection(there)
    one.join(two)
    return owner, one, two, here, there


def test_what_comes_before_the_other_is_there_goes_to_the_owner() -> None:
    owner = Owner()
    leg = Leg(owner)
    leg.makeConnection(Line())
    leg.dataReceived(b"early")
    assert owner.heard == ["made", b"early"]
    assert leg.count == 5


def test_what_comes_goes_out_on_the_other_and_is_counted() -> None:
    _, one, two, here, there = joined()
    one.dataReceived(b"to")
    two.dataReceived(b"and fro")
    assert (there.value(), here.value()) == (b"to", b"and fro")
    assert (one.count, two.count) == (2, 7)


def test_each_is_asked_for_no_more_than_the_other_takes() -> None:
    _, _, _, here, there = joined()
    producer: Any = here.producer
    assert (here.producer, there.producer) == (there, here)
    producer.pauseProducing()
    assert (here.producerState, there.producerState) == ("producing", "paused")


def test_ends() -> None:
    owner, one, two, here, there = joined()
    one.readConnectionLost()
    two.end_sending()
    assert (one.ended, there.half_closed, there.producer) == (True, True, None)
    two.close()
    assert there.disconnecting
    one.abort()
    assert here.disconnecting
    one.connectionLost(Failure(ValueError()))
    one.close()
    one.abort()
    assert one.gone
    assert owner.heard == ["made", "made", "half-closed", "lost"]


def test_what_can_not_be_half_closed_goes_on() -> None:
    leg = Leg(Owner())
    leg.makeConnection(StringTransport())
    leg.end_sending()
    assert not leg.transport.disconnecting
