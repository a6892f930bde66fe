"""Held: the request's body while plugins think: kept, stopped at a bound, read whole where one of them asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from gwt.errors import GatewayError
from gwt.phase import fields as lines
from gwt.phase.exchange import Exchange
from gwt.wire.response import go_on

#: Bytes of a body that nobody has asked for yet, after which the client is not read from.
AHEAD = 64 * 1024


class Held:
    """Stands where the exchange's reader will. `gone` is called where the client leaves; `limit` is `max_body`."""

    __slots__ = ("_exchange", "_expected", "_gone", "_limit", "_paused", "_pieces", "_size", "_trailers", "_wanted")

    def __init__(self, exchange: Exchange, limit: int, gone: Callable[[], None]) -> None:
        self._exchange, self._limit, self._gone = exchange, limit, gone
        self._pieces: list[bytes] = []
        self._size = 0
        self._expected = not exchange.body_done
        self._trailers: list[bytes] | None = None  # set once the body is complete
        self._paused = False
        self._wanted: Deferred[bytes] | None = None
        exchange.reader = self

    # -- Reader

    connecting = False

    def body(self, data: bytes) -> None:
        """More of the body."""
        self._pieces.append(data)
        self._size += len(data)
        if self._wanted is None:
            if self._size > AHEAD and not self._paused:
                self._paused = True
                self._exchange.pause_body()
        elif self._size > self._limit:
            wanted, self._wanted = self._wanted, None
            wanted.errback(self._too_large())

    def body_end(self, trailers: list[bytes]) -> None:
        """The body is complete."""
        self._trailers = trailers
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            wanted.callback(self._joined())

    def client_gone(self) -> None:
        """Nobody waits for the answer any more."""
        self._gone()

    def pause_answer(self) -> None:
        """There is no answer yet."""

    def resume_answer(self) -> None:
        """There is no answer yet."""

    # -- for plugins

    def whole(self) -> Deferred[bytes]:
        """Fires with the whole body; fails with GatewayError `too_large`. Ask again only after it has fired."""
        if not self._expected or self._trailers is not None:
            return succeed(self._joined())
        head = self._exchange.head
        if self._size > self._limit or head.length > self._limit:
            return fail(self._too_large())
        if self._wanted is not None:
            raise RuntimeError("the body is being read already: await it once")
        wanted: Deferred[bytes] = Deferred()
        self._wanted = wanted
        self._read_on()
        if head.expect:
            head.expect = False
            self._exchange.interim(go_on())
        return wanted

    def replace(self, body: bytes) -> None:
        """`body` in place of that of the client, which has been read (or does not exist)."""
        if self._expected and self._trailers is None:
            raise RuntimeError("read the body before you replace it")
        head = self._exchange.head
        had = head.chunked or lines.has(head.fields, b"content-length")
        self._pieces, self._size = ([body] if body else []), len(body)
        self._expected, self._trailers = bool(body), []
        head.fields = lines.removed(head.fields, b"content-length")
        if body or had:
            head.fields += b"Content-Length: %d\r\n" % len(body)
        head.chunked, head.length = False, len(body)

    # -- for the chain

    def release(self, render: Callable[[Exchange, Any], None], leaf: Any) -> None:
        """Let `render` have the exchange, and whoever reads it then what was held."""
        exchange = self._exchange
        exchange.reader = None
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            wanted.addErrback(lambda failure: None).cancel()
        ended = self._trailers is not None
        if ended:
            exchange.body_done = not self._expected
            exchange.whole = True  # nothing of it is left behind on the connection
        render(exchange, leaf)
        self._hand_on(ended)

    def _hand_on(self, ended: bool) -> None:
        exchange, body = self._exchange, self._joined()
        if body and exchange.reader is not None:
            exchange.reader.body(body)
        if ended and self._expected:
            exchange.body_done = True
            if exchange.reader is not None:
                exchange.reader.body_end(self._trailers or [])
        elif not ended:
            self._read_on()

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._exchange.resume_body()

    def _joined(self) -> bytes:
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def _too_large(self) -> GatewayError:
        return GatewayError("too_large", f"the request's body is larger than {self._limit} bytes")
