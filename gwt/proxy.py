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
from gwt.model.route import Balance
from gwt.phase.exchange import Exchange
from gwt.phase.ticker import Ticker
from gwt.upstream.connection import Connection
from gwt.upstream.pool import Pools
from gwt.wire import chunked
from gwt.wire.forwarded import Ids, traceparent
from gwt.wire.request import RequestHead
from gwt.wire.response import ResponseHead, go_on
from gwt.wire.websocket import accept_key

#: Methods whose effect is the same once or twice (RFC 9110 9.2.2): these may be sent again.
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND", b"REPORT", b"SEARCH", b"QUERY"))

#: Seconds that an upstream has for its 100 before the gateway asks the client for the body by itself.
_EXPECT_PATIENCE = 1.0


class Proxy:
    """What all exchanges share: pools, time, chance, and how many of them are under way.

    `live` exchanges now, `retrying` of them on a further try: at most max(3, 20 % of `live`).
    """

    def __init__(self, pools: Pools, ticker: Ticker, clock: Callable[[], float], ids: Ids) -> None:
        self.pools, self.ticker, self.clock, self.ids = pools, ticker, clock, ids
        self.live = 0
        self.retrying = 0
        self.retries = 0

    def forward(self, exchange: Exchange, leaf: Leaf) -> None:
        """Answer `exchange` from the upstream of `leaf`."""
        Forward(self, exchange, leaf).start()


