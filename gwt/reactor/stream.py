"""A connection: Twisted's transport to the protocol, asyncio's protocol to uvloop, in one object.

One object, because an idle connection should be small and a busy one should have no adapter frame
between uvloop and the protocol: uvloop calls what it finds as `data_received`, which for a protocol
that allows it is the protocol's own bound `dataReceived`, and the protocol calls `write`, which is
uvloop's own bound method.

A protocol's class allows it by `native_data_received = True`: a promise that instances never rebind
`dataReceived` and that it never raises. All others are called late-bound, with Twisted's log
context, and an exception of theirs is logged and loses the connection, as on any reactor.
"""

from __future__ import annotations

import socket
import struct
from asyncio import AbstractEventLoop, BaseTransport, Transport
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import _newtls, error
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    ILoggingContext,
    IProtocol,
    IPushProducer,
    ISystemHandle,
    ITCPTransport,
    ITLSTransport,
)
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.reactor.outgoing import Outgoing, discard

if TYPE_CHECKING:
    from gwt.reactor.reactor import UVLoopReactor

DONE = Failure(error.ConnectionDone())
LOST = Failure(error.ConnectionLost())
ABORTED = Failure(error.ConnectionAborted())

_RESET = struct.pack("ii", 1, 0)


class InTheClear:
    """The stream below TLS, as `_newtls.startTLS` wants to be given it."""

    @staticmethod
    def write(stream: Stream, data: bytes) -> None:
        stream._send(data)

    @staticmethod
    def writeSequence(stream: Stream, chunks: Iterable[bytes]) -> None:
        stream._send_many(chunks)

    @staticmethod
    def loseConnection(stream: Stream) -> None:
        stream._lose()

    @staticmethod
    def registerProducer(stream: Stream, producer: Any, streaming: bool) -> None:
        stream._register(producer, streaming)

    @staticmethod
    def unregisterProducer(stream: Stream) -> None:
        stream._unregister()


