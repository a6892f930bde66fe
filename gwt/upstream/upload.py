"""A request's body on its way to an endpoint: passed on as it comes, held for as long as it might be sent again."""

from __future__ import annotations

from gwt.phase.exchange import Exchange
from gwt.upstream.connection import Connection
from gwt.wire import chunked


class Upload:
    """The body of one exchange.

    `complete`: all of it has come from the client; `repeatable`: all that was sent is still held, so that another
    endpoint can be given the same; `full`: the endpoint does not keep up, so that the client is not read from.
    At most `limit` bytes are held once they were sent; before that the client is stopped at the same mark.
    """

    __slots__ = ("_exchange", "_held", "_limit", "_size", "_stopped", "complete", "full", "repeatable")

    def __init__(self, exchange: Exchange, limit: int) -> None:
        self._exchange = exchange
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0
        self._stopped = False
        self.complete = self.full = False
        self.repeatable = True

    def take(self, data: bytes, connection: Connection | None) -> None:
        """More of the body, not empty; `connection` is None while there is none."""
        self._pass(chunked.encode(data) if self._exchange.head.chunked else data, connection)

    def end(self, trailers: list[bytes], connection: Connection | None) -> None:
        """The body is complete."""
        self.complete = True
        if self._exchange.head.chunked:
            self._pass(chunked.last(trailers), connection)

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

    def _pass(self, encoded: bytes, connection: Connection | None) -> None:
        if self.repeatable:
            self._held.append(encoded)
            self._size += len(encoded)
        if connection is not None:
            connection.transport.write(encoded)
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
