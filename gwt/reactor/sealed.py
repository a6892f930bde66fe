"""Sealed: TLS between uvloop's transport of a socket and a stream, in the shape that either expects of the other.

Python's `ssl` works on memory here. uvloop has TLS of its own, which costs three times as much an exchange.
"""

from __future__ import annotations

import ssl
from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

#: Bytes of a read: more than a record, so that one read takes all of it.
_SIZE: Final = 65536

#: Bytes of what came that are unsealed in a row: OpenSSL's buffers stay as large as they once were.
_PIECE: Final = 32768

#: Seconds for which a peer's goodbye is waited for. Who has closed a stream decides sooner how long it may last.
_GOODBYE: Final = 600.0

_AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Sealed:
    """A transport for `stream`, and the protocol of the one beneath it.

    `stream.connection_made` is called when the handshake is done; where it isn't within `timeout` seconds, or fails,
    `stream.handshake_failed(exc)` is called, and nothing else. `server_name` is whom a client expects.
    """

    __slots__ = (
        "_closing", "_deliver", "_error", "_get", "_incoming", "_loop", "_outgoing", "_paused", "_put", "_raw",
        "_read", "_seal", "_send", "_settled", "_ssl", "_stream", "_timer", "data_received",
    )  # fmt: skip

    data_received: Callable[[bytes], None]

    def __init__(
        self, loop: AbstractEventLoop, stream: Any, context: ssl.SSLContext, server_name: str | None, timeout: float
    ) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(incoming, outgoing, server_name is None, server_name)
        self._incoming, self._outgoing = incoming, outgoing
        self._put, self._get = incoming.write, outgoing.read
        inner: Any = self._ssl._sslobj  # type: ignore[attr-defined]
        self._read, self._seal = inner.read, inner.write
        self._loop, self._stream = loop, stream
        self._raw: Transport | None = None
        self._deliver: Callable[[bytes], None] = stream.data_received
        self._paused = self._closing = self._settled = False
        self._error: BaseException | None = None
        self._timer: TimerHandle | None = loop.call_later(timeout, self._too_slow)
        self.data_received = self._shaken

    # -- called by uvloop

    def connection_made(self, raw: Transport) -> None:
        self._raw = raw
        self._send: Callable[[bytes], None] = raw.write
        if self._error is not None:
            raw.abort()
            return
        self._shake()

    def connection_lost(self, exc: BaseException | None) -> None:
        stream, self._stream, self._raw = self._stream, None, None
        self._stop_waiting()
        self.data_received = self._deliver = self._send = _ignored  # no cycle is left
        if self._settled:
            stream.connection_lost(self._error or exc)
        else:
            stream.handshake_failed(self._error or exc or ConnectionResetError("the peer has hung up"))
        self._settled = False

    def eof_received(self) -> bool:
        """Without a goodbye: the stream knows what that means."""
        return False

    def pause_writing(self) -> None:
        if self._settled:
            self._stream.pause_writing()

    def resume_writing(self) -> None:
        if self._settled:
            self._stream.resume_writing()

    # -- the handshake

    def _shaken(self, data: bytes) -> None:
        self._put(data)
        self._shake()

    def _shake(self) -> None:
        try:
            self._ssl.do_handshake()
        except _AGAIN:
            self._flush()
        except (ssl.SSLError, ssl.CertificateError, OSError) as error:
            self._fail(error)
        else:
            self._flush()
            self._stop_waiting()
            self._settled = True
            self._receive_by(self._received)
            self._stream.connection_made(self)
            if self._incoming.pending:
                self._loop.call_soon(self._go_on)

    def _fail(self, error: BaseException) -> None:
        """End, once the peer has been told why."""
        self._error = self._error or error
        self._closing = True
        self._receive_by(_ignored)
        if self._raw is not None:
            self._flush()
            self._raw.close()

    def _too_slow(self) -> None:
        self.give_up(ConnectionAbortedError("the handshake takes too long"))

    def give_up(self, error: BaseException) -> None:
        """Nobody waits for the handshake any more."""
        self._error = self._error or error
        if self._raw is not None:
            self._raw.abort()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _receive_by(self, receiver: Callable[[bytes], None]) -> None:
        self.data_received = receiver
        if self._raw is not None:
            self._raw.set_protocol(cast(Any, self))  # uvloop keeps the attribute, not its name

    # -- what comes

    def _received(self, data: bytes) -> None:
        if len(data) <= _PIECE:
            self._put(data)
            if not self._paused:
                self._unseal()
            return
        for at in range(0, len(data), _PIECE):
            if self._closing:  # the stream has ended while it was given the piece before
                self.data_received(data[at:])
                return
            self._put(data[at : at + _PIECE])
            if not self._paused:
                self._unseal()

    def _unseal(self) -> None:
        """Hand on what can be read, one record after the other."""
        try:
            while True:
                plain = self._read(_SIZE)
                if not plain:
                    self._parted()
                    return
                self._deliver(plain)
                if self._paused or self._closing or not self._incoming.pending:
                    break
        except _AGAIN:
            pass
        except ssl.SSLZeroReturnError:
            self._parted()
        except ssl.SSLError as error:
            self._fail(error)
        if self._outgoing.pending:  # TLS has something to say by itself
            self._flush()

    def _go_on(self) -> None:
        if not self._paused and not self._closing and self._incoming.pending:
            self._unseal()

    def _parted(self) -> None:
        """The peer has said goodbye."""
        if not self._closing:
            self._stream.eof_received()
        self._closing = True
        self._say_goodbye()
        if self._raw is not None:
            self._receive_by(_ignored)
            self._raw.close()

    # -- what goes

    def write(self, data: bytes) -> None:
        """Seal and send."""
        size = len(data)
        try:
            sealed = self._seal(data) if size else 0
            while sealed < size:
                self._flush()
                sealed += self._seal(memoryview(data)[sealed : sealed + _SIZE])
        except ssl.SSLError:
            return  # it is over: what is written then is nobody's
        self._flush()

    def writelines(self, chunks: Iterable[bytes]) -> None:
        """Together they make fewer records."""
        self.write(b"".join(chunks))

    def _flush(self) -> None:
        sealed = self._get()
        if sealed and self._raw is not None:
            self._send(sealed)

    # -- what a stream asks of its transport

    def set_protocol(self, stream: Any) -> None:
        self._deliver = stream.data_received

    def pause_reading(self) -> None:
        self._paused = True
        if self._raw is not None and not self._closing:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._raw is not None and not self._closing:
            self._raw.resume_reading()
            if self._incoming.pending or self._ssl.pending():
                self._loop.call_soon(self._go_on)

    def set_write_buffer_limits(self, high: int) -> None:
        if self._raw is not None:
            self._raw.set_write_buffer_limits(high=high)

    def get_write_buffer_size(self) -> int:
        return 0 if self._raw is None else self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str) -> Any:
        """`ssl_object`: the connection."""
        return self._ssl if name == "ssl_object" else None

    def close(self) -> None:
        """Say goodbye, and wait for the peer's; what it sends until then is nobody's."""
        if self._closing or self._raw is None:
            return
        self._closing = True
        self._drain()  # unread, it would be taken for the wrong answer to the goodbye
        self._say_goodbye()
        self._timer = self._loop.call_later(_GOODBYE, self.abort)
        self._receive_by(self._passed_over)
        self._raw.resume_reading()
        self._passed_over(b"")

    def _passed_over(self, data: bytes) -> None:
        self._put(data)
        if not self._drain() and self._raw is not None:
            self._raw.close()

    def _drain(self) -> bool:
        """Read what is here, for nobody. Whether the peer may send more."""
        try:
            while self._read(_SIZE):
                continue
        except _AGAIN:
            return True
        except (ssl.SSLError, ValueError):
            pass
        return False

    def _say_goodbye(self) -> None:
        try:
            self._ssl.unwrap()
        except (ssl.SSLError, ValueError, OSError):
            pass  # the peer's is not here yet, or there is nobody to be told
        self._flush()

    def abort(self) -> None:
        """Close now; no goodbye."""
        self._closing = True
        self.data_received = _ignored
        if self._raw is not None:
            self._raw.abort()


def _ignored(data: bytes) -> None:
    """Nobody wants it."""
