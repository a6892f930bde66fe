"""UNIX sockets: Twisted's ports, connectors and connection attempts, with streams as their outcome.

A protocol that provides `IFileDescriptorReceiver` gets Twisted's own transport: uvloop's can't receive them.
"""

from __future__ import annotations

import socket
from asyncio import Transport
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import error, unix
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import (
    IFileDescriptorReceiver,
    IProtocol,
    ITCPTransport,
    ITLSTransport,
    IUNIXTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.reactor.incoming import protocol_prefix
from gwt.reactor.outbox import MANY, Outbox
from gwt.reactor.stream import LOST, Stream
from gwt.reactor.tcp import Accepting, Handover

if TYPE_CHECKING:
    from gwt.reactor.reactor import UVLoopReactor


class UNIXStream(Stream):
    """What a UNIX socket adds to a stream: no addresses worth the name, and descriptors that can be sent."""

    __slots__ = ("_outbox",)

    def __init__(self, skt: socket.socket, protocol: IProtocol, reactor: UVLoopReactor) -> None:
        self._outbox: Outbox | None = None
        super().__init__(skt, protocol, reactor)

    def sendFileDescriptor(self, fileno: int) -> None:
        """Send a copy of a descriptor, with the next byte that is written (`IUNIXTransport`)."""
        if not self.connected:
            return
        outbox = self._outbox
        if outbox is None:
            outbox = self._outbox = Outbox(self._loop)
            self._rewire()
            self._look_for_drain()
        outbox.descriptors.append(fileno)
        if len(outbox.descriptors) > MANY:
            self.pause_writing()

    def _rewire(self) -> None:
        super()._rewire()
        if self._outbox is not None and self._uv is not None:
            self._uv.set_write_buffer_limits(high=0)
            self._watched = True
            self._use(self._write_after_descriptors, self._join)

    def _write_after_descriptors(self, data: bytes) -> None:
        if self._outbox is not None:
            self._outbox.data += data
            self._look_for_drain()
        else:  # somebody has kept this method from before
            self._send(data)

    def _flush_early(self, uv: Transport) -> None:
        outbox, early = self._outbox, self._early
        if outbox is None:
            super()._flush_early(uv)
        else:
            self._early = None
            outbox.data += early or b""
            self._send_descriptors(uv, outbox)

    def _on_drain(self) -> None:
        outbox, uv = self._outbox, self._uv
        if outbox is None:
            super()._on_drain()
            return
        self._drain_due = False
        if uv is not None and not outbox.waiting and not uv.get_write_buffer_size():
            self._send_descriptors(uv, outbox)

    def _send_descriptors(self, uv: Transport, outbox: Outbox) -> None:
        try:
            done = outbox.send(self.socket, self._look_for_drain)
        except error.FileDescriptorOverrun:
            self.connectionLost(Failure())
            return
        except OSError:
            self.connectionLost(LOST)
            return
        if not done:
            return
        self._outbox = None
        self._full = False
        self._rewire()
        if outbox.data:
            uv.write(bytes(outbox.data))
        if self.disconnecting:
            self._close_when_sent(uv)
        else:
            self._look_for_drain()

    def _close_when_sent(self, uv: Transport) -> None:
        if self._outbox is None:
            super()._close_when_sent(uv)

    def _lost(self, reason: Failure) -> None:
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None
        super()._lost(reason)

    def getTcpNoDelay(self) -> bool:
        """There is no TCP here."""
        return False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no TCP here."""


@implementer(IUNIXTransport, ITCPTransport, ITLSTransport)
class ServerStream(UNIXStream):
    """A connection that was accepted."""

    __slots__ = ("hostname", "server", "sessionno")

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

    def getHost(self) -> Any:
        """This end's `UNIXAddress`; AttributeError once the connection is lost."""
        return UNIXAddress(self.socket.getsockname())

    def getPeer(self) -> Any:
        """The other end's `UNIXAddress`, which mostly has no name."""
        return UNIXAddress(self.hostname or None)

    def _make_log_prefix(self) -> str:
        name = self.hostname
        if self.server is None and self.connected:
            name = self.socket.getsockname()
        return f"{protocol_prefix(self._protocol)},{self.sessionno},{name}"

    def __repr__(self) -> str:
        name = self.socket.getsockname() if self.connected else None
        return f"<{type(self._protocol).__name__} #{self.sessionno} on {name}>"


@implementer(IUNIXTransport, ITCPTransport, ITLSTransport)
class ClientStream(UNIXStream):
    """A connection that we have made."""

    __slots__ = ("_peer", "connector")

    _tlsClientDefault = True

    def __init__(self, dialer: unix.Client, protocol: IProtocol) -> None:
        self.connector = dialer.connector
        self._peer = cast(Any, dialer.realAddress)  # a path
        super().__init__(dialer.socket, protocol, cast("UVLoopReactor", dialer.reactor))

    def getHost(self) -> Any:
        """This end's `UNIXAddress`, which has no name."""
        return UNIXAddress(None)

    def getPeer(self) -> Any:
        """The other end's `UNIXAddress`."""
        return UNIXAddress(self._peer)

    def _make_log_prefix(self) -> str:
        return f"{protocol_prefix(self._protocol)},client"

    def _lost(self, reason: Failure) -> None:
        if not self.disconnected:
            super()._lost(reason)
            self.connector.connectionLost(reason)


def serve(
    sock: socket.socket, protocol: IProtocol, client: Any, server: Any, sessionno: int, reactor: UVLoopReactor
) -> ServerStream | unix.Server:
    """The transport for an accepted connection."""
    if IFileDescriptorReceiver.providedBy(protocol):
        return unix.Server(sock, protocol, client, server, sessionno, reactor)
    return ServerStream(sock, protocol, client, server, sessionno, reactor)


def adopt(descriptor: int, factory: Any, reactor: UVLoopReactor) -> ServerStream | unix.Server | None:
    """Serve a copy of a connected descriptor; None where the factory doesn't want it."""
    skt = socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM)
    skt.setblocking(False)
    protocol = factory.buildProtocol(UNIXAddress(skt.getsockname()))
    if protocol is None:
        skt.close()
        return None
    stream = serve(skt, protocol, skt.getpeername(), None, 0, reactor)
    protocol.makeConnection(stream)
    return stream


class Dialer(Handover, unix.Client):
    """A connection attempt."""

    stream = ClientStream

    def _wants_twisteds(self, protocol: Any) -> bool:
        return IFileDescriptorReceiver.providedBy(protocol)


class Connector(unix.Connector):
    """Twisted's connector, making our connection attempts."""

    def _makeTransport(self) -> Any:
        return Dialer(self.address, self, self.reactor, self.checkPID)


class Port(Accepting, unix.Port):
    """Twisted's port, making our streams."""

    transport = staticmethod(serve)  # type: ignore[assignment]
