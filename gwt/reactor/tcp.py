"""TCP: Twisted's ports, connectors and connection attempts, with streams as their outcome."""

from __future__ import annotations

import socket
from asyncio import Transport
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IProtocol, ITCPTransport, ITLSTransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.reactor.incoming import protocol_prefix
from gwt.reactor.stream import Stream

if TYPE_CHECKING:
    from gwt.reactor.reactor import UVLoopReactor

#: Connections that are accepted in one turn of the loop, each for some 100 µs.
ACCEPTS = 32


@implementer(ITCPTransport, ITLSTransport)
class TCPStream(Stream):
    """What TCP adds to a stream: addresses and Nagle's algorithm (off unless it is asked for)."""

    __slots__ = ("_delay", "_peer")

    def __init__(self, skt: socket.socket, protocol: IProtocol, peer: tuple[Any, ...], reactor: UVLoopReactor) -> None:
        self._peer = peer
        self._delay = False
        super().__init__(skt, protocol, reactor)

    def _made(self, uv: Transport) -> None:
        if self._delay:
            self.setTcpNoDelay(False)

    def _address(self, name: tuple[Any, ...]) -> IPv4Address | IPv6Address:
        return IPv4Address("TCP", *name) if len(name) == 2 else IPv6Address("TCP", *name)

    def getHost(self) -> IPv4Address | IPv6Address:
        """This end's address; AttributeError once the connection is lost."""
        return self._address(tcp._getsockname(self.socket))

    def getPeer(self) -> IPv4Address | IPv6Address:
        """The other end's address, also after the connection was lost."""
        return self._address(self._peer)

    def getTcpNoDelay(self) -> bool:
        """Is `TCP_NODELAY` on? It is, unless it was turned off."""
        if self._uv is None:
            return not self._delay
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Turn `TCP_NODELAY` on or off."""
        self._delay = not enabled
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, bool(enabled))


class ServerStream(TCPStream):
    """A connection that was accepted."""

    __slots__ = ("server", "sessionno")

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: tuple[Any, ...],
        server: tcp.Port | None,
        sessionno: int,
        reactor: UVLoopReactor,
    ) -> None:
        self.server = server
        self.sessionno = sessionno
        super().__init__(sock, protocol, client, reactor)

    @classmethod
    def adopt(cls, descriptor: int, family: int, factory: Any, reactor: UVLoopReactor) -> ServerStream | None:
        """Serve a copy of a connected descriptor; None where the factory doesn't want it."""
        skt = socket.fromfd(descriptor, family, socket.SOCK_STREAM)
        skt.setblocking(False)
        peer = tcp._getpeername(skt)
        protocol = factory.buildProtocol((IPv6Address if family == socket.AF_INET6 else IPv4Address)("TCP", *peer))
        if protocol is None:
            skt.close()
            return None
        stream = cls(skt, protocol, peer, None, peer[1], reactor)
        protocol.makeConnection(stream)
        return stream

    @property
    def client(self) -> tuple[Any, ...]:
        """The peer's address as the socket module gives it."""
        return self._peer

    @property
    def hostname(self) -> str:
        """The peer's IP address."""
        return str(self._peer[0])

    def _make_log_prefix(self) -> str:
        return f"{protocol_prefix(self._protocol)},{self.sessionno},{self._peer[0]}"

    def __repr__(self) -> str:
        if self.server is not None:
            port = self.server._realPortNumber
        else:
            port = self.socket.getsockname()[1] if self.connected else None
        return f"<{type(self._protocol).__name__} #{self.sessionno} on {port}>"


class ClientStream(TCPStream):
    """A connection that we have made."""

    __slots__ = ("addr", "connector")

    _tlsClientDefault = True

    def __init__(self, dialer: tcp.Client, protocol: IProtocol) -> None:
        self.connector = dialer.connector
        self.addr = dialer.addr
        super().__init__(dialer.socket, protocol, dialer.realAddress, cast("UVLoopReactor", dialer.reactor))

    def _make_log_prefix(self) -> str:
        return f"{protocol_prefix(self._protocol)},client"

    def _lost(self, reason: Failure) -> None:
        if not self.disconnected:
            super()._lost(reason)
            self.connector.connectionLost(reason)

    def __repr__(self) -> str:
        return f"<{type(self)} to {self.addr} at {id(self):x}>"


class Handover:
    """Mixed into one of Twisted's clients: once connected, a stream takes its place."""

    stream: type[Any]
    connector: Any
    connected: Any
    socket: Any
    fileno: Any
    getPeer: Any
    startReading: Any

    def _wants_twisteds(self, protocol: Any) -> bool:
        """Is Twisted's own transport what this protocol needs?"""
        return False

    def _connectDone(self) -> None:
        connector = self.connector
        protocol = connector.buildProtocol(self.getPeer())
        self.connected = 1  # nothing that times out or stops the attempt may touch the socket from here on
        if self._wants_twisteds(protocol):
            self.protocol, self.logstr = protocol, f"{protocol_prefix(protocol)},client"
            self.startReading()
            protocol.makeConnection(self)
            return
        stream = connector.transport = self.stream(self, protocol or Protocol())
        del self.socket, self.fileno, self.connector
        if protocol is None:
            stream.loseConnection()
            return
        try:
            protocol.makeConnection(stream)
        except Exception:
            stream._fail(Failure())


class Dialer(Handover, tcp.Client):
    """A connection attempt."""

    stream = ClientStream


class Connector(tcp.Connector):
    """Twisted's connector, making our connection attempts."""

    def _makeTransport(self) -> tcp.Client:
        return Dialer(self.host, self.port, self.bindAddress, self, self.reactor)


class Accepting:
    """Mixed into Twisted's ports, which accept in batches that grow with the rush: others must have their turn."""

    numberAccepts: int

    def doRead(self) -> None:
        """Accept what waits, but not too much in one turn of the loop."""
        self.numberAccepts = min(self.numberAccepts, ACCEPTS)
        super().doRead()  # type: ignore[misc]


class Port(Accepting, tcp.Port):
    """Twisted's port (surviving EMFILE), making our streams."""

    transport = ServerStream  # type: ignore[assignment]
