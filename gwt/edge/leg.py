"""One of the two connections of a relay: what comes on it goes out on the other."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.secure.ends import half_close_of

#: Bytes that are read and written at once where Twisted reads and writes (uvloop reads as much by itself).
AT_ONCE = 1 << 18


class Owner(Protocol):
    """The relay that a leg belongs to. Nothing of it raises."""

    def made(self, leg: Leg) -> None:
        """The leg's connection is there."""

    def early(self, data: bytes) -> None:
        """The client has sent this before there is another leg."""

    def half_closed(self, leg: Leg) -> None:
        """The peer of this leg will send no more."""

    def lost(self, leg: Leg, reason: Failure) -> None:
        """The leg's connection is gone."""


@implementer(IProtocol, IHalfCloseableProtocol)
class Leg:
    """`count` bytes have come; `other` gets them, once there is one. `ended`: no more will come; `gone`: it is closed.

    Each transport is the producer of the other: what one peer does not take, the other is not asked for.
    """

    __slots__ = ("_fed", "_owner", "count", "ended", "gone", "other", "transport")

    native_data_received = True
    transport: Any

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.count = 0
        self.ended = self.gone = self._fed = False
        self.other: Leg | None = None

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        if hasattr(transport, "SEND_LIMIT"):
            transport.bufferSize = transport.SEND_LIMIT = AT_ONCE
        self._owner.made(self)

    def connectionMade(self) -> None:
        """`makeConnection` does it all."""

    def dataReceived(self, data: bytes) -> None:
        self.count += len(data)
        other = self.other
        if other is not None:
            other.transport.write(data)
        else:
            self._owner.early(data)

    def readConnectionLost(self) -> None:
        self.ended = True
        self._owner.half_closed(self)

    def writeConnectionLost(self) -> None:
        """Our half-close has been carried out."""

    def connectionLost(self, reason: Failure) -> None:
        self.gone = True
        self._owner.lost(self, reason)

    def join(self, other: Leg) -> None:
        """What comes on either goes out on the other from now on, no faster than it is taken."""
        for one, two in ((self, other), (other, self)):
            one.other, one._fed = two, True
            one.transport.registerProducer(two.transport, True)

    def end_sending(self) -> None:
        """The other's peer will send no more: tell this one's, once it has taken all."""
        self._no_more()
        half_close = half_close_of(self.transport)
        if half_close is not None:  # else it goes on until both have ended
            half_close()

    def _no_more(self) -> None:
        """The other's transport feeds this one no longer."""
        if self._fed:
            self._fed = False
            self.transport.unregisterProducer()

    def close(self) -> None:
        """Close once everything is sent."""
        if not self.gone:
            self._no_more()
            self.transport.loseConnection()

    def abort(self) -> None:
        """Close now, visibly broken."""
        if not self.gone:
            self.transport.abortConnection()