class Forward:
    """One exchange on its way to an upstream and back.

    Body bytes go to the connection as they come; they are also held, up to the leaf's `retry_buffer`, for as
    long as the exchange might be sent again. `due` is the next deadline on the monotonic clock.
    """

    __slots__ = (
        "_asked_at",
        "_attempt_at",
        "_balance_key",
        "_connection",
        "_connector",
        "_due",
        "_endpoint",
        "_exchange",
        "_held",
        "_held_size",
        "_leaf",
        "_paused",
        "_picker",
        "_proxy",
        "_request_sent",
        "_retried",
        "_slot",
        "_started",
        "_tried",
        "_tries_left",
        "_tunnel",
        "_waiting_for_100",
        "wants_upgrade",
    )  # fmt: skip

    _connection: Connection | None
    _endpoint: Endpoint | None
    _held: list[bytes] | None

    def __init__(self, proxy: Proxy, exchange: Exchange, leaf: Leaf) -> None:
        self._proxy, self._exchange, self._leaf = proxy, exchange, leaf
        self._connection = self._connector = self._endpoint = self._held = self._balance_key = None
        self._held_size = 0
        self._tried: list[Endpoint] = []
        self._tries_left = leaf.retries
        self._retried = self._started = self._paused = self._tunnel = False
        self._request_sent = exchange.body_done
        head = exchange.head
        self.wants_upgrade = head.upgrade is not None
        self._waiting_for_100 = head.expect
        self._due = exchange.started + leaf.first_byte
        self._slot: dict[Any, None] | None = None

    # -- to the upstream

    def start(self) -> None:
        """Find the upstream and send the request to one of its endpoints."""
        exchange, leaf, proxy = self._exchange, self._leaf, self._proxy
        if exchange.head.length > leaf.max_body:
            exchange.fail(GatewayError("too_large", f"the request's body is larger than {leaf.max_body} bytes"))
            return
        upstream = exchange.snapshot.upstreams.get(leaf.upstream)
        if upstream is None:
            exchange.fail(GatewayError("no_service", "cannot find balancer"))
            return
        balance = leaf.balance
        self._picker = upstream.picker(balance)
        if balance.by is not None or balance.kind == "sticky":
            self._balance_key = sticky_key(exchange, balance)
        if not self._request_sent:
            self._held = []
        exchange.reader = self
        self._slot = proxy.ticker.join(self)
        proxy.live += 1
        self._attempt()

    def _attempt(self) -> None:
        endpoint = self._picker.pick(self._balance_key, self._tried)
        if endpoint is None:
            self._fail(GatewayError("no_endpoint", "no endpoint of the service is ready"))
            return
        exchange, proxy = self._exchange, self._proxy
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
        self._connector = pool.connect(self, max(0.01, min(self._leaf.connect, left)))

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
        request = request_head(exchange, self._leaf, self._endpoint, self._proxy.ids)
        if self._held:
            request += b"".join(self._held)
            self._limit_held()
        connection.begin(self, request, exchange.head.method == b"HEAD")
        if self._waiting_for_100:
            self._asked_at = self._proxy.clock()

    def body(self, data: bytes) -> None:
        """More of the request's body."""
        exchange = self._exchange
        connection = self._connection
        if self._tunnel:
            if connection is not None:
                self._due = self._proxy.clock() + self._leaf.read
                connection.transport.write(data)
            return
        self._waiting_for_100 = False
        if exchange.bytes_in > self._leaf.max_body:
            self._fail(GatewayError("too_large", f"the request's body is larger than {self._leaf.max_body} bytes"))
            return
        self._due = max(self._due, self._proxy.clock() + self._leaf.first_byte)
        self._pass(chunked.encode(data) if exchange.head.chunked else data)

    def body_end(self, trailers: list[bytes]) -> None:
        """The request is complete."""
        self._request_sent = True
        self._waiting_for_100 = False
        if self._exchange.head.chunked:
            self._pass(chunked.last(trailers))

    def _pass(self, encoded: bytes) -> None:
        if self._held is not None:
            self._held.append(encoded)
            self._held_size += len(encoded)
        if self._connection is not None:
            self._connection.transport.write(encoded)
            self._limit_held()
        elif self._held_size > self._leaf.retry_buffer:
            self._exchange.pause_body()

    def _limit_held(self) -> None:
        """What was sent is held for another try no further than the leaf allows."""
        if self._held is not None and self._held_size > self._leaf.retry_buffer:
            self._held = None
            self._exchange.resume_body()

    def request_sent(self) -> bool:
        """Whether all of the request has been handed to the connection."""
        return self._request_sent

    def pause_request(self) -> None:
        """The endpoint does not keep up."""
        self._exchange.pause_body()

    def resume_request(self) -> None:
        """The endpoint takes more."""
        self._exchange.resume_body()

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
            self._retried = True
            proxy.retrying += 1
        proxy.retries += 1
        self._attempt()

    def _may_repeat(self, sent: bool) -> bool:
        exchange, proxy = self._exchange, self._proxy
        if self._tries_left <= 0 or proxy.clock() >= self._due:
            return False
        if sent and (exchange.head.method not in IDEMPOTENT or (self._held is None and self._has_body())):
            return False
        return self._retried or proxy.retrying < max(3, proxy.live // 5)

    def _has_body(self) -> bool:
        return self._exchange.head.chunked or self._exchange.head.length > 0

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
        elif head.status == 103:
            self._exchange.interim(head)

    def answer_head(self, head: ResponseHead, body: bytes, done: bool) -> None:
        """The answer begins."""
        exchange = self._exchange
        status = head.status
        if done:
            self._over()
        else:
            self._started = True
            self._waiting_for_100 = False
            self._due = self._proxy.clock() + self._leaf.read
        length: int | None = head.length
        if head.declared is not None:
            length = head.declared
        elif exchange.head.method == b"HEAD" or status == 304 or head.length < 0:
            length = None
        exchange.respond(status, head.reason, head.fields, length, body, done)

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
        named = head.connection or []
        if head.upgrade != b"websocket" or b"upgrade" not in named or head.websocket_accept != accept_key(key):
            raise GatewayError("bad_answer", "the upstream's answer is none to this WebSocket handshake")
        self._started = self._tunnel = True
        self._due = self._proxy.clock() + self._leaf.read
        exchange.tunnel(head.fields)
        if data:
            exchange.send(data)

    def answer_failed(self, error: GatewayError) -> None:
        """The connection broke, or what came is no answer."""
        connection, self._connection = self._connection, None
        if self._started:
            self._exchange.code = "upstream_cut"
        elif error.code == "connect_failed" and connection is not None:
            self._try_again_or_fail(error, sent=True, elsewhere=connection.fresh)
            return
        self._fail(error, failed=True)

    def pause_answer(self) -> None:
        """The client does not keep up."""
        self._paused = True
        if self._connection is not None:
            self._connection.transport.pauseProducing()

    def resume_answer(self) -> None:
        """The client takes more."""
        self._paused = False
        self._due = self._proxy.clock() + self._leaf.read
        if self._connection is not None:
            self._connection.transport.resumeProducing()

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
            self._expired(
                "the upstream sent nothing for too long" if self._started else "the upstream did not answer in time"
            )

    def _expired(self, message: str) -> None:
        detail = "connection_read_timeout" if self._started else None
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
        if self._retried:
            proxy.retrying -= 1
        self._leave(failed)


def sticky_key(exchange: Exchange, balance: Balance) -> bytes | None:
    """What requests have in common that go to one endpoint: user (else the client's address), a header or a cookie."""
    by, name = balance.by, (balance.name or "").encode()
    if by == "header":
        return exchange.header(name.lower())
    if by == "cookie":
        return exchange.cookie(name)
    if by != "ip" and exchange.user is not None:
        return exchange.user.encode()
    return exchange.client.encode()


def request_head(exchange: Exchange, leaf: Leaf, endpoint: Endpoint, ids: Ids) -> bytes:
    """The head that the upstream sees: the client's fields, then the gateway's own."""
    head = exchange.head
    path = exchange.path
    if leaf.rewrite is not None:
        path = leaf.rewrite(path)
    if head.query is not None:
        path = b"%b?%b" % (path, head.query)
    elif head.target == b"*":
        path = b"*"
    said = head.host if head.authority is None else head.authority
    host = said if leaf.host_mode is None else leaf.host_mode
    return b"".join(
        (
            head.method,
            b" ",
            path,
            b" HTTP/1.1\r\nHost: ",
            host or endpoint.address.encode(),
            b"\r\n",
            head.fields,
            exchange.forwarded_lines,
            b"Via: 1.1 gwt\r\nX-Forwarded-Host: " if head.http11 else b"Via: 1.0 gwt\r\nX-Forwarded-Host: ",
            exchange.forwarded_host or said or b"",
            b"\r\nX-Request-Id: ",
            exchange.request_id,
            b"\r\ntraceparent: ",
            traceparent(head.traceparent, ids),
            b"\r\n\r\n" if head.plain else _framing(head),
        )
    )


def _framing(head: RequestHead) -> bytes:
    """The rare fields, set anew, and the end of the head."""
    if head.upgrade is not None:
        return b"\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % head.upgrade
    lines = b"\r\n"
    if head.chunked:
        lines += b"Transfer-Encoding: chunked\r\n"
    if head.expect:
        lines += b"Expect: 100-continue\r\n"
    if head.te_trailers:
        lines += b"Connection: TE\r\nTE: trailers\r\n"
    return lines + b"\r\n"
