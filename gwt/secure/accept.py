"""Server side: a listener's factory behind TLS. Its protocols are made once their handshake is done, not before."""

from __future__ import annotations

import ssl
from typing import Any

from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.secure.bio import Creator
from gwt.tls.keychain import Keychain, admitted
from gwt.tls.peer import Handshake


class Tally:
    """How many handshakes are under way (`pending`), were `done` (so many `resumed`) and have `failed`."""

    def __init__(self) -> None:
        self.pending = self.done = self.resumed = self.failed = 0


class Secured(Factory):
    """`factory` behind TLS with the certificates of `keychain`.

    A factory with `buildSecured(addr, handshake)` is told what the handshake has settled, within `timeout` seconds.
    """

    noisy = False

    def __init__(self, factory: Any, keychain: Keychain, timeout: float, tally: Tally) -> None:
        self.factory, self.keychain, self.timeout, self.tally = factory, keychain, timeout, tally

    @property
    def context(self) -> ssl.SSLContext:
        """Where connections begin."""
        return self.keychain.front

    def doStart(self) -> None:
        self.factory.doStart()

    def doStop(self) -> None:
        self.factory.doStop()

    def buildProtocol(self, addr: Any) -> Any:
        """What stands there until the handshake is done; None where there are too many connections already."""
        limits = getattr(self.factory, "limits", None)
        if limits is not None and self.factory.connections + self.tally.pending >= limits.max_connections:
            self.tally.failed += 1
            return None
        return Doorway(self, addr)

    def settled(self, addr: Any, connection: ssl.SSLObject) -> Any:
        """The protocol of a connection whose handshake is done; None where it has not shown what it must."""
        if not admitted(connection):
            return None
        build = getattr(self.factory, "buildSecured", None)
        return self.factory.buildProtocol(addr) if build is None else build(addr, Handshake(connection))


@implementer(IHandshakeListener)
class Doorway(Protocol):
    """Stands before a protocol until the handshake is done, or has failed."""

    #: It raises nothing, and is never told by anybody but its stream.
    native_data_received = True

    def __init__(self, secured: Secured, addr: Any) -> None:
        self._secured, self._addr = secured, addr
        self._overdue: Any = None
        self._open = True
        secured.tally.pending += 1

    def limit(self, reactor: Any) -> None:
        """Give up after a while, where the transport does not by itself."""
        self._overdue = reactor.callLater(self._secured.timeout, self._too_slow)

    def _too_slow(self) -> None:
        self._overdue = None
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def settle(self, connection: ssl.SSLObject) -> Any:
        """The handshake is done: the protocol that takes this one's place, None where there is none."""
        self._over()
        protocol = self._secured.settled(self._addr, connection)
        tally = self._secured.tally
        if protocol is None:
            tally.failed += 1
        else:
            tally.done += 1
            tally.resumed += bool(connection.session_reused)
        return protocol

    def handshakeCompleted(self) -> None:
        """`IHandshakeListener`: on reactors whose transports are wrapped."""
        wrapper: Any = self.transport
        protocol = self.settle(wrapper.getHandle().object)
        if protocol is None:
            wrapper.abortConnection()
        else:
            wrapper.wrappedProtocol = protocol
            protocol.makeConnection(wrapper)

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        """It is over before it has begun."""
        if self._over():
            self._secured.tally.failed += 1

    def _over(self) -> bool:
        """Count it out, once."""
        if not self._open:
            return False
        self._open = False
        self._secured.tally.pending -= 1
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
        return True


class Wrapped(TLSMemoryBIOFactory):
    """`secured` on a reactor that knows nothing of it: Twisted's TLS around its transports."""

    protocol = TLSMemoryBIOProtocol

    def __init__(self, secured: Secured, reactor: Any) -> None:
        super().__init__(Creator(lambda: secured.context), False, secured, reactor)

    def buildProtocol(self, addr: Any) -> Any:
        doorway = self.wrappedFactory.buildProtocol(addr)
        if doorway is None:
            return None
        doorway.limit(self._clock)
        return self.protocol(self, doorway)
