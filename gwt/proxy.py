"""The story of an exchange: pick an endpoint, send, try again where that is safe, stream the answer back.

`Forward` is one exchange's story, to be read from top to bottom; `Proxy` is what all of them share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gwt.balance.endpoint import Endpoint
from gwt.balance.least import observe, observe_failure
from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.phase.ticker import Ticker
from gwt.route.path import BadPath
from gwt.shortcut import shortcut
from gwt.upstream.affinity import sticky_key
from gwt.upstream.connection import Connection
from gwt.upstream.pool import Pools
from gwt.upstream.requesthead import request_head
from gwt.upstream.upload import Upload
from gwt.wire.forwarded import Ids
from gwt.wire.response import ResponseHead, go_on
from gwt.wire.websocket import accept_key

#: Methods whose effect is the same once or twice (RFC 9110 9.2.2): these may be sent again.
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND", b"REPORT", b"SEARCH", b"QUERY"))

#: Seconds that an upstream has for its 100 before the gateway asks the client for the body by itself.
_EXPECT_PATIENCE = 1.0
#: Early hints (103) that are passed on for one request; more than that are dropped.
_HINTS = 20


class Proxy:
    """What all exchanges share: pools, time, chance, and how many of them are under way.

    `live` exchanges now, `retrying` of them on a further try: at most max(3, 20 % of `live`).
    """

    __slots__ = ("clock", "ids", "live", "pools", "retries", "retrying", "ticker")

    def __init__(self, pools: Pools, ticker: Ticker, clock: Callable[[], float], ids: Ids) -> None:
        self.pools, self.ticker, self.clock, self.ids = pools, ticker, clock, ids
        self.live = 0
        self.retrying = 0
        self.retries = 0

    @shortcut("forward")
    def forward(self, exchange: Exchange, leaf: Leaf) -> None:
        """Answer `exchange` from the upstream of `leaf`."""
        Forward(self, exchange, leaf).start()


class Forward:
    """One exchange on its way to an upstream and back.

    `_due` is the next deadline on the monotonic clock; `_upload` the request's body (None: there is none);
    `_endpoint` that of the present try, with either a `_connector` (connecting) or a `_connection`.
    """

    __slots__ = (
        "_asked_at", "_attempt_at", "_balance_key", "_connection", "_connector", "_due", "_endpoint", "_exchange",
        "_hints", "_leaf", "_path", "_paused", "_picker", "_proxy", "_retried", "_retrying", "_slot", "_started",
        "_tried", "_tries_left", "_tunnel", "_upload", "_waiting_for_100", "request_sent", "wants_upgrade",
    )  # fmt: skip

    _balance_key: bytes | None
    _connection: Connection | None
    _connector: Any
    _endpoint: Endpoint | None
    _upload: Upload | None
    _slot: dict[Any, None] | None

    def __init__(self, proxy: Proxy, exchange: Exchange, leaf: Leaf) -> None:
        self._proxy, self._exchange, self._leaf = proxy, exchange, leaf
        self._connection = self._connector = self._endpoint = self._balance_key = self._upload = self._slot = None
        self._tried: list[Endpoint] = []
        self._tries_left = leaf.retries
        self._retried = self._retrying = self._started = self._paused = self._tunnel = False
        self._path = exchange.path
        head = exchange.head
        self.request_sent = exchange.body_done
        self.wants_upgrade = head.upgrade is not None
        self._waiting_for_100 = head.expect
        self._hints = 0
        self._due = exchange.started + leaf.first_byte

    # -- to the upstream

    def start(self) -> None:
        """Find the upstream and send the request to one of its endpoints."""
        exchange, leaf, proxy = self._exchange, self._leaf, self._proxy
        if exchange.head.length > leaf.max_body:
            exchange.fail(self._too_large())
            return
        upstream = exchange.snapshot.upstreams.get(leaf.upstream)
        if upstream is None:
            exchange.fail(GatewayError("no_service", "cannot find balancer"))
            return
        if leaf.rewrite is not None:
            try:
                self._path = leaf.rewrite(self._path)
            except BadPath as error:
                exchange.fail(GatewayError("bad_request", f"the rewritten path is none: {error}"))
                return
        balance = leaf.balance
        self._picker = upstream.picker(balance)
        if balance.by is not None or balance.kind == "sticky":
            self._balance_key = sticky_key(exchange, balance)
        if not self.request_sent:
            self._upload = Upload(exchange, leaf.retry_buffer)
        exchange.reader = self
        self._slot = proxy.ticker.join(self)
        proxy.live += 1
        self._attempt()

    def _attempt(self) -> None:
        endpoint = self._picker.pick(self._balance_key, self._tried)
        if endpoint is None:
            self._fail(GatewayError("no_endpoint", "no endpoint of the service is ready"))
            return
        exchange, proxy, leaf = self._exchange, self._proxy, self._leaf
        self._endpoint = exchange.endpoint = endpoint
        self._attempt_at = proxy.clock()
        exchange.tries += 1
        state = endpoint.state
        state.inflight += 1
        state.requests += 1
        pool = proxy.pools.get(endpoint.host, endpoint.port)
        connection = None if self._retried else pool.take(exchange.head.method not in IDEMPOTENT)
        if connection is not None:
            self._send(connection)
            return
        left = self._due - self._attempt_at
        try:
            self._connector = pool.connect(self, max(0.01, min(leaf.connect, left)), leaf.upstream)
        except GatewayError as error:
            self.not_connected(error)

    def connected(self, connection: Connection) -> None:
        """A new connection stands."""
        self._connector = None
        if self._endpoint is None:
            connection.cancel()
        else:
            self._send(connection)

    def not_connected(self, error: GatewayError) -> None:
        """There is no connection: nothing was sent, so any request may go elsewhere."""
        self._connector = None
        if self._endpoint is not None:
            self._try_again_or_fail(error, sent=False, elsewhere=True)

    def _send(self, connection: Connection) -> None:
        self._connection = connection
        exchange = self._exchange
        request = request_head(exchange, self._path, self._leaf, self._endpoint, self._proxy.ids)  # type: ignore[arg-type]
        if self._upload is not None:
            request += self._upload.again()
        connection.begin(self, request, exchange.head.method == b"HEAD")
        if self._waiting_for_100:
            self._asked_at = self._proxy.clock()

    def body(self, data: bytes) -> None:
        """More of the request's body, or of what a tunnel carries."""
        upload, now = self._upload, self._proxy.clock()
        if upload is None:
            if self._tunnel and self._connection is not None:
                self._due = now + self._leaf.read
                self._connection.transport.write(data)
            return
        self._waiting_for_100 = False
        if self._exchange.bytes_in > self._leaf.max_body:
            self._fail(self._too_large())
            return
        self._due = max(self._due, now + self._leaf.first_byte)
        upload.take(data, self._connection)

    def body_end(self, trailers: list[bytes]) -> None:
        """The request is complete."""
        self.request_sent = True
        self._waiting_for_100 = False
        if self._upload is not None:
            self._upload.end(trailers, self._connection)

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

    # -- failures before the answer

    def _try_again_or_fail(self, error: GatewayError, sent: bool, elsewhere: bool) -> None:
        """`sent`: bytes of the request may have been acted on; `elsewhere`: not on this endpoint again."""
        endpoint = self._endpoint
        self._leave(failed=elsewhere)
        if elsewhere and endpoint is not None:
            self._tried.append(endpoint)
        if not self._may_repeat(sent) or (elsewhere and not self._has_another()):
            self._fail(error)
            return
        self._tries_left -= 1
        proxy = self._proxy
        if not self._retried:
            self._retried = self._retrying = True
            proxy.retrying += 1
        proxy.retries += 1
        if self._upload is not None:
            self._upload.go_on()
        self._attempt()

    def _may_repeat(self, sent: bool) -> bool:
        exchange, proxy = self._exchange, self._proxy
        if self._tries_left <= 0 or proxy.clock() >= self._due:
            return False
        upload = self._upload
        if sent and (exchange.head.method not in IDEMPOTENT or (upload is not None and not upload.repeatable)):
            return False
        return self._retried or proxy.retrying < max(3, proxy.live // 5)

    def _has_another(self) -> bool:
        upstream = self._exchange.snapshot.upstreams.get(self._leaf.upstream)
        return upstream is not None and any(e not in self._tried for e in upstream.candidates)

    def _fail(self, error: GatewayError, failed: bool = False) -> None:
        self._over(failed)
        self._exchange.fail(error)

    # -- the answer

    def answer_interim(self, head: ResponseHead) -> None:
        """A 1xx: the 100 that the client waits for, or early hints."""
        if head.status == 100:
            if self._waiting_for_100:
                self._waiting_for_100 = False
                self._exchange.interim(head)
        elif head.status == 103 and self._hints < _HINTS:
            self._hints += 1
            self._exchange.interim(head)

    def answer_head(self, head: ResponseHead, body: bytes, done: bool) -> None:
        """The answer begins."""
        exchange = self._exchange
        status = head.status
        if done:
            self._over()
        else:
            self._begun()
        length: int | None = head.length
        if head.declared is not None:
            length = head.declared
        elif exchange.head.method == b"HEAD" or status == 304 or head.length < 0:
            length = None
        exchange.respond(status, head.reason, head.fields, length, body, done)

    def _begun(self) -> None:
        """The answer has begun: from now on nothing is tried again."""
        self._started = True
        self._waiting_for_100 = False
        self._due = self._proxy.clock() + self._leaf.read
        if self._retrying:
            self._retrying = False
            self._proxy.retrying -= 1
        if self._upload is not None:
            self._upload.settle()

    def answer_body(self, data: bytes) -> None:
        """More of the answer's body."""
        self._due = self._proxy.clock() + self._leaf.read
        self._exchange.send(data)

    def answer_end(self, trailers: list[bytes]) -> None:
        """The answer is complete."""
        self._over()
        self._exchange.finish(trailers)

    def answer_upgraded(self, head: ResponseHead, data: bytes) -> None:
        """A 101 to a WebSocket handshake: a tunnel, if the answer is one to this very handshake."""
        exchange = self._exchange
        key = exchange.head.websocket_key or b""
        named = head.connection or frozenset()
        if head.upgrade != b"websocket" or b"upgrade" not in named or head.websocket_accept != accept_key(key):
            raise GatewayError("bad_answer", "the upstream's answer is none to this WebSocket handshake")
        self._tunnel = True
        self._begun()
        exchange.tunnel(head.fields)
        if data:
            exchange.send(data)

    def answer_failed(self, error: GatewayError) -> None:
        """The connection broke, or what came is no answer."""
        connection, self._connection = self._connection, None
        if self._started:
            self._exchange.code = "upstream_cut"
        elif error.code == "connect_failed" and connection is not None:
            if not connection.fresh:
                connection.pool.beware()
            self._try_again_or_fail(error, sent=True, elsewhere=connection.fresh)
            return
        self._fail(error, failed=True)

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

    # -- time, and the end

    def tick(self, now: float) -> None:
        """Deadlines of all phases; connecting has its own (the reactor's)."""
        leaf = self._leaf
        if self._waiting_for_100 and self._connection is not None and now - self._asked_at > _EXPECT_PATIENCE:
            self._waiting_for_100 = False
            self._exchange.interim(go_on())
        if leaf.total is not None and not self._tunnel and now - self._exchange.started > leaf.total:
            self._expired("the whole exchange took too long")
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