@implementer(ITCPTransport, ITLSTransport, ISystemHandle, IConsumer, IPushProducer, ILoggingContext)
class Stream(Outgoing):
    """A connected socket, from before uvloop's transport is there until the protocol was told of its end."""

    # __dict__ costs a pointer while it is unused; startTLS and some protocols put things there.
    __slots__ = (
        "reactor",
        "socket",
        "disconnected",
        "data_received",
        "_reason",
        "_reading",
        "_holding",
        "_held",
        "_log_prefix",
        "__dict__",
        "__weakref__",
    )

    _tlsClientDefault = False
    data_received: Callable[[bytes], None]

    def __init__(self, skt: socket.socket, protocol: IProtocol, reactor: UVLoopReactor) -> None:
        super().__init__(reactor._asyncioEventloop)
        self.reactor = reactor
        self.socket = skt
        self.disconnected = False
        self._reason: Failure | None = None
        self._reading = True
        self._holding = False
        self._held: bytes | None = None
        self._log_prefix: str | None = None
        self._protocol = None
        self.protocol = protocol
        reactor.attach(self)

    # -- the protocol ----------------------------------------------------------------------------

    @property
    def protocol(self) -> Any:
        """The protocol that gets the data; may be replaced at any time."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self._log_prefix = None
        if not self._holding:
            self._receive_by(self._receiver())

    def _receiver(self) -> Callable[[bytes], None]:
        protocol = self._protocol
        if getattr(type(protocol), "native_data_received", False):
            return cast("Callable[[bytes], None]", protocol.dataReceived)
        return self._deliver

    def _receive_by(self, receiver: Callable[[bytes], None]) -> None:
        self.data_received = receiver
        if self._uv is not None:
            self._uv.set_protocol(cast(Any, self))  # uvloop keeps the attribute, not its name

    # -- called by uvloop ------------------------------------------------------------------------

    def connection_made(self, transport: BaseTransport) -> None:
        """uvloop's transport is there: do what was asked for until now."""
        uv = cast(Transport, transport)
        if self.disconnected:
            uv.abort()
            return
        self._uv = uv
        self._rewire()
        self._made(uv)
        self._flush_early(uv)
        if self._reason is not None:
            uv.abort()
        elif self.disconnecting:
            self._close_when_sent(uv)
        elif self._watched:
            self._look_for_drain()
        if not self._reading:
            # uvloop begins to read after this call: what arrives before the pause counts is kept.
            self._holding = True
            self._receive_by(self._hold)
            self._loop.call_soon(self._settle)

    def _made(self, uv: Transport) -> None:
        """For socket options that uvloop has overridden."""

    def _deliver(self, data: bytes) -> None:
        """Hand data to a protocol of which nothing is known."""
        try:
            log.callWithContext({"system": self.logPrefix()}, self._protocol.dataReceived, data)
        except Exception:
            self._fail(Failure())

    def eof_received(self) -> bool:
        """The peer has shut down its sending side."""
        if self._holding:
            self._held = b""
        elif IHalfCloseableProtocol.providedBy(self._protocol):
            self._reading = False
            try:
                self._protocol.readConnectionLost()
            except Exception:
                self._fail(Failure())
        elif self._uv is not None:
            self._reason = self._reason or DONE
            self._uv.abort()
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """uvloop has given up the connection."""
        if self._reason is not None:
            self._lost(self._reason)
        elif exc is None:
            self._lost(DONE)
        else:
            self._lost(LOST if isinstance(exc, OSError) else Failure(exc))

    # -- the end ---------------------------------------------------------------------------------

    def _fail(self, failure: Failure) -> None:
        """Log what code above us raised, and lose the connection for it."""
        log.err(failure, system=self.logPrefix())
        self.connectionLost(failure)

    def _lost(self, reason: Failure) -> None:
        if self.disconnected:
            return
        prefix, protocol, producer = self.logPrefix(), self._protocol, self.producer
        self.disconnected, self.connected = True, False
        self.reactor.forget(self)
        self._uv = self._protocol = self.producer = self._held = self._early = None
        self.TLS = False
        self._use(discard, discard)
        self.data_received = discard
        if producer is not None:
            log.callWithLogger(_Prefix(prefix), producer.stopProducing)
        if reason is not ABORTED:
            self._shut_down()
        del self.socket
        log.callWithLogger(_Prefix(prefix), protocol.connectionLost, reason)

    def _shut_down(self) -> None:
        """Tell the peer of the end even where another process has a copy of the descriptor."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the peer was faster

    def connectionLost(self, reason: Failure) -> None:
        """End the connection now (the reactor shuts down, or a test cleans up)."""
        uv, skt = self._uv, getattr(self, "socket", None)
        self._lost(reason)
        if uv is not None:
            uv.abort()
        elif skt is not None and not self.reactor.attaching(self):
            skt.close()

    def loseConnection(self, reason: object = None) -> None:
        """Close once everything is sent; where TLS is on top, say goodbye to it first."""
        if not self.TLS:
            self._lose()
        elif self.connected and not self.disconnecting:
            self._protocol.loseConnection()

    def _lose(self) -> None:
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            if self._uv is not None:
                self._close_when_sent(self._uv)

    def abortConnection(self) -> None:
        """Close now with a reset, and forget what isn't sent."""
        if self.disconnected or self._reason is not None:
            return
        self._reason = ABORTED
        self.disconnecting = True
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:  # the socket is broken already: nothing is left to be reset
            log.msg("SO_LINGER refused while aborting", debug=True)
        self._early = None
        if self._uv is not None:
            self._uv.abort()

    # -- reading ---------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Stop reading (`IPushProducer`)."""
        self._reading = False
        if self._uv is not None:
            self._uv.pause_reading()
        else:
            self._loop.call_soon(self._settle)  # directly after uvloop has begun to read

    def resumeProducing(self) -> None:
        """Read again (`IPushProducer`)."""
        if not self.connected or self.disconnecting:
            return
        self._reading = True
        if self._uv is None:
            return
        if self._holding:
            self._loop.call_soon(self._settle)
        else:
            self._uv.resume_reading()

    stopReading = pauseProducing
    startReading = resumeProducing

    def stopConsuming(self) -> None:
        """The producer has lost its end: drop it and close."""
        self.unregisterProducer()
        self.loseConnection()

    def stopProducing(self) -> None:
        """Lose the connection (`IPushProducer`)."""
        self.loseConnection()

    def _hold(self, data: bytes) -> None:
        """Keep what came between uvloop's begin to read and the pause that was asked for before it."""
        self._held = data
        if self._uv is not None:
            self._uv.pause_reading()

    def _settle(self) -> None:
        """Bring a stream that was paused before it was attached to what is wanted by now."""
        uv = self._uv
        if uv is None or self.disconnecting:
            return
        if not self._reading:
            uv.pause_reading()
            return
        if not self._holding:
            return
        held, self._held, self._holding = self._held, None, False
        self._receive_by(self._receiver())
        if held:
            self.data_received(held)
        elif held is not None:
            self.eof_received()
            return
        if self._reading and self._uv is not None:
            uv.resume_reading()

    # -- producers and TLS -----------------------------------------------------------------------

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let a producer fill this stream (`IConsumer`)."""
        if self.TLS:
            self._protocol.registerProducer(producer, streaming)
        else:
            self._register(producer, streaming)

    def unregisterProducer(self) -> None:
        """The producer has ended (`IConsumer`)."""
        if self.TLS:
            self._protocol.unregisterProducer()
        else:
            self._unregister()

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """Put TLS between this stream and its protocol, from now on (`ITLSTransport`)."""
        _newtls.startTLS(self, contextFactory, normal, InTheClear)
        if self.connected:
            self.write, self.writeSequence = self._protocol.write, self._protocol.writeSequence

    @property
    def reading(self) -> bool:
        """Does this stream wait for input?"""
        return self._reading and self.connected and not self.disconnecting

    @property
    def writing(self) -> bool:
        """Has this stream got bytes that the kernel would not take yet?"""
        return self._uv is not None and self._uv.get_write_buffer_size() > 0

    # -- what people ask -------------------------------------------------------------------------

    def getHandle(self) -> socket.socket:
        """The socket (`ISystemHandle`)."""
        return self.socket

    def fileno(self) -> int:
        """The socket's descriptor, -1 where it is closed."""
        return self.socket.fileno() if self.connected else -1

    def getTcpKeepAlive(self) -> bool:
        """Is `SO_KEEPALIVE` on?"""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Turn `SO_KEEPALIVE` on or off."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def logPrefix(self) -> str:
        """What is put before a log line while this stream's protocol runs."""
        prefix = self._log_prefix
        if prefix is None:
            prefix = self._log_prefix = self._make_log_prefix()
        return prefix

    logstr = property(logPrefix)

    def _make_log_prefix(self) -> str:
        return protocol_prefix(self._protocol)


class _Prefix:
    """A log prefix that outlives the protocol that it was made from."""

    __slots__ = ("_prefix",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def logPrefix(self) -> str:
        return self._prefix


def protocol_prefix(protocol: Any) -> str:
    """How a protocol wants to be called in the log."""
    if ILoggingContext.providedBy(protocol):
        return cast(str, protocol.logPrefix())
    return type(protocol).__name__
