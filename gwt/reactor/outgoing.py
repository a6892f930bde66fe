"""The sending half of a stream: writes, producers, half-close, and how a close waits for them.

uvloop keeps the buffer. Twisted's promises on top of it are kept by two bits of machinery: `write`
is an instance attribute that is rebound whenever the state of the stream changes (in the common
state it *is* uvloop's own method), and in the rare states in which somebody waits for the buffer
to run empty, the stream is "watched": buffer limits of zero make uvloop report the last byte.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure

from gwt.reactor.turns import Turns

#: A push producer is paused above this many buffered bytes, and resumed below a quarter of it.
HIGH_WATER = 64 * 1024


def discard(data: object) -> None:
    """The `write` of a stream that is gone: Twisted promises silence."""


class Outgoing:
    """What a stream does with bytes that are to be sent.

    Subclasses provide `_fail(failure)`, and call `_bind()` when uvloop's transport is there.
    """

    __slots__ = (
        "TLS",
        "_drain_due",
        "_early",
        "_full",
        "_half_closed",
        "_half_closing",
        "_loop",
        "_protocol",
        "_send",
        "_send_many",
        "_turns",
        "_uv",
        "_watched",
        "connected",
        "disconnecting",
        "producer",
        "producerPaused",
        "streamingProducer",
        "write",
        "writeSequence",
    )

    write: Callable[[bytes], None]
    writeSequence: Callable[[Iterable[bytes]], None]
    _send: Callable[[bytes], None]
    _send_many: Callable[[Iterable[bytes]], None]
    _early: bytearray | None
    _protocol: Any

    def __init__(self, loop: AbstractEventLoop, turns: Turns) -> None:
        self._loop = loop
        self._turns = turns
        self._uv: Transport | None = None
        self._early = None
        self._full = self._watched = self._drain_due = False
        self._half_closing = self._half_closed = False
        self.connected = True
        self.disconnecting = self.TLS = False
        self.producer: Any = None
        self.streamingProducer = self.producerPaused = False
        self._use(self._write_early, self._join)

    def _use(self, send: Callable[[bytes], None], send_many: Callable[[Iterable[bytes]], None]) -> None:
        """Make these the ways to send, in the clear and (unless TLS is on top) for everybody."""
        self._send, self._send_many = send, send_many
        if not self.TLS:
            self.write, self.writeSequence = send, send_many

    def _rewire(self) -> None:
        """Bind `write` to what the present state needs; the common one is uvloop's own method."""
        uv = self._uv
        if uv is None:
            return
        waiting = self.producer is not None and (not self.streamingProducer or self.disconnecting)
        watched = waiting or self._half_closing
        if watched != self._watched:
            self._watched = watched
            if watched:
                uv.set_write_buffer_limits(high=0)
            else:
                uv.set_write_buffer_limits(high=HIGH_WATER)
        if self._half_closed:
            self._use(discard, discard)
        elif watched:
            self._use(self._write_watched, self._join)
        else:
            self._use(uv.write, self._write_many)

    # -- writing ---------------------------------------------------------------------------------

    def _write_many(self, chunks: Iterable[bytes]) -> None:
        """Write pieces without joining them."""
        uv = self._uv
        if uv is not None:
            chunks = list(chunks)
            if str in map(type, chunks):
                raise TypeError("Data must be bytes")  # uvloop would have taken those before it
            uv.writelines(chunks)

    def _join(self, chunks: Iterable[bytes]) -> None:
        chunks = list(chunks)
        if str in map(type, chunks):
            raise TypeError("Data must be bytes")
        self._send(b"".join(chunks))

    def _write_early(self, data: bytes) -> None:
        """Keep what is written before uvloop's transport is there (within the same turn, usually)."""
        if isinstance(data, str):
            raise TypeError("Data must be bytes")
        if self._uv is not None:  # somebody has kept this method from before
            self._send(data)
            return
        if not self.connected:
            return
        early = self._early
        if early is None:
            early = self._early = bytearray()
        early += data
        if len(early) > HIGH_WATER:
            self.pause_writing()

    def _write_watched(self, data: bytes) -> None:
        """Write while somebody waits for the buffer to run empty."""
        uv = self._uv
        if uv is not None:
            uv.write(data)
            self._look_for_drain()

    def _flush_early(self, uv: Transport) -> None:
        early, self._early = self._early, None
        if early:
            self._full = False
            uv.write(bytes(early))
        if self.producerPaused and not self._full:
            self._look_for_drain()

    # -- called by uvloop ------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """uvloop's buffer is over the limit."""
        self._full = True
        if self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            self.producer.pauseProducing()

    def resume_writing(self) -> None:
        """uvloop's buffer is low again (empty, where the stream is watched)."""
        self._full = False
        if self._watched:
            self._look_for_drain()
        elif self.producerPaused:
            self._resume_producer()

    # -- the buffer has run empty ----------------------------------------------------------------

    def _look_for_drain(self) -> None:
        """Act on an empty buffer in the next turn; a buffer that isn't will report by itself."""
        if not self._drain_due:
            self._drain_due = True
            self._loop.call_soon(self._on_drain)

    def _on_drain(self) -> None:
        self._drain_due = False
        uv = self._uv
        if uv is None or (self._watched and uv.get_write_buffer_size()):
            return
        if self.producer is not None and (self.producerPaused or not self.streamingProducer):
            self._resume_producer()
        elif self.disconnecting:
            self._close(uv)
        elif self._half_closing:
            self._half_close(uv)

    def _resume_producer(self) -> None:
        self.producerPaused = False
        try:
            self.producer.resumeProducing()
        except Exception:
            self._fail(Failure())
            return

    # -- producers -------------------------------------------------------------------------------

    def _register(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError(
                f"Cannot register producer {producer}, because producer {self.producer} was never unregistered."
            )
        if not self.connected:
            producer.stopProducing()
            return
        self.producer, self.streamingProducer, self.producerPaused = producer, streaming, False
        self._rewire()
        if not streaming:
            producer.resumeProducing()
            self._look_for_drain()  # what it waits for may have left before it came
        elif self._full:
            self.pause_writing()

    def _unregister(self) -> None:
        self.producer, self.producerPaused = None, False
        if self._uv is None:
            return
        if self._watched:
            self._rewire()
        if self.disconnecting:
            self._close(self._uv)
        elif self._half_closing:
            self._look_for_drain()

    # -- closing ---------------------------------------------------------------------------------

    def _close_when_sent(self, uv: Transport) -> None:
        """Close once buffer and producer have nothing more; a push producer that isn't paused has nothing."""
        if self.producer is not None and (self.producerPaused or not self.streamingProducer):
            uv.pause_reading()
            self._rewire()
            self._look_for_drain()
        else:
            self._close(uv)

    def _close(self, uv: Transport) -> None:
        """Close once uvloop has sent what it has. Where many close, that waits for its turn; reading doesn't go on."""
        uv.pause_reading()
        self._turns.take(uv.close)

    def loseWriteConnection(self) -> None:
        """Half-close: shut down the sending side once everything is sent (`ITCPTransport`)."""
        if self.connected and not self._half_closing and not self._half_closed:
            self._half_closing = True
            self._rewire()
            if self._uv is not None:
                self._look_for_drain()

    def _half_close(self, uv: Transport) -> None:
        self._half_closing, self._half_closed = False, True
        self._rewire()
        uv.write_eof()
        protocol = IHalfCloseableProtocol(self._protocol, None)
        if protocol is not None:
            try:
                protocol.writeConnectionLost()
            except Exception:
                self._fail(Failure())

    def _fail(self, failure: Failure) -> None:
        """What code above us raised. Subclasses say what follows."""
        raise TypeError(type(self)) from failure.value
