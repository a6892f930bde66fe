"""Client side: connections over TLS whose protocol is made once the handshake is done, on any reactor."""

from __future__ import annotations

import ssl
from typing import Any

from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.secure.bio import Creator, HandshakeError


def connect_securely(
    reactor: Any, host: str, port: int, factory: Any, timeout: float, context: ssl.SSLContext, server_name: str
) -> Any:
    """Connect in `timeout` seconds to who must be `server_name`; returns what can be disconnected.

    A protocol of `factory` is made when the handshake is done; `clientConnectionFailed` hears why there is none, by an
    `ssl.SSLError` where it was TLS.
    """
    own = getattr(reactor, "connectSecurely", None)
    if own is not None:
        return own(host, port, factory, timeout, context, server_name)
    attempt = Attempt(factory, reactor.seconds() + timeout, reactor)
    wrapped = TLSMemoryBIOFactory(Creator(lambda: context, server_name), True, attempt, reactor)
    wrapped.protocol = TLSMemoryBIOProtocol
    return reactor.connectTCP(host, port, wrapped, timeout=timeout)


class Attempt(ClientFactory):
    """Makes `factory` hear of a connection when its handshake is done, and until then of failures only."""

    noisy = False

    def __init__(self, factory: Any, deadline: float, reactor: Any) -> None:
        self.factory, self.deadline, self.reactor = factory, deadline, reactor
        self.settled = False
        self.reason: Failure | None = None

    def buildProtocol(self, addr: Any) -> Any:
        return Threshold(self, addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.factory.clientConnectionFailed(connector, reason)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        if self.settled:
            self.factory.clientConnectionLost(connector, reason)
        else:
            self.factory.clientConnectionFailed(connector, self.reason or reason)


@implementer(IHandshakeListener)
class Threshold(Protocol):
    """Stands before a protocol until the handshake is done."""

    def __init__(self, attempt: Attempt, addr: Any) -> None:
        self._attempt, self._addr = attempt, addr
        left = max(0.01, attempt.deadline - attempt.reactor.seconds())
        self._overdue = attempt.reactor.callLater(left, self._too_slow)

    def _too_slow(self) -> None:
        self._attempt.reason = Failure(TimeoutError())
        self.transport.abortConnection()  # type: ignore[union-attr]

    def handshakeCompleted(self) -> None:
        """`IHandshakeListener`."""
        self._overdue.cancel()
        self._attempt.settled = True
        wrapper: Any = self.transport
        protocol = wrapper.wrappedProtocol = self._attempt.factory.buildProtocol(self._addr)
        protocol.makeConnection(wrapper)

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        """It is over before it has begun."""
        if self._overdue.active():
            self._overdue.cancel()
        if self._attempt.reason is None:
            cause = reason.value
            self._attempt.reason = Failure(cause.cause) if isinstance(cause, HandshakeError) else reason
