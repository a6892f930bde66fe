"""Transfer: both bodies of an exchange as they pass between client and endpoint, its deadlines, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gwt.balance.endpoint import Endpoint
from gwt.balance.least import observe, observe_failure
from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.upstream.call import Call
from gwt.upstream.connection import Connection
from gwt.upstream.upload import Upload
from gwt.wire.grpc import Messages
from gwt.wire.response import go_on

if TYPE_CHECKING:
    from gwt.proxy import Proxy

#: Seconds that an upstream has for its 100 before the gateway asks the client for the body by itself.
_EXPECT_PATIENCE = 1.0


class Transfer:
    """What is under way of an exchange, whichever try it is. Whoever extends it sets all of it, and begins the tries.

    `_due` is the next deadline on the monotonic clock, `_deadline` the caller's own (gRPC has one); `_upload` the
    request's body (None: there is none), `_messages` what is in it where their size counts; `_endpoint` that of the
    present try, with either a `_connector` (connecting) or a `_connection`, which for HTTP/2 is a call.
    """

    __slots__ = (
        "_asked_at", "_attempt_at", "_connection", "_connector", "_deadline", "_due", "_endpoint", "_exchange", "_leaf",
        "_messages", "_paused", "_proxy", "_retrying", "_slot", "_started", "_tunnel", "_upload", "_waiting_for_100",
        "request_sent",
    )  # fmt: skip

    _asked_at: float
    _attempt_at: float
    _connection: Connection | Call | None
    _connector: Any
    _deadline: float | None
    _due: float
    _endpoint: Endpoint | None
    _exchange: Exchange
    _leaf: Leaf
    _messages: Messages | None
    _paused: bool
    _proxy: Proxy
    _retrying: bool
    _slot: dict[Any, None] | None
    _started: bool
    _tunnel: bool
    _upload: Upload | None
    _waiting_for_100: bool
    request_sent: bool

    # -- the request

    def body(self, data: bytes) -> None:
        """More of the request's body, or of what a tunnel carries."""
        upload, now = self._upload, self._proxy.clock()
        if upload is None:
            if self._tunnel and self._connection is not None:
                self._due = now + self._leaf.read
                self._connection.write(data)
            return
        self._waiting_for_100 = False
        if self._messages is None:
            if self._exchange.bytes_in > self._leaf.max_body:
                self._fail(self._too_large())
                return
        elif self._leaf.max_message is not None and self._messages.largest(data) > self._leaf.max_message:
            self._fail(GatewayError("too_large", f"a message is larger than {self._leaf.max_message} bytes"))
            return
        self._due = max(self._due, now + self._leaf.first_byte)
        upload.take(data, self._connection)

    def body_end(self, trailers: list[bytes]) -> None:
        """The request is complete."""
        self.request_sent = True
        self._waiting_for_100 = False
        if self._upload is not None:
            self._upload.end(trailers, self._connection)
        elif self._tunnel and isinstance(self._connection, Connection) and not self._connection.end_sending():
            self.answer_end([])

    def pause_request(self) -> None:
        """The endpoint does not keep up."""
        if self._upload is not None:
            self._upload.stop()
        elif self._tunnel:
            self._exchange.pause_body()

    def resume_request(self) -> None:
        """The endpoint takes more."""
        if self._upload is not None:
            self._upload.go_on()
        elif self._tunnel:
            self._exchange.resume_body()

    def _too_large(self) -> GatewayError:
        return GatewayError("too_large", f"the request's body is larger than {self._leaf.max_body} bytes")

    # -- the answer

    def answer_body(self, data: bytes) -> None:
        """More of the answer's body."""
        self._due = self._proxy.clock() + self._leaf.read
        self._exchange.send(data)

    def answer_end(self, trailers: list[bytes]) -> None:
        """The answer is complete."""
        self._over()
        self._exchange.finish(trailers)

    def pause_answer(self) -> None:
        """The client does not keep up."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume_answer(self) -> None:
        """The client takes more."""
        self._paused = False
        self._due = self._proxy.clock() + self._leaf.read
        if self._connection is not None:
            self._connection.resume()

    # -- time

    def tick(self, now: float) -> None:
        """Deadlines of all phases; connecting has its own (the reactor's)."""
        leaf = self._leaf
        if self._waiting_for_100 and self._connection is not None and now - self._asked_at > _EXPECT_PATIENCE:
            self._waiting_for_100 = False
            self._exchange.interim(go_on())
        if leaf.total is not None and not self._tunnel and now - self._exchange.started > leaf.total:
            self._expired("the whole exchange took too long")
        elif self._deadline is not None and now > self._deadline:
            self._expired("the caller's deadline is over")
        elif now > self._due and not self._paused:
            if self._waits_for_client():
                self._due = now + leaf.first_byte
            else:
                self._expired(
                    "the upstream sent nothing for too long" if self._started else "the upstream did not answer in time"
                )

    def _waits_for_client(self) -> bool:
        """Whether the upstream waits, as we do, for the rest of the request (how long is the channel's business)."""
        upload = self._upload
        if upload is None or upload.complete or upload.full or self._connection is None:
            return False
        return self._exchange.bytes_in > 0 or not self._exchange.head.expect

    def _expired(self, message: str) -> None:
        detail = "connection_read_timeout" if self._started else None
        if self._started and not self._tunnel:
            self._exchange.code = "upstream_cut"
        self._fail(GatewayError("timeout", message, detail=detail), failed=True)

    # -- the end

    def client_gone(self) -> None:
        """Nobody waits for the answer any more."""
        self._over()

    def _leave(self, failed: bool) -> None:
        """This try is over: the endpoint's books are closed, and what belongs to the try is let go."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            state = endpoint.state
            state.inflight -= 1
            now = self._proxy.clock()
            taken = self._exchange.upstream_seconds = now - self._attempt_at
            if failed:
                state.failures += 1
                observe_failure(state, taken, now)
            elif self._leaf.balance.kind == "p2c":
                observe(state, taken, now)
        connection, self._connection = self._connection, None
        if connection is not None and connection.owner is self:
            if self._tunnel:
                connection.part()
            else:
                connection.cancel()
        connector, self._connector = self._connector, None
        if connector is not None:
            connector.disconnect()

    def _over(self, failed: bool = False) -> None:
        """The exchange is over on this side: let go of everything. Safe to call again."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        proxy = self._proxy
        del slot[self]
        proxy.live -= 1
        if self._retrying:
            self._retrying = False
            proxy.retrying -= 1
        self._leave(failed)

    def _fail(self, error: GatewayError, failed: bool = False) -> None:
        self._over(failed)
        self._exchange.fail(error)
