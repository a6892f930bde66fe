from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError, TimeoutError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.edge.relay import Relay
from gwt.edge.streamlistener import Shared, StreamFactory
from gwt.metrics import Meters, Metrics
from gwt.model.options import Limits
from gwt.model.parse import parse_file
from gwt.model.route import EndpointSpec, Route, ServiceSpec
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.wire.forwarded import Ids

TWO = ("10.0.0.1:1", "10.0.0.2:1")


class Line(StringTransport):
    """A socket that tells its protocol of its end when it is closed."""

    def __init__(self, peer: str = "192.0.2.7") -> None:
        super().__init__(IPv4Address("TCP", "198.51.100.1", 443), IPv4Address("TCP", peer, 4321))
        self.half_closed = self.over = False
        self.protocol: Any = None

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def loseConnection(self) -> None:
        self._end(ConnectionDone())

    def abortConnection(self) -> None:
        self._end(ConnectionLost())

    def _end(self, why: Exception) -> None:
        if not self.over:
            self.over = True
            self.protocol.connectionLost(Failure(why))


class World(Clock):
    """One listener of streams, `tcp`; a reactor that keeps attempts to connect in `attempts`."""

    def __init__(self, document: str = "{stream: tcp, services: [{upstream: up}]}", addresses: Any = TWO) -> None:
        super().__init__()
        registry = Registry(self.seconds, random.Random(1).random)
        self.current = Current(empty_snapshot(Surroundings(registry)))
        self.attempts: list[tuple[str, Any, float]] = []
        self.ended: list[Relay] = []
        (route,) = parse_file(document, "f").documents
        assert isinstance(route, Route)
        self.put(routes={"r": route}, services={"up": ServiceSpec("up", tuple(map(EndpointSpec, addresses)))})
        ids = Ids(random.Random(2).randbytes)
        self.meters = Meters(Metrics.private())
        shared = Shared(self.current, self, self.seconds, self.meters, ids, self.ended.append)
        self.factory = StreamFactory("tcp", shared, Limits(max_connections=3))

    def put(self, **delta: Any) -> None:
        self.current.swap(compile_now(self.current.snapshot, Delta(self.current.snapshot.revision + 1, **delta)))

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float) -> Any:
        self.attempts.append((host, factory, timeout))
        return self

    def disconnect(self) -> None:
        """Of a connector."""

    def client(self, peer: str = "192.0.2.7") -> Line:
        line = Line(peer)
        line.protocol = self.factory.buildProtocol(None)
        line.protocol.makeConnection(line)
        return line

    def accept(self) -> Line:
        """The endpoint that was tried last takes the connection."""
        line = Line()
        line.protocol = self.attempts[-1][1].buildProtocol(None)
        line.protocol.makeConnection(line)
        return line

    def refuse(self, why: Exception) -> None:
        self.attempts[-1][1].clientConnectionFailed(None, Failure(why))

    def pair(self) -> tuple[Line, Line]:
        return self.client(), self.accept()

    def tick(self, seconds: float) -> None:
        """Let time pass, as far as relays hear of it."""
        self.advance(seconds)
        for _ in range(10):
            self.factory.tick()

    @property
    def code(self) -> str | None:
        """What ended the only connection."""
        (relay,) = self.ended
        return relay.code

    @property
    def inflight(self) -> int:
        return sum(one.state.inflight for one in self.current.snapshot.upstreams["up"].endpoints)


def test_bytes_pass_both_ways_and_are_counted() -> None:
    world = World()
    client, upstream = world.pair()
    client.protocol.dataReceived(b"to")
    upstream.protocol.dataReceived(b"fro")
    assert (upstream.value(), client.value()) == (b"to", b"fro")
    assert (world.inflight, world.factory.connections) == (1, 1)
    client.protocol.readConnectionLost()
    assert upstream.half_closed
    upstream.protocol.dataReceived(b"m")
    upstream.protocol.readConnectionLost()
    assert client.over and upstream.over
    (relay,) = world.ended
    assert (relay.bytes_in, relay.bytes_out, relay.code, relay.status) == (2, 4, None, 200)
    assert (world.inflight, world.factory.connections) == (0, 0)


def test_a_client_waits_for_its_endpoint_and_what_it_has_sent_is_kept() -> None:
    world = World("{stream: tcp, proxy_protocol: v1, services: [{upstream: up}]}")
    client = world.client()
    assert client.producerState == "paused"
    client.protocol.dataReceived(b"early")
    client.protocol.readConnectionLost()
    upstream = world.accept()
    assert upstream.value() == b"PROXY TCP4 192.0.2.7 198.51.100.1 4321 443\r\nearly"
    assert upstream.half_closed


def test_another_endpoint_is_tried_as_often_as_the_policy_says() -> None:
    world = World("{stream: tcp, access: {retries: 1}, timeout: {connect: 2}, services: [{upstream: up}]}")
    client = world.client()
    world.refuse(ConnectionRefusedError())
    assert len({host for host, _, _ in world.attempts}) == 2
    assert [timeout for _, _, timeout in world.attempts] == [2, 2]
    world.refuse(TimeoutError())
    assert client.over
    assert (world.code, world.ended[0].tries, world.inflight) == ("timeout", 2, 0)
    assert sum(one.state.failures for one in world.current.snapshot.upstreams["up"].endpoints) == 2


