"""A connection: Twisted's transport to the protocol, asyncio's protocol to uvloop, in one object.

One object, because an idle connection should be small and a busy one should have no adapter frame
between uvloop and the protocol: uvloop calls what it finds as `data_received`, which for a protocol
that allows it is the protocol's own bound `dataReceived`, and the protocol calls `write`, which is
uvloop's own bound method.

A protocol's class allows it by `native_data_received = True`: a promise that instances never rebind
`dataReceived` and that it never raises. All others are called late-bound, with Twisted's log
context, and an exception of theirs is logged and loses the connection, as on any reactor.
Of its end too a native protocol hears without a log context, which costs as much as all the rest.
"""

from __future__ import annotations

import socket
import struct
from asyncio import BaseTransport, Transport
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import _newtls, error
from twisted.internet.interfaces import (
    IConsumer,
    ILoggingContext,
    IProtocol,
    IPushProducer,
    ISystemHandle,
)
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.reactor.incoming import Incoming
from gwt.reactor.outgoing import discard

if TYPE_CHECKING:
    from gwt.reactor.reactor import UVLoopReactor

DONE = Failure(error.ConnectionDone())
#: What the kernel says: there is nothing left to be shut down.
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


@implementer(ISystemHandle, IConsumer, IPushProducer, ILoggingContext)
class Stream(Incoming):
    """A connected socket, from before uvloop's transport is there until the protocol was told of its end."""

    # __dict__ costs a pointer while it is unused; startTLS and some protocols put things there.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_reason",
        "disconnected",
        "reactor",
        "socket",
    )

    _tlsClientDefault = False

    def __init__(self, skt: socket.socket, protocol: IProtocol, reactor: UVLoopReactor) -> None:
        super().__init__(reactor._asyncioEventloop, reactor.turns)
        self.reactor = reactor
        self.socket = skt
        self.disconnected = False
        self._reason: Failure | None = None
        self.protocol = protocol
        reactor.attach(self)

    # -- called by uvloop ------------------------------------------------------------------------

    def connection_made(self, transport: BaseTransport) -> None:
        """uvloop's transport is there: do what was asked for until now."""
        uv = cast(Transport, transport)
        if self.disconnected or self._reason is not None:
            uv.abort()
            return
        self._uv = uv
        self._rewire()
        self._made(uv)
        self._flush_early(uv)
        if self.disconnecting:
            self._close_when_sent(uv)
        elif self._watched:
            self._look_for_drain()
        if not self._reading or self.disconnecting:
            # uvloop begins to read after this call: what arrives before the pause counts is kept, or nobody's.
            self._holding = True
            self._receive_by(self._hold)
            self._loop.call_soon(self._settle)

    def _made(self, uv: Transport) -> None:
        """For socket options that uvloop has overridden."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """uvloop gives up the connection: it was told to, or there was an error, which many may have at once."""
        if exc is None or self._reason is not None:
            self._lost(self._reason or DONE)
            return
        self._uv = None
        self._use(discard, discard)
        self._turns.take(partial(self._lost, LOST if isinstance(exc, OSError) else Failure(exc)))

    # -- the end ---------------------------------------------------------------------------------

    def _fail(self, failure: Failure) -> None:
        """Log what code above us raised, and lose the connection for it."""
        log.err(failure, system=self.logPrefix())
        self.connectionLost(failure)

    def _lost(self, reason: Failure) -> None:
        if self.disconnected:
            return
        protocol, producer = self._protocol, self.producer
        call = _call if getattr(type(protocol), "native_data_received", False) else self._caller()
        self.disconnected, self.connected = True, False
        self.reactor.forget(self)
        self._uv = self._protocol = self.producer = self._held = self._early = None
        self.TLS = False
        self._use(discard, discard)
        self.data_received = discard
        if producer is not None:
            call(producer.stopProducing)
        if reason is not ABORTED and reason is not LOST:  # neither needs it
            self._shut_down()
        del self.socket
        call(protocol.connectionLost, reason)

    def _caller(self) -> Callable[..., object]:
        """What calls others with the log context that this stream has now."""
        return partial(log.callWithLogger, _Prefix(self.logPrefix()))

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
        self._use(discard, discard)
        if self._uv is not None:
            self._uv.pause_reading()
            self._turns.take(self._uv.abort)

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

    def stopConsuming(self) -> None:
        """The producer has lost its end: drop it and close."""
        self.unregisterProducer()
        self.loseConnection()

    def stopProducing(self) -> None:
        """Lose the connection (`IPushProducer`)."""
        self.loseConnection()

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


class _Prefix:
    """A log prefix that outlives the protocol that it was made from."""

    __slots__ = ("_prefix",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def logPrefix(self) -> str:
        return self._prefix


def _call(function: Callable[..., object], *arguments: object) -> None:
    """Call without a log context; an exception is logged."""
    try:
        function(*arguments)
    except Exception:
        log.err(None, f"{function!r} raised")
