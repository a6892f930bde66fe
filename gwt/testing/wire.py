"""Wire: a transport in memory. What is written to it goes to a function; nothing is on its way by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer


def address(host: str, port: int) -> IPv4Address | IPv6Address:
    """`host` and `port` as Twisted has them."""
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


@implementer(ITCPTransport, IConsumer, IPushProducer)
class Wire:
    """One side of a connection: `took` is given what is written. `closed`, `aborted` and `paused` say what was asked.

    The other side hears of the end with `settle`, as it would from a reactor.
    """

    disconnecting = False

    def __init__(
        self, protocol: Any, took: Callable[[bytes], None], peer: str = "192.0.2.7", host: str = "192.0.2.1",
        port: int = 9080,
    ) -> None:  # fmt: skip
        self.protocol, self._took = protocol, took
        self._peer, self._host = address(peer, 50_000), address(host, port)
        self.closed = self.aborted = self.half_closed = self.paused = self.lost = False
        self.producer: Any = None

    @property
    def over(self) -> bool:
        """Nothing can be written any more."""
        return self.half_closed or self.closed or self.aborted or self.lost

    # -- for the protocol

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"a transport takes bytes, not {type(data).__name__}")
        if not self.over:
            self._took(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        self.closed = self.disconnecting = True

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = self.disconnecting = True

    def getPeer(self) -> IPv4Address | IPv6Address:
        return self._peer

    def getHost(self) -> IPv4Address | IPv6Address:
        return self._host

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is nothing to delay."""

    def getTcpKeepAlive(self) -> bool:
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """There is nothing to keep alive."""

    # -- for who moves the bytes

    def deliver(self, data: bytes) -> None:
        """`data` arrives, unless the connection is gone."""
        if not (self.closed or self.aborted or self.lost):
            self.protocol.dataReceived(data)

    def lose(self, clean: bool = True) -> None:
        """The connection is gone; the protocol hears of it once."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(ConnectionDone() if clean else ConnectionAborted()))

    def settle(self) -> bool:
        """Whether the protocol has closed the connection, and heard only now that it is gone."""
        if self.lost or not (self.closed or self.aborted):
            return False
        self.lose(clean=not self.aborted)
        return True
