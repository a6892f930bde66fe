"""Two Twisted protocols over TLS, through memory, and what stands before them."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport


class Wire(StringTransport):
    """A transport in memory that notes its end."""

    aborted = False

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.reactor = clock

    def abortConnection(self) -> None:
        self.aborted = self.disconnecting = True

    def loseConnection(self) -> None:
        self.disconnecting = True


class Notes(Protocol):
    """Notes what happens to it."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = reason


class Made(Factory):
    """Makes Notes; `handshakes` are what it was told of."""

    noisy = False

    def __init__(self) -> None:
        self.made: list[Notes] = []
        self.handshakes: list[Any] = []

    def buildProtocol(self, addr: Any) -> Notes:
        self.made.append(Notes())
        return self.made[-1]


class Secure(Made):
    """Told of handshakes; takes `connections` that are open already as it is told."""

    class limits:
        max_connections = 1

    connections = 0

    def buildSecured(self, addr: Any, handshake: Any) -> Notes:
        self.handshakes.append(handshake)
        return self.buildProtocol(addr)


def carry(*pairs: tuple[Any, Wire, Any]) -> None:
    """Hand what `wire` holds to whoever it leads to, until nothing more is said."""
    again = True
    while again:
        again = False
        for _, wire, target in pairs:
            data = wire.value()
            wire.clear()
            if data:
                again = True
                target.dataReceived(data)