def test_a_retry_sees_the_endpoints_of_that_moment() -> None:
    world = World()
    world.client()
    world.put(services={"up": ServiceSpec("up", (EndpointSpec("10.0.0.9:1"),))})
    world.refuse(ConnectionRefusedError())
    assert world.attempts[-1][0] == "10.0.0.9"


@pytest.mark.parametrize("addresses, code", [((), "no_endpoint"), (TWO[:1], "connect_failed")])
def test_where_no_endpoint_is_left(addresses: Any, code: str) -> None:
    world = World(addresses=addresses)
    client = world.client()
    if addresses:
        world.refuse(ConnectionRefusedError())
    assert client.over
    assert world.code == code


def test_a_client_that_goes_while_it_waits() -> None:
    world = World()
    client = world.client()
    client.abortConnection()
    assert (world.code, world.inflight, world.factory.connections) == ("client_gone", 0, 0)
    assert world.attempts[-1][1].buildProtocol(None) is None
    world.refuse(ConnectionRefusedError())
    assert len(world.ended) == 1


@pytest.mark.parametrize("which, code", [(0, "client_gone"), (1, "upstream_cut")])
def test_a_reset_on_one_side_is_one_on_the_other(which: int, code: str) -> None:
    world = World()
    pair = world.pair()
    pair[which].abortConnection()
    assert pair[0].over and pair[1].over
    assert world.code == code


def test_silence_is_ended_after_the_read_timeout_and_not_before() -> None:
    world = World("{stream: tcp, timeout: {read: 10}, services: [{upstream: up}]}")
    client, upstream = world.pair()
    for line in (client, upstream, client):
        world.tick(9)
        line.protocol.dataReceived(b".")
        world.tick(0.5)
    world.tick(9)
    assert not client.over
    world.tick(2)
    assert client.over and upstream.over
    assert world.code == "timeout"


def test_who_may_not_connect() -> None:
    world = World("{stream: tcp, access: {ip_allow: [10.0.0.0/8]}, max_connections: 1, services: [{upstream: up}]}")
    world.client("192.0.2.1")
    world.client("10.0.0.1")
    world.client("10.0.0.2")
    assert [relay.code for relay in world.ended] == ["ip", "overloaded"]


def test_no_more_connections_than_the_listener_may_have() -> None:
    world = World()
    for _ in range(4):
        world.client()
    assert [relay.code for relay in world.ended] == ["overloaded"]
    assert (world.factory.accepted, world.factory.refused, world.factory.connections) == (4, 1, 3)


def test_a_listener_without_documents_takes_nobody() -> None:
    world = World("{stream: other, services: [{upstream: up}]}")
    assert world.client().over
    assert world.code == "no_route"


def test_draining_lets_those_go_that_have_not_said_what_they_want() -> None:
    world = World("{stream: tcp, hosts: [a], services: [{upstream: up}]}")
    client = world.client()
    world.factory.begin_drain()
    assert client.over
    assert world.code == "draining"
    assert world.factory.when_empty().called


EVENTS = st.lists(
    st.sampled_from(
        ["to", "fro", "client ends", "upstream ends", "client resets", "upstream resets", "accept", "refuse", "tick"]
    ),
    max_size=12,
)


@given(EVENTS)
def test_whatever_happens_in_whatever_order_nothing_is_left_over(events: list[str]) -> None:
    """Bytes arrive as they were sent; each connection is logged once; no endpoint is thought to be busy."""
    world = World()
    client, lines = world.client(), list[Line]()
    sent, ended = [b"", b""], set[str]()
    for number, event in enumerate(events):
        upstream = lines[0] if lines else None
        data = b"%d." % number
        if event == "accept" and not lines and not client.over:
            lines.append(world.accept())
        elif event == "refuse" and not lines and not client.over:
            world.refuse(ConnectionRefusedError())
        elif event == "tick":
            world.tick(1)
        elif event.startswith("client") and not client.over and event not in ended:
            ended.add(event)
            client.abortConnection() if event.endswith("resets") else client.protocol.readConnectionLost()
        elif event.startswith("upstream") and upstream is not None and not upstream.over and event not in ended:
            ended.add(event)
            upstream.abortConnection() if event.endswith("resets") else upstream.protocol.readConnectionLost()
        elif event == "to" and not client.over and "client ends" not in ended:
            sent[0] += data
            client.protocol.dataReceived(data)
        elif event == "fro" and upstream is not None and not upstream.over and "upstream ends" not in ended:
            sent[1] += data
            upstream.protocol.dataReceived(data)
        if lines:
            assert lines[0].value() == sent[0]
            assert client.value() == sent[1]
    world.factory.abort_all()
    assert client.over and all(line.over for line in lines)
    assert (len(world.ended), world.inflight, world.factory.connections) == (1, 0, 0)
