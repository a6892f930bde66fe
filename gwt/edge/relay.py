"""The story of a connection of a stream: who it is for, which endpoint takes it, bytes both ways, its end.

Nothing here costs a timer for each: relays are looked at by their factory's ticker.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone, TCPTimedOutError, TimeoutError
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.balance.endpoint import Endpoint
from gwt.balance.least import observe, observe_failure
from gwt.edge.introduction import plain_host
from gwt.edge.leg import Leg
from gwt.errors import KINDS
from gwt.metrics import StreamStats
from gwt.streams import StreamLeaf, StreamTable
from gwt.wire.clienthello import BadHello, HelloReader
from gwt.wire.proxyprotocol import Address, header_v1, header_v2

if TYPE_CHECKING:
    from gwt.edge.streamlistener import StreamFactory

_log = Logger()

#: A ClientHello is awaited; a connection to an endpoint; bytes pass; the last ones are on their way; it is over.
HELLO, DIALLING, OPEN, PARTING, DEAD = range(5)

_HEADERS = {"v1": header_v1, "v2": header_v2}
#: Codes of ends that are no error of the gateway's own.
_STATUSES: dict[str | None, int] = {code: kind.status for code, kind in KINDS.items()}
_STATUSES.update({None: 200, "client_gone": 499, "upstream_cut": 502})


class Relay:
    """One client's connection and the one to its endpoint. It is its own line of the access log (`LogRecord`)."""

    __slots__ = (
        "_attempt", "_client", "_due", "_early", "_endpoint", "_factory", "_hello", "_leaf", "_said", "_seen",
        "_since", "_slot", "_table", "_tried", "_upstream", "client", "code", "duration", "host", "protocol",
        "request_id", "revision", "started", "state", "stats", "time", "tries", "upstream", "upstream_seconds",
    )  # fmt: skip

    method = uri = b""
    path_uri = user = user_agent = referer = None

    def __init__(self, factory: StreamFactory) -> None:
        self._factory = factory
        self._client = Leg(self)
        self._upstream: Leg | None = None
        self._hello: HelloReader | None = None
        self._table: StreamTable = StreamTable()
        self._leaf: StreamLeaf | None = None
        self._attempt: _Attempt | None = None
        self._endpoint: Endpoint | None = None
        self._tried: list[Endpoint] = []
        self._early = b""
        self._seen = 0
        self._said = (0, 0)  # bytes in and out that the metrics know of
        self._due = self._since = self.started = self.duration = self.time = 0.0
        self.state = HELLO
        self.client = self.protocol = ""
        self.host = self.request_id = b""
        self.code: str | None = None
        self.upstream: str | None = None
        self.upstream_seconds: float | None = None
        self.tries = self.revision = 0
        self.stats: StreamStats | None = None

    @property
    def protocol_for_client(self) -> Leg:
        """What a port is given."""
        return self._client

    # -- what a log line says

    @property
    def status(self) -> int:
        return _STATUSES[self.code]

    @property
    def bytes_in(self) -> int:
        return self._client.count

    @property
    def bytes_out(self) -> int:
        return 0 if self._upstream is None else self._upstream.count

    @property
    def route(self) -> str | None:
        return None if self._leaf is None else self._leaf.route

    @property
    def service(self) -> str | None:
        return None if self._leaf is None else self._leaf.service

    # -- who it is for

    def made(self, leg: Leg) -> None:
        if leg is self._client:
            self._begin()
        else:
            self._connected(leg)

    def _begin(self) -> None:
        factory = self._factory
        self.protocol = "TCP"
        self.client = plain_host(self._client.transport.getPeer())
        self.started = factory.clock()
        self._slot = factory.opened(self)
        snapshot = factory.shared.current.snapshot
        self.revision = snapshot.revision
        table = snapshot.streams.get(factory.name)
        if factory.full:
            self.refuse("overloaded")
        elif table is None:
            self.refuse("no_route")
        elif table.by_name:
            self._table, self._hello = table, HelloReader()
            self._due = self.started + factory.limits.header_timeout
        else:
            self._choose(table, None)

    def early(self, data: bytes) -> None:
        if self.state == DIALLING:
            self._early += data
        elif self.state == HELLO and self._hello is not None:
            try:
                if self._hello.feed(data):
                    self._greeted(self._hello)
            except BadHello:
                self.refuse("bad_request")
            except Exception:
                _log.failure("a connection could not be handled")
                self.refuse("internal")

    def _greeted(self, hello: HelloReader) -> None:
        self._early, self._hello = bytes(hello.received), None
        if hello.tls:
            self.protocol, self.host = "TLS", hello.name or b""
        self._choose(self._table, hello.name)

    def _choose(self, table: StreamTable, name: bytes | None) -> None:
        leaf = self._leaf = table.choose(name)
        if leaf is None:
            self.refuse("no_route")
        elif leaf.closed is not None:
            self.refuse("policy")
        elif leaf.rule is not None and not leaf.rule.admits(self.client):
            self.refuse("ip")
        elif self._factory.shared.full(leaf):
            self.refuse("overloaded")
        else:
            self.state = DIALLING
            self._factory.shared.admitted(self, leaf)
            self._client.transport.pauseProducing()
            self._dial(leaf)

    # -- which endpoint takes it

    def _dial(self, leaf: StreamLeaf) -> None:
        """Try the next endpoint of those in force now."""
        shared = self._factory.shared
        upstream = shared.current.snapshot.upstreams.get(leaf.upstream or "")
        if upstream is None:
            self.refuse("no_service")
            return
        endpoint = upstream.picker(leaf.balance).pick(self.client.encode(), self._tried)
        if endpoint is None:
            self.refuse(self.code or "no_endpoint")
            return
        self.tries += 1
        self._endpoint, self.upstream, self._since = endpoint, endpoint.address, self._factory.clock()
        endpoint.state.inflight += 1
        endpoint.state.requests += 1
        self._attempt = _Attempt(self, endpoint, leaf.policy.connect)
        shared.share.soon(shared.reactor, self._attempt.begin)

    def new_leg(self) -> Leg:
        """For the connection to the endpoint."""
        return Leg(self)

    def not_connected(self, reason: Failure) -> None:
        """The endpoint does not take it: perhaps another does."""
        endpoint, leaf = self._endpoint, self._leaf
        self._attempt = None
        if endpoint is None or leaf is None or self.state != DIALLING:
            return
        now = self._factory.clock()
        self._release()
        endpoint.state.failures += 1
        observe_failure(endpoint.state, now - self._since, now)
        self._tried.append(endpoint)
        self.code = "timeout" if reason.check(TimeoutError, TCPTimedOutError) else "connect_failed"
        if self.tries > leaf.policy.retries:
            self.refuse(self.code)
        else:
            self._dial(leaf)

    def _connected(self, leg: Leg) -> None:
        self._attempt, self._upstream = None, leg
        if self.state != DIALLING or self._endpoint is None or self._leaf is None:
            leg.abort()
            return
        now = self._factory.clock()
        self.code, self.state = None, OPEN
        self.upstream_seconds = now - self._since
        observe(self._endpoint.state, self.upstream_seconds, now)
        self._due = now + self._leaf.policy.read
        client = self._client
        client.join(leg)
        first, self._early = self._introduction(self._leaf) + self._early, b""
        if first:
            leg.transport.write(first)
        if client.ended:
            self.half_closed(client)
        else:
            client.transport.resumeProducing()

    def _introduction(self, leaf: StreamLeaf) -> bytes:
        """Who the client is, where the endpoint wants to be told."""
        write = _HEADERS.get(leaf.stream.proxy_protocol or "")
        if write is None:
            return b""
        transport = self._client.transport
        return write(_address(transport.getPeer()), _address(transport.getHost()))

    # -- the end

    def half_closed(self, leg: Leg) -> None:
        other = leg.other
        if other is None:
            if self.state == HELLO:
                self.refuse("client_gone")
        elif self.state == OPEN and other.ended:
            self._part()
        elif not other.gone:
            other.end_sending()

    def _part(self) -> None:
        """Nothing more will come: close both once what there is is taken."""
        self.state = PARTING
        if self._leaf is not None:
            self._due = self._factory.clock() + self._leaf.policy.read
        for leg in (self._client, self._upstream):
            if leg is not None:
                leg.close()

    def refuse(self, code: str) -> None:
        """End what has not reached an endpoint."""
        if self.state < OPEN:
            self.code, self.state = code, PARTING
            self._due = self._factory.clock() + self._factory.limits.header_timeout
            self._give_up()
            self._client.close()

    def abort(self, code: str) -> None:
        """End it now, whatever is on its way."""
        if self.state != DEAD:
            if self.state != PARTING:
                self.code, self.state = code, PARTING
            self._give_up()
            self._client.abort()
            if self._upstream is not None:
                self._upstream.abort()

    def drain(self) -> None:
        """The gateway is going: who has not said yet what he wants is let go."""
        if self.state == HELLO:
            self.refuse("draining")

    def lost(self, leg: Leg, reason: Failure) -> None:
        client, upstream = self._client, self._upstream
        if self.state == DIALLING:
            self.code, self.state = "client_gone", PARTING
            self._give_up()
        elif self.state == HELLO:
            self.code, self.state = "client_gone", PARTING
        elif self.state == OPEN:
            if reason.check(ConnectionDone):
                self._part()
            else:
                self.abort("client_gone" if leg is client else "upstream_cut")
        if client.gone and (upstream is None or upstream.gone) and self.state != DEAD:
            self.state = DEAD
            self._finish()

    def _give_up(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.disconnect()

    def _release(self) -> None:
        """The endpoint has nothing to do with it any more."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.state.inflight -= 1

    def _finish(self) -> None:
        self._release()
        self._slot.pop(self, None)
        self.duration = self._factory.clock() - self.started
        self.time = time.time() - self.duration
        self._factory.closed(self, self._leaf)

    # -- time

    def account(self) -> tuple[int, int]:
        """Bytes in and out since this was asked last."""
        before, self._said = self._said, (self.bytes_in, self.bytes_out)
        return self._said[0] - before[0], self._said[1] - before[1]

    def tick(self, now: float) -> None:
        """Looked at about once a second."""
        if self.state == OPEN and self._leaf is not None:
            total = self.bytes_in + self.bytes_out
            if total != self._seen:
                self._seen, self._due = total, now + self._leaf.policy.read
                self._factory.shared.passed(self)
        if now > self._due:
            if self.state == HELLO:
                self.refuse("slow_request")
            elif self.state != DIALLING:
                self.abort("timeout")


class _Attempt(ClientFactory):
    """One attempt to connect."""

    noisy = False

    def __init__(self, relay: Relay, endpoint: Endpoint, timeout: float) -> None:
        self._relay, self._endpoint, self._timeout = relay, endpoint, timeout
        self._connector: Any = None
        self._over = False

    def begin(self) -> None:
        """Connect, unless it was given up."""
        if not self._over:
            endpoint, reactor = self._endpoint, self._relay._factory.shared.reactor
            self._connector = reactor.connectTCP(endpoint.host, endpoint.port, self, timeout=self._timeout)

    def disconnect(self) -> None:
        """Nobody waits any more."""
        self._over = True
        if self._connector is not None:
            self._connector.disconnect()

    def buildProtocol(self, addr: object) -> Any:
        return None if self._over else self._relay.new_leg()

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        if not self._over:
            self._relay.not_connected(reason)


def _address(address: Any) -> Address | None:
    host = getattr(address, "host", None)
    return None if host is None else (plain_host(address), address.port)
