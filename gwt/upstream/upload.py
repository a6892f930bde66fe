"""A request's body on its way to an endpoint: passed on as it comes, held for as long as it might be sent again."""

from __future__ import annotations

from gwt.phase.exchange import Exchange
from gwt.upstream.call import Call
from gwt.upstream.connection import Connection
from gwt.wire import chunked


class Upload:
    """The body of one exchange. `framed`: its end, and what comes with it, is told by itself and not by bytes.

    `complete`: all of it has come from the client (with these `trailers`, if `framed`); `repeatable`: all that was
    sent is still held, so that another endpoint can be given the same; `full`: the endpoint does not keep up, so that
    the client is not read from.
    At most `limit` bytes are held once they were sent; before that the client is stopped at the same mark.
    """

    __slots__ = (
        "_coded", "_exchange", "_framed", "_held", "_limit", "_size", "_stopped", "complete", "full", "repeatable",
        "trailers",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, limit: int, framed: bool = False) -> None:
        self._exchange, self._framed = exchange, framed
        self._coded = exchange.head.chunked and not framed
        self.trailers: list[bytes] = []
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0
        self._stopped = False
        self.complete = self.full = False
        self.repeatable = True

    def take(self, data: bytes, connection: Connection | Call | None) -> None:
        """More of the body, not empty; `connection` is None while there is none."""
        self._pass(chunked.encode(data) if self._coded else data, connection)

    def end(self, trailers: list[bytes], connection: Connection | Call | None) -> None:
        """The body is complete."""
        self.complete = True
        if self._coded:
            self._pass(chunked.last(trailers), connection)
        elif self._framed:
            self.trailers = trailers
            if connection is not None:
                connection.end(trailers)  # type: ignore[union-attr]

    def again(self) -> bytes:
        """What has to follow the head on a new connection."""
        held = b"".join(self._held)
        self._sent()
        return held

    def stop(self) -> None:
        """The endpoint does not keep up."""
        self.full = True
        self._pace()

    def go_on(self) -> None:
        """The endpoint takes more, or another one will."""
        self.full = False
        self._pace()

    def settle(self) -> None:
        """It will not be sent again."""
        self.repeatable = False
        self._held.clear()

    def _pass(self, encoded: bytes, connection: Connection | Call | None) -> None:
        if self.repeatable:
            self._held.append(encoded)
            self._size += len(encoded)
        if connection is not None:
            connection.write(encoded)
            self._sent()
        else:
            self._pace(self._size > self._limit)

    def _sent(self) -> None:
        if self._size > self._limit:
            self.settle()
        self._pace()

    def _pace(self, unsent: bool = False) -> None:
        """Read from the client exactly while somebody takes what it sends."""
        stop = self.full or unsent
        if stop != self._stopped:
            self._stopped = stop
            if stop:
                self._exchange.pause_body()
            else:
                self._exchange.resume_body()
