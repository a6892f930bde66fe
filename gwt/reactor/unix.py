"""UNIX sockets: Twisted's ports, connectors and connection attempts, with streams as their outcome."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet import unix
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from gwt.reactor.stream import Stream, protocol_prefix
from gwt.reactor.tcp import Handover

if TYPE_CHECKING:
    from gwt.reactor.reactor import UVLoopReactor


class UNIXStream(Stream):
    """What a UNIX socket adds to a stream."""

    __slots__ = ()

    def getTcpNoDelay(self) -> bool:
        """There is no TCP here."""
        return False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no TCP here."""


class ServerStream(UNIXStream):
    """A connection that was accepted."""

    __slots__ = ("server", "sessionno", "hostname")

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: Any,
        server: unix.Port | None,
        sessionno: int,
        reactor: UVLoopReactor,
    ) -> None:
        self.server = server
        self.sessionno = sessionno
        self.hostname = client
        super().__init__(sock, protocol, reactor)

    @classmethod
    def adopt(cls, descriptor: int, factory: Any, reactor: UVLoopReactor) -> ServerStream | None:
        """Serve a copy of a connected descriptor; None where the factory doesn't want it."""
        skt = socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM)
        skt.setblocking(False)
        protocol = factory.buildProtocol(UNIXAddress(skt.getsockname()))
        if protocol is None:
            skt.close()
            return None
        stream = cls(skt, protocol, skt.getpeername(), None, 0, reactor)
        protocol.makeConnection(stream)
        return stream

    def getHost(self) -> UNIXAddress:
        """This end's address; AttributeError once the connection is lost."""
        return UNIXAddress(self.socket.getsockname())

    def getPeer(self) -> UNIXAddress:
        """The other end's address, which mostly has no name."""
        return UNIXAddress(self.hostname or None)

    def _make_log_prefix(self) -> str:
        return f"{protocol_prefix(self._protocol)},{self.sessionno},{self.hostname}"


class ClientStream(UNIXStream):
    """A connection that we have made."""

    __slots__ = ("connector", "_peer")

    _tlsClientDefault = True

    def __init__(self, dialer: unix.Client, protocol: IProtocol) -> None:
        self.connector = dialer.connector
        self._peer = dialer.realAddress
        super().__init__(dialer.socket, protocol, dialer.reactor)

    def getHost(self) -> UNIXAddress:
        """This end's address, which has no name."""
        return UNIXAddress(None)

    def getPeer(self) -> UNIXAddress:
        """The other end's address."""
        return UNIXAddress(self._peer)

    def _make_log_prefix(self) -> str:
        return f"{protocol_prefix(self._protocol)},client"

    def _lost(self, reason: Failure) -> None:
        if not self.disconnected:
            super()._lost(reason)
            self.connector.connectionLost(reason)


class Dialer(Handover, unix.Client):
    """A connection attempt."""

    stream = ClientStream


class Connector(unix.Connector):
    """Twisted's connector, making our connection attempts."""

    def _makeTransport(self) -> unix.Client:
        return Dialer(self.address, self, self.reactor, self.checkPID)


class Port(unix.Port):
    """Twisted's port, making our streams."""

    transport = ServerStream  # type: ignore[assignment]
