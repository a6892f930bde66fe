"""The story of an exchange: pick an endpoint, send, try again where that is safe, and the head of the answer.

It is to be read from top to bottom; what passes after that, and how it ends, is `Transfer`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.balance.endpoint import Endpoint
from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.transfer import Transfer
from gwt.upstream.affinity import sticky_key
from gwt.upstream.call import Call
from gwt.upstream.connection import Connection
from gwt.upstream.pool import Pool
from gwt.upstream.requestblock import request_block
from gwt.upstream.requesthead import request_head
from gwt.upstream.trunks import Trunks
from gwt.upstream.upload import Upload
from gwt.wire.grpc import Messages, called
from gwt.wire.response import ResponseHead
from gwt.wire.websocket import accept_key

if TYPE_CHECKING:
    from gwt.proxy import Proxy

#: Methods whose effect is the same once or twice (RFC 9110 9.2.2): these may be sent again.
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND", b"REPORT", b"SEARCH", b"QUERY"))

#: Early hints (103) that are passed on for one request, if they are among the first interim answers.
_HINTS = 20
#: Interim answers after which there will be no final one.
_INTERIM = 2000
#: Endpoints that may send a request back unseen, before that is an error.
_UNSEEN = 5


class Forward(Transfer):
    """One exchange on its way to an upstream and back.

    `_path` is what the endpoint is asked for. Tries: `_tried` are the endpoints that failed, `_tries_left` how often it
    may be tried again, `_retried` whether it was; `_unseen` tries were sent back.
    """

    __slots__ = (
        "_balance_key", "_interim", "_path", "_picker", "_retried", "_tried", "_tries_left", "_unseen", "wants_upgrade",
    )  # fmt: skip

    _balance_key: bytes | None

    def __init__(self, proxy: Proxy, exchange: Exchange, leaf: Leaf) -> None:
        self._proxy, self._exchange, self._leaf = proxy, exchange, leaf
        self._connection = self._connector = self._endpoint = self._balance_key = self._upload = self._slot = None
        self._deadline = None
        self._messages = None
        self._tried: list[Endpoint] = []
        self._tries_left = leaf.retries
        self._retried = self._retrying = self._started = self._paused = self._tunnel = False
        self._path = exchange.path
        head = exchange.head
        self.request_sent = exchange.body_done
        self.wants_upgrade = head.upgrade is not None and not leaf.framed
        self._waiting_for_100 = head.expect
        self._interim = self._unseen = 0
        self._due = exchange.started + leaf.first_byte

    # -- to the upstream

    def start(self) -> None:
        """Find the upstream and send the request to one of its endpoints."""
        exchange, leaf, proxy = self._exchange, self._leaf, self._proxy
        if leaf.framed and self._is_grpc():
            self._messages = Messages()
        elif exchange.head.length > leaf.max_body:
            exchange.fail(self._too_large())
            return
        upstream = exchange.snapshot.upstreams.get(leaf.upstream)
        if upstream is None:
            exchange.fail(GatewayError("no_service", "cannot find balancer"))
            return
        try:
            self._path = leaf.asked(exchange.path)
        except GatewayError as error:
            exchange.fail(error)
            return
        balance = leaf.balance
        self._picker = upstream.picker(balance)
        if balance.by is not None or balance.kind == "sticky":
            self._balance_key = sticky_key(exchange, balance)
        if not self.request_sent:
            self._upload = Upload(exchange, leaf.retry_buffer, leaf.framed)
        exchange.reader = self
        self._slot = proxy.ticker.join(self)
        proxy.live += 1
        self._attempt()

    def _is_grpc(self) -> bool:
        """A call of gRPC may have a deadline of its own; its messages have a limit instead of its body."""
        grpc, seconds = called(self._exchange.head.fields)
        if seconds is not None:
            self._deadline = self._exchange.started + seconds
            self._due = min(self._due, self._deadline)
        return grpc

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
        pool: Pool | Trunks
        connection: Connection | Call | None
        if leaf.framed:
            pool = proxy.pools.trunks(endpoint.host, endpoint.port, leaf.tls)
            connection = pool.take()
        else:
            pool = proxy.pools.get(endpoint.host, endpoint.port, leaf.tls)
            connection = None if self._retried else pool.take(exchange.head.method not in IDEMPOTENT)
        if connection is not None:
            self._send(connection)
            return
        left = self._due - self._attempt_at
        try:
            self._connector = pool.connect(self, max(0.01, min(leaf.connect, left)), leaf.upstream)
        except GatewayError as error:
            self.not_connected(error)

    @property
    def connecting(self) -> bool:
        """Whether a connection is made that is for this request alone."""
        return self._connector is not None and not self._leaf.framed

    def connected(self, connection: Connection | Call) -> None:
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

    def _send(self, connection: Connection | Call) -> None:
        self._connection = connection
        exchange, endpoint, ids = self._exchange, self._endpoint, self._proxy.ids
        assert endpoint is not None
        to_head = exchange.head.method == b"HEAD"
        if isinstance(connection, Call):
            block = request_block(exchange, self._path, self._leaf, endpoint, ids)
            connection.begin(self, block, to_head, self._upload)
        else:
            request = request_head(exchange, self._path, self._leaf, endpoint, ids)
            if self._upload is not None:
                request += self._upload.again()
            connection.begin(self, request, to_head)
        if self._waiting_for_100:
            self._asked_at = self._proxy.clock()

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

    # -- the answer

    def answer_interim(self, head: ResponseHead) -> None:
        """A 1xx: the 100 that the client waits for, or early hints."""
        self._interim += 1
        if self._interim > _INTERIM:
            raise GatewayError("bad_answer", "interim answers without end")
        if head.status == 100:
            if self._waiting_for_100:
                self._waiting_for_100 = False
                self._exchange.interim(head)
        elif head.status == 103 and self._interim <= _HINTS:
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
        self._heard()
        if self._retrying:
            self._retrying = False
            self._proxy.retrying -= 1
        if self._upload is not None:
            self._upload.settle()

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
            self._try_again_or_fail(error, sent=True, elsewhere=connection.fresh)
            return
        self._fail(error, failed=True)

    def answer_refused(self, error: GatewayError) -> None:
        """The endpoint has not looked at the request: any may go elsewhere, and that is no retry."""
        self._connection = None
        upload = self._upload
        held = upload is None or upload.repeatable
        if self._started or not held or self._unseen == _UNSEEN or self._proxy.clock() >= self._due:
            self.answer_failed(error)
            return
        self._unseen += 1
        self._leave(failed=False)
        if upload is not None:
            upload.go_on()
        self._attempt()
