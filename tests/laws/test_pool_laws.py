"""Whatever the order of events: no connection carries two exchanges or is lost, and nothing unsafe is repeated.

The proxy and its pools run on fake transports and a clock that stands still; Hypothesis decides what happens next.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.error import ConnectionRefusedError, TimeoutError
from upstream.fakes import Clock, Connector, Net, Transport

from gwt.balance.endpoint import Registry
from gwt.balance.upstream import Upstream
from gwt.errors import GatewayError
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.policy import DEFAULT_POLICY
from gwt.model.route import EndpointSpec, ServiceSpec, Source
from gwt.phase.exchange import Exchange
from gwt.phase.ticker import Ticker
from gwt.proxy import Proxy
from gwt.upstream.connection import IDLE
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids
from gwt.wire.request import parse_request

ADDRESSES = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
KEY = "foo/s:80"
BODY = b"abcdefghijklmnopqrstuvwxyz0123456789,.-+"

#: What an upstream may say, and whether that ends an answer to a GET or POST.
SAYINGS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab",
    b"cd",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 2",
    b"garbage",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
]


class Snapshot:
    def __init__(self, upstream: Upstream) -> None:
        self.upstreams = {KEY: upstream}


class Asked(Exchange):
    """An exchange whose client is the machine."""

    def __init__(self, number: int, method: bytes, length: int, chunked: bool, slow: bool) -> None:
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % length
        super().__init__(parse_request(b"%b /%d HTTP/1.1\r\nHost: a\r\n%b" % (method, number, framing)))
        self.slow = slow
        self.path, self.number, self.length, self.chunked = self.head.path, number, length, chunked
        self.body_done = not length
        self.request_id = b"r%d" % number
        self.reading = True
        self.over = False
        self.errors: list[GatewayError] = []
        self.told: list[bytes] = []
        self.tries_when_answered: int | None = None

    def interim(self, head: Any) -> None:
        assert not self.answering

    def respond(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool) -> None:
        assert not self.answering and not self.over
        self.answering, self.over, self.status = True, done, status
        self.tries_when_answered = self.tries

    def send(self, data: bytes) -> None:
        assert self.answering and not self.over and data
        if self.slow and self.reader is not None:
            self.reader.pause_answer()

    def finish(self, trailers: list[bytes]) -> None:
        assert self.answering and not self.over
        self.over = True

    def fail(self, error: GatewayError) -> None:
        assert not self.over
        self.over = True
        self.errors.append(error)

    def pause_body(self) -> None:
        assert self.reading
        self.reading = False

    def resume_body(self) -> None:
        assert not self.reading
        self.reading = True


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.net, self.clock, self.ticker = Net(), Clock(), Ticker(1)
        self.pools = Pools(self.net, self.clock)
        self.proxy = Proxy(self.pools, self.ticker, self.clock, Ids(random.Random(1).randbytes))
        self.registry = Registry(self.clock, lambda: 0.0)
        self.upstream = Upstream.of(self.spec(ADDRESSES), self.registry)
        self.exchanges: list[Asked] = []
        self.states = {e.address: e.state for e in self.upstream.endpoints}

    @staticmethod
    def spec(addresses: list[str]) -> ServiceSpec:
        return ServiceSpec(KEY, tuple(EndpointSpec(address) for address in addresses))

    @property
    def live(self) -> list[Asked]:
        return [exchange for exchange in self.exchanges if not exchange.over and not exchange.gone]

    def choose(self, number: int, things: list[Any]) -> Any:
        return things[number % len(things)]

    # -- clients

    @rule(
        method=st.sampled_from([b"GET", b"POST", b"PUT"]),
        length=st.sampled_from([0, 12, 40]),
        chunked=st.booleans(),
        slow=st.booleans(),
        retries=st.integers(0, 3),
        at_once=st.booleans(),
    )
    def ask(self, method: bytes, length: int, chunked: bool, slow: bool, retries: int, at_once: bool) -> None:
        exchange = Asked(len(self.exchanges), method, length, chunked and length > 0, slow)
        policy = replace(DEFAULT_POLICY, retries=retries, retry_buffer=9)
        leaf = Leaf("r", "s", "/", policy, LeafOrigin(Source("f")), upstream=KEY)
        exchange.snapshot, exchange.started = Snapshot(self.upstream), self.clock.now
        self.exchanges.append(exchange)
        self.proxy.forward(exchange, leaf)
        if at_once and self.net.connecting:
            self.net.connecting[-1].succeed()

    @precondition(lambda self: any(not e.body_done for e in self.live))
    @rule(which=st.integers(0, 9), size=st.integers(1, 25))
    def upload(self, which: int, size: int) -> None:
        exchange = self.choose(which, [e for e in self.live if not e.body_done])
        piece = BODY[exchange.bytes_in : min(exchange.bytes_in + size, exchange.length)]
        exchange.bytes_in += len(piece)
        exchange.told.append(piece)
        exchange.reader.body(piece)
        if exchange.bytes_in == exchange.length and not exchange.over:
            exchange.body_done = True
            exchange.reader.body_end([])

    @precondition(lambda self: self.live)
    @rule(which=st.integers(0, 9))
    def leave(self, which: int) -> None:
        exchange = self.choose(which, self.live)
        exchange.gone = True
        exchange.reader.client_gone()

    @precondition(lambda self: any(e.answering for e in self.live))
    @rule(which=st.integers(0, 9), full=st.booleans())
    def pace(self, which: int, full: bool) -> None:
        reader = self.choose(which, [e for e in self.live if e.answering]).reader
        reader.pause_answer() if full else reader.resume_answer()

    # -- the network

    @precondition(lambda self: self.net.connecting)
    @rule(which=st.integers(0, 9), how=st.sampled_from(["made", "made", "refused", "late"]))
    def connect(self, which: int, how: str) -> None:
        connector: Connector = self.choose(which, self.net.connecting)
        if how == "made":
            connector.succeed()
        else:
            connector.fail(ConnectionRefusedError() if how == "refused" else TimeoutError())

    @precondition(lambda self: self.net.alive)
    @rule(which=st.integers(0, 9), saying=st.sampled_from(SAYINGS))
    def say(self, which: int, saying: bytes) -> None:
        transport: Transport = self.choose(which, self.net.alive)
        transport.says(saying)

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 9), pieces=st.sampled_from([SAYINGS[1:3], SAYINGS[4:6], SAYINGS[:1]]))
    def answer(self, which: int, pieces: list[bytes]) -> None:
        transport: Transport = self.choose(which, self.busy)
        for piece in pieces:
            transport.says(piece)

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 9))
    def die_under_a_request(self, which: int) -> None:
        transport: Transport = self.choose(which, self.busy)
        transport.end(clean=False)

    @property
    def busy(self) -> list[Transport]:
        return [transport for transport in self.net.alive if transport.protocol.owner is not None]

    @precondition(lambda self: self.net.alive)
    @rule(which=st.integers(0, 9), clean=st.booleans())
    def end(self, which: int, clean: bool) -> None:
        transport: Transport = self.choose(which, self.net.alive)
        transport.end(clean)

    @precondition(lambda self: self.net.alive)
    @rule(which=st.integers(0, 9), full=st.booleans())
    def endpoint_pace(self, which: int, full: bool) -> None:
        producer = self.choose(which, self.net.alive).producer
        if producer is not None:
            producer.pauseProducing() if full else producer.resumeProducing()

    # -- time and change

    @rule(seconds=st.sampled_from([0.05, 0.05, 0.05, 0.3, 0.3, 2.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.ticker.tick(self.clock.now)
        self.pools.tick(self.clock.now)

    @rule(addresses=st.lists(st.sampled_from(ADDRESSES), min_size=2, unique=True) | st.just([]))
    def change(self, addresses: list[str]) -> None:
        self.upstream = self.upstream.replaced(self.spec(addresses))
        for endpoint in self.upstream.endpoints:
            assert self.states.setdefault(endpoint.address, endpoint.state) is endpoint.state
        self.pools.follow({KEY: self.upstream})

    # -- laws

    @invariant()
    def books_are_right(self) -> None:
        assert self.proxy.live == len(self.live) == len(self.ticker)
        assert 0 <= self.proxy.retrying <= self.proxy.live
        assert sum(state.inflight for state in self.states.values()) == len(self.live)
        assert all(state.inflight >= 0 for state in self.states.values())

    @invariant()
    def every_connection_is_accounted_for(self) -> None:
        for pool in self.pools._pools.values():
            connecting = sum((c.host, c.port) == (pool.host, pool.port) for c in self.net.connecting)
            alive = [t for t in self.net.alive if t.protocol.pool is pool]
            assert pool.live == connecting + len(alive)
            assert set(pool._idle) <= {t.protocol for t in alive}
            assert len(set(pool._idle)) == len(pool._idle)

    @invariant()
    def a_connection_carries_one_exchange(self) -> None:
        owners = [t.protocol.owner for t in self.net.alive if t.protocol.owner is not None]
        assert len(owners) == len(set(owners))
        assert all(owner._connection.owner is owner for owner in owners)
        for pool in self.pools._pools.values():
            for connection in pool._idle:
                transport = connection.transport
                assert connection.owner is None and connection.state == IDLE
                assert transport.reading and not transport.aborted and not transport.losing
        for exchange in self.live:
            forward: Any = exchange.reader
            assert (forward._connection is None) != (forward._connector is None)

    @invariant()
    def nothing_unsafe_is_repeated(self) -> None:
        for exchange in self.exchanges:
            mark = b" /%d HTTP/1.1\r\n" % exchange.number
            copies = [t.written for t in self.net.transports if mark in t.written]
            assert sum(copy.count(mark) for copy in copies) == len(copies), "never twice on one connection"
            if exchange.head.method == b"POST":
                assert len(copies) <= 1
            if exchange.tries_when_answered is not None:
                assert exchange.tries == exchange.tries_when_answered
            if not exchange.chunked:
                self.bodies_are_what_was_told(exchange, mark)

    def bodies_are_what_was_told(self, exchange: Asked, mark: bytes) -> None:
        told = b"".join(exchange.told)
        for transport in self.net.transports:
            if mark not in transport.written:
                continue
            body = transport.written.partition(mark)[2].partition(b"\r\n\r\n")[2]
            following = [place for method in (b"GET /", b"POST /", b"PUT /") if (place := body.find(method)) >= 0]
            body = body[: min(following)] if following else body
            owner = transport.protocol.owner
            if owner is not None and owner is exchange.reader and exchange in self.live:
                assert body == told, "the endpoint that works on it has all of it"
            assert told.startswith(body)

    def teardown(self) -> None:
        """All comes to an end: nothing is left."""
        for exchange in self.live:
            exchange.gone = True
            exchange.reader.client_gone()  # type: ignore[union-attr]
        self.pools.close_idle()
        self.clock.now += 100.0
        self.pools.tick(self.clock.now)
        assert not self.net.connecting
        assert all(transport.aborted for transport in self.net.alive), "whatever is still there is being dropped"
        for transport in self.net.alive:
            transport.end()
        assert self.pools.connections == self.proxy.live == self.proxy.retrying == len(self.ticker) == 0
        assert not any(state.inflight for state in self.states.values())


PoolMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestPool: Callable[..., Any] = PoolMachine.TestCase
