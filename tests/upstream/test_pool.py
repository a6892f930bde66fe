"""Pools: what may be reused, what is learned of a server, and that every connection is accounted for."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError, NoRouteError, TimeoutError
from upstream.fakes import Clock, Later, Net, Transport

from gwt.balance.endpoint import Registry
from gwt.balance.upstream import Upstream
from gwt.errors import GatewayError
from gwt.model.route import EndpointSpec, ServiceSpec
from gwt.phase.share import SECONDS, Share
from gwt.upstream import pool as pools
from gwt.upstream.pool import MAX_IDLE_SECONDS, Pool, Pools

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Asker:
    """Waits for connections, and owns what it gets."""

    wants_upgrade = False
    request_sent = True

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.errors: list[GatewayError] = []

    def connected(self, connection: Any) -> None:
        self.got.append(connection)

    def not_connected(self, error: GatewayError) -> None:
        self.errors.append(error)

    def answer_head(self, *_: Any) -> None:
        """Fine."""

    def answer_failed(self, error: GatewayError) -> None:
        self.errors.append(error)


def make() -> tuple[Pool, Net, Clock]:
    net, clock = Net(), Clock()
    return Pool("10.0.0.1", 80, net, clock, Share(clock)), net, clock


def used(pool: Pool, net: Net, answer: bytes = OK) -> Transport:
    """A connection that has carried an exchange."""
    asker = Asker()
    pool.connect(asker, 1.0)
    transport = net.connecting[0].succeed()
    asker.got[0].begin(asker, b"GET / HTTP/1.1\r\n\r\n", False)
    transport.says(answer)
    return transport


def test_the_one_used_last_is_taken_first() -> None:
    pool, net, _ = make()
    first = used(pool, net)
    second = used(pool, net)
    assert pool.idle == pool.live == 2
    assert [pool.take(False), pool.take(False), pool.take(False)] == [second.protocol, first.protocol, None]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"x",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_what_can_not_be_trusted_is_dropped(answer: bytes) -> None:
    pool, net, _ = make()
    transport = used(pool, net, answer)
    assert pool.idle == 0 and transport.aborted
    transport.end()
    assert pool.live == 0


def test_unasked_bytes_drop_an_idle_connection() -> None:
    pool, net, _ = make()
    transport = used(pool, net)
    transport.says(OK)
    assert pool.idle == 0 and transport.aborted
    transport.end()
    assert pool.live == 0


def test_idle_time_is_limited_announced_and_learned() -> None:
    pool, net, clock = make()
    assert pool.keeps == MAX_IDLE_SECONDS
    used(pool, net, OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: timeout=5, max=100\r\n\r\n"))
    assert pool.keeps == pytest.approx(4.3)
    clock.now += 4.4
    assert pool.take(False) is None and net.transports[0].aborted
    learning, net, clock = make()
    transport = used(learning, net)
    clock.now += 2.0
    transport.end()
    assert learning.keeps == pytest.approx(1.6) and learning.live == 0


def test_what_was_learned_is_forgotten_bit_by_bit() -> None:
    pool, net, clock = make()
    transport = used(pool, net)
    clock.now += 2.0
    transport.end()
    for _ in range(1000):
        clock.now += 1.0
        pool.tick(clock.now)
    assert pool.keeps > 10
    for _ in range(2000):
        pool.tick(clock.now)
    assert pool.keeps == MAX_IDLE_SECONDS


def test_a_server_that_closes_at_once_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, net, clock = make()
    looks: list[Any] = []
    monkeypatch.setattr(pools, "_quiet", lambda connection: looks.append(connection) or True)
    clock.now += 1.0
    used(pool, net)
    assert pool.take(False) is not None and not looks
    used(pool, net).end()
    assert pool.keeps == MAX_IDLE_SECONDS, "that says nothing about idle time"
    used(pool, net)
    assert pool.take(False) is not None and len(looks) == 1
    used(pool, net)
    assert pool.take(True) is not None and len(looks) == 2
    clock.now += 100.0
    used(pool, net)
    assert pool.take(False) is not None and len(looks) == 2
    used(pool, net)
    clock.now += 0.2
    assert pool.take(False) is not None and len(looks) == 3


@pytest.mark.parametrize(
    ("reason", "code", "detail"),
    [
        (ConnectionRefusedError(), "connect_failed", "connection_refused"),
        (TimeoutError(), "timeout", "connection_timeout"),
        (NoRouteError(), "connect_failed", "destination_ip_unroutable"),
    ],
)
def test_why_there_is_no_connection(reason: Exception, code: str, detail: str) -> None:
    pool, net, _ = make()
    asker = Asker()
    pool.connect(asker, 1.0)
    net.connecting[0].fail(reason)
    assert [(e.code, e.detail) for e in asker.errors] == [(code, detail)] and pool.live == 0


def test_connections_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, net, _ = make()
    monkeypatch.setattr(pools, "MAX_CONNECTIONS", 1)
    pool.connect(Asker(), 1.0)
    with pytest.raises(GatewayError) as raised:
        pool.connect(Asker(), 1.0)
    assert raised.value.code == "overloaded" and len(net.connecting) == pool.live == 1


def test_idle_connections_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_IDLE", 2)
    pool, net, _ = make()
    for _ in range(4):
        used(pool, net)
    assert pool.idle == 2 and [t.aborted for t in net.transports] == [False, False, True, True]


def test_a_tunnel_parts_with_its_last_bytes_sent_but_not_for_ever() -> None:
    pool, net, clock = make()
    asker = Asker()
    pool.connect(asker, 1.0)
    transport = net.connecting[0].succeed()
    asker.got[0].begin(asker, b"GET / HTTP/1.1\r\n\r\n", False)
    asker.got[0].part()
    assert transport.losing and not transport.aborted and transport.producer is None
    pool.tick(clock.now + 4.0)
    assert not transport.aborted
    pool.tick(clock.now + 6.0)
    assert transport.aborted
    transport.end()
    assert pool.live == 0 and not pool._parting


def test_a_socket_that_is_closed_already_is_not_used() -> None:
    """Where many are reset at once, some protocols hear of it in a later turn."""
    pool, net, _ = make()
    transport = used(pool, net)
    transport.fileno = lambda: -1  # type: ignore[attr-defined]
    assert pool.take(careful=True) is None and transport.aborted


def test_of_many_attempts_at_once_some_wait_for_a_later_turn() -> None:
    class Slow(Later, Net):  # type: ignore[misc]
        """Of the attempts three fit into the share of a turn."""

        def __init__(self) -> None:
            Net.__init__(self)
            Later.__init__(self)

        def connectTCP(self, *arguments: Any, **options: Any) -> Any:
            clock.now += SECONDS * 0.4
            return Net.connectTCP(self, *arguments, **options)

    clock = Clock()
    net = Slow()
    pool = Pool("10.0.0.1", 80, net, clock, Share(clock))
    askers = [Asker() for _ in range(10)]
    attempts = [pool.connect(asker, 1.0) for asker in askers]
    assert len(net.connecting) == 3 and pool.live == 10
    attempts[9].disconnect()
    attempts[9].disconnect()
    attempts[0].disconnect()
    assert pool.live == 8 and len(net.connecting) == 2
    net.run()
    assert len(net.connecting) == 8 and pool.live == 8
    for connector in list(net.connecting):
        connector.succeed()
    assert [len(asker.got) for asker in askers] == [0, *[1] * 8, 0]


def service(key: str, *addresses: str) -> Upstream:
    spec = ServiceSpec(key, tuple(EndpointSpec(address) for address in addresses))
    return Upstream.of(spec, Registry(Clock(), lambda: 0.0))


def test_idle_connections_to_addresses_that_left_are_closed() -> None:
    net, clock = Net(), Clock()
    all_pools = Pools(net, clock)
    pool = all_pools.get("10.0.0.1", 80)
    for key in ("a", "b"):
        asker = Asker()
        pool.connect(asker, 1.0, key)
        transport = net.connecting[0].succeed()
        asker.got[0].begin(asker, b"", False)
        transport.says(OK)
    both, a, b = service("x"), service("a", "10.0.0.1:80"), service("b", "10.0.0.1:80", "10.0.0.2:80")
    all_pools.tick(clock.now)
    assert pool.idle == 2, "nothing is known yet"
    all_pools.follow({"a": a, "b": b, "x": both})
    all_pools.tick(clock.now)
    assert pool.idle == 2
    all_pools.follow({"a": service("a", "10.0.0.9:80"), "b": b})
    all_pools.tick(clock.now)
    assert pool.idle == 2, "another service is still there"
    all_pools.follow({"a": service("a", "10.0.0.9:80"), "b": service("b", "10.0.0.2:80")})
    all_pools.tick(clock.now)
    assert pool.idle == 0 and all(transport.aborted for transport in net.transports)


def test_pools_are_looked_at_in_turns_and_forgotten_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_SLICE", 10)
    net, clock = Net(), Clock()
    all_pools = Pools(net, clock)
    for number in range(25):
        all_pools.get("10.0.0.1", number)
    used(all_pools.get("10.0.0.1", 3), net)
    assert len(all_pools) == 25 and all_pools.connections == 1
    clock.now += 601.0
    for _ in range(3):
        all_pools.tick(clock.now)
    assert len(all_pools) == 1 and net.transports[0].aborted
    net.transports[0].end()
    clock.now += 601.0
    all_pools.tick(clock.now)
    assert len(all_pools) == 0 == all_pools.connections


def test_the_gateway_leaves() -> None:
    net, clock = Net(), Clock()
    all_pools = Pools(net, clock)
    used(all_pools.get("10.0.0.1", 1), net)
    used(all_pools.get("10.0.0.1", 2), net)
    all_pools.close_idle()
    assert all(transport.aborted for transport in net.transports)
