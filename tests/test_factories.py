"""gwt.factories: made once, refitted by a reload, drained together."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from edge.test_relay import Line
from twisted.internet.task import Clock

from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.edge.demand import DemandResource
from gwt.edge.listener import HttpFactory
from gwt.edge.streamlistener import Shared
from gwt.factories import GENTLE, Factories, trusting
from gwt.finished import Finished
from gwt.keychains import Keychains
from gwt.metrics import Meters, Metrics
from gwt.model.certificate import ClientAuth, read_certificate
from gwt.model.options import Tls
from gwt.model.settings import Settings, load_settings
from gwt.phase.ticker import Ticker
from gwt.proxy import Proxy
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids

CA = Authority()


@pytest.mark.parametrize(
    ("address", "trusted"),
    [("10.1.2.3", True), ("11.0.0.1", False), ("::ffff:10.0.0.1", True), ("fd00::1", True), ("", False)],
)
def test_trusted_proxies(address: str, trusted: bool) -> None:
    assert trusting(("10.0.0.0/8", "fd00::/8"))(address) is trusted


def test_nobody_is_trusted_by_default() -> None:
    assert not trusting(())("127.0.0.1")


def settings(text: str = "") -> Settings:
    found, problems = load_settings(text or "drain: 30\n", "gateway.yaml", {})
    assert found is not None, problems
    return found


class World:
    """Factories of a process in which time is the test's."""

    def __init__(self, text: str = "") -> None:
        self.clock: Any = Clock()
        now = self.clock.seconds
        current = Current(empty_snapshot(Surroundings(Registry(now, random.random))))
        meters, ids = Meters(Metrics.private()), Ids(random.randbytes)
        self.keychains = Keychains(Tls(), Path(), [b"http/1.1"], b"s", time.time)
        finished = Finished(meters, None, now)
        shared = Shared(current, self.clock, now, meters, ids, finished.connection)
        proxy = Proxy(Pools(self.clock, now, self.keychains.outward), Ticker(2), now, ids)
        self.factories = Factories(settings(text), {}, proxy, shared, ids, finished, self.keychains)

    @property
    def http(self) -> HttpFactory:
        found = self.factories.by_role["proxy"]
        assert isinstance(found, HttpFactory)
        return found

    def client(self) -> Line:
        line = Line()
        line.protocol = self.http.buildProtocol(None)
        line.protocol.makeConnection(line)
        return line


def test_a_role_for_each_listener() -> None:
    world = World("listeners: {stream: {mail: 'tcp:25'}}\n")
    assert list(world.factories.by_role) == ["proxy", "service_proxy", "stream.mail"]


def test_a_reload_reaches_the_factories_and_leaves_their_connections() -> None:
    world = World()
    client = world.client()
    root, factory = world.http.root, world.http
    more = settings("limits: {max_connections: 7}\ntrusted_proxies: [10.0.0.0/8]\nlisteners: {stream: {a: 'tcp:1'}}\n")
    world.factories.open_streams(more)
    world.factories.refit(more, {})
    assert world.http is factory and factory.root is not root
    assert factory.limits.max_connections == 7 and factory.trusts("10.0.0.1")
    assert world.factories.by_role["stream.a"].limits.max_connections == 7
    stream = world.factories.by_role["stream.a"]
    world.factories.open_streams(settings())
    assert world.factories.by_role["stream.a"] is stream
    assert world.factories.connections == 1 and not client.over


def test_requests_are_looked_at_where_a_name_demands_a_certificate_and_only_there() -> None:
    world = World()
    root = world.http.root
    pair = CA.pair("a.x")
    demanding = read_certificate(pair.cert, pair.key, client_auth=ClientAuth("require", CA.pem))
    world.keychains.changed = world.factories.demand
    world.keychains.follow({"a": demanding})
    assert isinstance(world.http.root, DemandResource) and world.http.root.root is root
    world.factories.refit(settings(), {})
    assert isinstance(world.http.root, DemandResource) and not isinstance(world.http.root.root, DemandResource)
    world.keychains.follow({})
    assert not isinstance(world.http.root, DemandResource)


def test_a_drain_waits_closes_what_is_idle_and_breaks_off_the_rest() -> None:
    world = World()
    idle, busy = world.client(), world.client()
    busy.protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\n")
    drained = world.factories.drain(world.clock, 5.0)
    assert not idle.over
    world.clock.advance(GENTLE)
    assert idle.over and not busy.over and not drained.called
    world.clock.advance(5.0)
    assert busy.over and drained.called
    assert world.clock.getDelayedCalls() == [] and world.factories.connections == 0
    world.factories.tick()


def test_a_drain_of_nobody_ends_at_once() -> None:
    world = World()
    assert world.factories.drain(world.clock, 5.0).called
    assert world.clock.getDelayedCalls() == []
