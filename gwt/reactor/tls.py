"""TLS: a stream whose transport seals what it sends. Its protocol is made, or told, when the handshake is done."""

from __future__ import annotations

import ssl
from asyncio import BaseTransport, Transport
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import error, tcp
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.reactor.outgoing import HIGH_WATER
from gwt.reactor.sealed import Sealed
from gwt.reactor.tcp import ClientStream, Connector, Dialer, Port, ServerStream

if TYPE_CHECKING:
    from gwt.reactor.tcp import TCPStream as Base
else:
    #: The mixin has no slots of its own: a stream's class can't have two bases that do.
    Base = object

_RESET = ConnectionResetError("the connection ended without TLS's goodbye")


class Encrypted(Base):
    """Mixed into a stream: what TLS changes. There is no half-close, and only a goodbye is a clean end."""

    __slots__ = ()

    _goodbye: bool
    sealed: Sealed

    def _settle_handshake(self, connection: ssl.SSLObject) -> Any:
        """The protocol from now on, None where there is to be none."""
        raise TypeError(type(self))

    def handshake_failed(self, exc: BaseException) -> None:
        """There will be no connection."""
        timed_out = isinstance(exc, ConnectionAbortedError)
        self._lost(Failure(error.TimeoutError()) if timed_out else Failure(exc))

    # -- called by its transport

    def connection_made(self, transport: BaseTransport) -> None:
        """The handshake is done."""
        cast(Transport, transport).set_write_buffer_limits(high=HIGH_WATER)
        super().connection_made(transport)
        if not self.connected or self.disconnecting:
            return
        protocol = self._settle_handshake(transport.get_extra_info("ssl_object"))
        if protocol is None:
            self.abortConnection()
            return
        self.protocol = protocol
        try:
            protocol.makeConnection(self)
        except Exception:
            self._fail(Failure())

    def eof_received(self) -> bool:
        """The peer has said goodbye: it is answered, and that is the end."""
        self._goodbye = True
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        """Without a goodbye nobody can tell whether all was received that was sent."""
        if exc is None and not (self._goodbye or self.disconnecting) and self._reason is None:
            exc = _RESET
        super().connection_lost(exc)

    # -- the end

    def loseWriteConnection(self) -> None:
        """There is no end of one side: whoever asks for it ends both (`gwt.secure.ends` asks nobody)."""
        self.loseConnection()

    def abortConnection(self) -> None:
        super().abortConnection()
        self._give_up()

    def connectionLost(self, reason: Failure) -> None:
        if self._uv is None:
            self._lost(reason)
        else:
            super().connectionLost(reason)
        self._give_up()

    def _lose(self) -> None:
        super()._lose()
        self._give_up()

    def _give_up(self) -> None:
        """Whatever it is that ends, nobody waits for the handshake any more."""
        if self._uv is None:
            self.sealed.give_up(ConnectionResetError("the connection was given up"))

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """What ALPN has settled (`INegotiated`); None for nothing."""
        connection = None if self._uv is None else self._uv.get_extra_info("ssl_object")
        chosen = None if connection is None else connection.selected_alpn_protocol()
        return None if chosen is None else chosen.encode()

    def getPeerCertificate(self) -> bytes | None:
        """The peer's certificate in DER (`ISSLTransport`)."""
        connection = None if self._uv is None else self._uv.get_extra_info("ssl_object")
        return None if connection is None else connection.getpeercert(binary_form=True)


@implementer(ISSLTransport)
class ServerTLSStream(Encrypted, ServerStream):
    """A connection that was accepted on a secured port. Until its handshake is done a doorway is its protocol."""

    __slots__ = ("_goodbye", "sealed")

    def __init__(self, sock: Any, protocol: Any, client: Any, server: Any, sessionno: int, reactor: Any) -> None:
        self._goodbye = False
        super().__init__(sock, protocol, client, server, sessionno, reactor)

    @property
    def handshake(self) -> tuple[ssl.SSLContext, str | None, float]:
        """Context, whom a client expects, seconds."""
        secured = cast(Any, self.server).factory
        return secured.context, None, secured.timeout

    def _settle_handshake(self, connection: ssl.SSLObject) -> Any:
        return self._protocol.settle(connection)


@implementer(ISSLTransport)
class ClientTLSStream(Encrypted, ClientStream):
    """A connection that we have made; for its connector it is one only when the handshake is done."""

    __slots__ = ("_goodbye", "_settled", "handshake", "sealed")

    def __init__(self, dialer: TLSDialer) -> None:
        self._goodbye = self._settled = False
        connector = dialer.connector
        left = connector.deadline - cast(Any, dialer.reactor).seconds()
        self.handshake = connector.context, connector.server_name, max(0.01, left)
        super().__init__(dialer, Protocol())

    def _settle_handshake(self, connection: ssl.SSLObject) -> Any:
        self._settled = True
        return self.connector.buildProtocol(self.getPeer())

    def failIfNotConnected(self, reason: BaseException) -> None:
        """The attempt is given up (`Connector.stopConnecting`)."""
        self.abortConnection()

    def _lost(self, reason: Failure) -> None:
        if self._settled or self.disconnected:
            super()._lost(reason)
            return
        self.disconnected, self.connected = True, False
        self.reactor.forget(self)
        self._uv = self._protocol = None
        self.connector.connectionFailed(reason)


class TLSDialer(Dialer):
    """A connection attempt that a handshake follows."""

    connector: Any

    def _connectDone(self) -> None:
        self.connected = 1
        connector = self.connector
        connector.transport = ClientTLSStream(self)
        del self.socket, self.fileno, self.connector


class TLSConnector(Connector):
    """Makes connections over TLS to `server_name`, in `timeout` seconds altogether."""

    def __init__(
        self, host: Any, port: Any, factory: Any, timeout: float, reactor: Any, context: Any, name: str
    ) -> None:
        super().__init__(host, port, factory, timeout, None, reactor)
        self.context, self.server_name = context, name
        self.deadline = reactor.seconds() + timeout

    def _makeTransport(self) -> tcp.Client:
        return TLSDialer(self.host, self.port, self.bindAddress, self, self.reactor)


class TLSPort(Port):
    """A port whose factory is a `gwt.secure.accept.Secured`."""

    transport = ServerTLSStream
