"""Transfer: both bodies of an exchange as they pass between client and endpoint, its deadlines, and its end."""

from __future__ import annotations

from typing import Any

from gwt.balance.endpoint import Endpoint
from gwt.balance.least import observe, observe_failure
from gwt.bounded import Bounded
from gwt.errors import GatewayError
from gwt.upstream.call import Call
from gwt.upstream.connection import Connection
from gwt.upstream.upload import Upload
from gwt.wire.grpc import Messages
from gwt.wire.response import go_on

#: Seconds that an upstream has for its 100 before the gateway asks the client for the body by itself.
_EXPECT_PATIENCE = 1.0


class Transfer(Bounded):
    """What is under way of an exchange, whichever try it is. Whoever extends it sets all of it, and begins the tries.

    `_deadline` is the caller's own (gRPC has one); `_upload` the request's body (None: there is none), `_messages` what
    is in it where their size counts; `_endpoint` that of the present try, with either a `_connector` (connecting) or a
    `_connection`, which for HTTP/2 is a call.
    """

    __slots__ = (
        "_asked_at", "_attempt_at", "_connection", "_connector", "_deadline", "_endpoint", "_messages", "_retrying",
        "_upload", "_waiting_for_100", "request_sent",
    )  # fmt: skip

    _asked_at: float
    _attempt_at: float
    _connection: Connection | Call | None
    _connector: Any
    _deadline: float | None
    _endpoint: Endpoint | None
    _messages: Messages | None
    _retrying: bool
    _upload: Upload | None
    _waiting_for_100: bool
    request_sent: bool

    # -- the request

    def body(self, data: bytes) -> None:
        """More of the request's body, or of what a tunnel carries."""
        upload = self._upload
        if upload is None:
            if self._tunnel and self._connection is not None:
                self._heard()
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
        self._fed()
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

    # -- the answer

    def answer_body(self, data: bytes) -> None:
        """More of the answer's body."""
        self._heard()
        self._exchange.send(data)

    def answer_end(self, trailers: list[bytes]) -> None:
        """The answer is complete."""
        self._over()
        self._exchange.finish(trailers)

    def pause_answer(self) -> None:
        """The client does not keep up."""
        super().pause_answer()
        if self._connection is not None:
            self._connection.pause()

    def resume_answer(self) -> None:
        """The client takes more."""
        super().resume_answer()
        if self._connection is not None:
            self._connection.resume()

    # -- time

    def tick(self, now: float) -> None:
        """Deadlines of all phases; connecting has its own (the reactor's)."""
        if self._waiting_for_100 and self._connection is not None and now - self._asked_at > _EXPECT_PATIENCE:
            self._waiting_for_100 = False
            self._exchange.interim(go_on())
        if self._deadline is not None and now > self._deadline:
            self._expired("the caller's deadline is over")
        else:
            super().tick(now)

    def _waits_for_client(self) -> bool:
        """How long is the channel's business."""
        upload = self._upload
        if upload is None or upload.complete or upload.full or self._connection is None:
            return False
        return self._exchange.bytes_in > 0 or not self._exchange.head.expect

    def _expire(self, error: GatewayError) -> None:
        self._fail(error, failed=True)

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
        if not self._part():
            return
        proxy = self._proxy
        proxy.live -= 1
        if self._retrying:
            self._retrying = False
            proxy.retrying -= 1
        self._leave(failed)

    def _fail(self, error: GatewayError, failed: bool = False) -> None:
        self._over(failed)
        self._exchange.fail(error)
