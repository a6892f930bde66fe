"""The compiled short cut and the Python code are one thing: same bytes, same books, same state of every object."""

from __future__ import annotations

import re
from typing import Any

import pytest
from edge.cases import CASES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gwt import shortcut, shortcuts
from gwt.accesslog import AccessLog
from gwt.balance.endpoint import Endpoint, EndpointState, Registry
from gwt.balance.pick import Ring
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.edge.channel import Channel
from gwt.edge.listener import HttpFactory
from gwt.edge.request import Request
from gwt.edge.resource import GatewayResource
from gwt.finished import Finished
from gwt.forward import Forward
from gwt.metrics import Meters, Metrics
from gwt.model.route import Access, Balance, EndpointSpec, Path, PluginUse, Rewrite, Route, Service, ServiceSpec
from gwt.model.settings import Limits
from gwt.phase.installed import Installed
from gwt.phase.plugintype import PluginType
from gwt.phase.ticker import Ticker
from gwt.plugins.request_id import RequestId
from gwt.plugins.response_rewrite import ResponseRewrite
from gwt.proxy import Proxy
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.upstream.connection import Connection
from gwt.upstream.pool import Pool, Pools
from gwt.upstream.trunk import Trunk
from gwt.wire.forwarded import Ids
from gwt.wire.request import RequestHead

KEY = "foo/s:80"
#: Objects whose slots are compared, whole graphs of them; of others only what kind they are.
SHOWN = (Channel, Request, RequestHead, Forward, Connection, Pool, Proxy, Ring, Endpoint, EndpointState, Finished)
_DATE = re.compile(rb"(?<=\[)[^\]]*(?=\])|(?<=Date: )[^\r]*|(?<=\"time\":\")[^\"]*")


def route(name: str, service: Service) -> Route:
    return Route(name=name, hosts=(f"{name}.example.com",), namespace="foo", services=(service,))


def service(*paths: Path, **named: Any) -> Service:
    return Service(name="s", port=80, paths=paths or (Path("/"),), **named)


EDITS = {"headers": {"remove": ["Server", "X-A"], "set": {"X-Gateway": "gwt"}, "add": ["Set-Cookie: a=b"]}}
ROUTES = (
    route("plain", service(Path("/api"), Path("/"))),
    route("exact", service(Path("/one", match="exact"), Path("/"))),
    route("rewritten", service(Path("/api", rewrite=Rewrite(strip="/api")), Path("/"))),
    route("when", service(Path("/", methods=("HEAD",)), Path("/x", headers={"X-A": "1"}))),
    route("closed", service(access=Access(auth_type="login"))),
    route("named", service(host="other.example.org")),
    route("theirs", service(host="upstream")),
    route("least", service(balance=Balance("least_conn"))),
    route("sticky", service(balance=Balance("sticky"))),
    route("p2c", service(balance=Balance("p2c"))),
    route("small", service(access=Access(max_body=1, retries=0))),
    route("edited", service(plugins=(PluginUse("response-rewrite", EDITS), PluginUse("request-id", {})))),
    route("framed", service(protocol="h2c")),
)


class Wire:
    """A transport that keeps what is written."""

    disconnecting = False

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.calls: list[str] = []
        self.full: Any = None

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if self.full is not None:
            self.full.pauseProducing()

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.7", 4711)

    getHost = getPeer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.calls.append("registerProducer")

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(name)
        return lambda: self.calls.append(name)


CALLS = (
    "abortConnection",
    "loseConnection",
    "loseWriteConnection",
    "pauseProducing",
    "resumeProducing",
    "unregisterProducer",
)


class World:
    """One gateway with two clients; its upstream connections stand at once."""

    def __init__(self, log: str, format: str) -> None:
        self.now = 1000.0
        clock = self.clock
        count = iter(range(1_000_000))
        ids = Ids(lambda size: next(count).to_bytes(8, "big") * (size // 8))
        surroundings = Surroundings(
            Registry(clock, lambda: 0.5), installed=Installed([PluginType(RequestId), PluginType(ResponseRewrite)])
        )
        endpoints = tuple(EndpointSpec(f"10.0.0.{i}:80") for i in (1, 2, 3))
        delta = Delta(1, {one.name: one for one in ROUTES}, {KEY: ServiceSpec(KEY, endpoints)})  # type: ignore[misc]
        current = Current(compile_now(empty_snapshot(surroundings), delta, surroundings))
        self.connections: list[Connection] = []
        self.pools = Pools(self, clock)
        self.proxy = Proxy(self.pools, Ticker(2), clock, ids)
        self.metrics = Metrics.private()
        self.log = AccessLog(log, format, Clock())
        self.ended: list[Request] = []
        finished = Finished(Meters(self.metrics), self.log, clock)
        root = GatewayResource(current, self.proxy, {})
        self.factory = HttpFactory(root, Limits(), clock, "192.0.2.9".__eq__, ids, finished)
        self.channels = [self.client() for _ in range(2)]

    def clock(self) -> float:
        return self.now

    def client(self) -> Channel:
        channel = self.factory.buildProtocol(None)
        channel.makeConnection(Wire())
        return channel

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float) -> Any:
        connection = factory.buildProtocol(None)
        self.connections.append(connection)
        connection.makeConnection(Wire())

    def callLater(self, delay: float, call: Any, *arguments: Any) -> None:
        if not delay:
            call(*arguments)

    def do(self, event: tuple[Any, ...]) -> None:
        """Let one thing happen."""
        self.now += 0.01
        kind, number, *rest = event
        channel = self.channels[number % 2]
        connection = self.connections[number % len(self.connections)] if self.connections else None
        if kind == "ask":
            channel.dataReceived(rest[0])
        elif kind == "answer" and connection is not None:
            connection.dataReceived(rest[0])
        elif kind == "gone":
            channel.connectionLost(Failure(ConnectionError()))
            self.channels[number % 2] = self.client()
        elif kind == "half" and channel.state != 7:
            channel.readConnectionLost()
        elif kind == "cut" and connection is not None and connection.state != 6:
            connection.connectionLost(Failure(ConnectionError()))
        elif kind == "full":
            channel.transport.full = channel
        elif kind == "taken":
            channel.transport.full = None
            channel.resumeProducing()
        elif kind == "later":
            self.now += rest[0]
            self.factory.tick()
            self.proxy.ticker.tick(self.now)
        elif kind == "drain":
            self.factory.begin_drain()

    def told(self) -> dict[str, Any]:
        """All that can be seen of it."""
        return {
            "clients": [(_DATE.sub(b"", b"".join(c.transport.written)), c.transport.calls) for c in self.channels],
            "upstreams": [(c.transport.written, c.transport.calls) for c in self.connections],
            "channels": [shown(channel, set()) for channel in self.channels],
            "connections": [shown(connection, set()) for connection in self.connections],
            "pools": [(key, shown(pool, set())) for key, pool in self.pools._pools.items()],
            "proxy": (self.proxy.live, self.proxy.retrying, len(self.proxy.ticker)),
            "log": [_DATE.sub(b"", line) for line in self.log._lines],
            "cells": bytes(self.metrics.store.cells[:4096].cast("B")),
        }


def shown(thing: Any, seen: set[int]) -> Any:
    """An object as plain values, its slots by name; what it was shown before is only named."""
    if isinstance(thing, list | tuple):
        return [shown(one, seen) for one in thing]
    if isinstance(thing, dict):
        return len(thing)
    if not isinstance(thing, SHOWN):
        return thing if isinstance(thing, bytes | str | int | float | bool | frozenset | None) else type(thing).__name__
    if id(thing) in seen:
        return f"a {type(thing).__name__}"
    seen.add(id(thing))
    names = {name for one in type(thing).__mro__ for name in getattr(one, "__slots__", ())} - {"time"}
    return {name: shown(getattr(thing, name, "unset"), seen) for name in sorted(names)}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs events in two worlds, with the short cut and without it, and compares what is told."""
    log = str(tmp_path_factory.mktemp("log") / "access.log")

    def run(events: list[tuple[Any, ...]], format: str = "combined") -> None:
        told = []
        for with_it in (True, False):
            if with_it:
                shortcuts.install()
            elif shortcut.BUILT:
                shortcut.forget()
            world = World(log, format)
            try:
                for event in events:
                    world.do(event)
                told.append(world.told())
            finally:
                shortcuts.install()
                world.log.close()
        assert told[0] == told[1]

    return run


def get(host: str, path: str = "/", *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, "", "")).encode("latin-1")


PORTS = ["", ":", ":80", ":0", ":080", ":65535", ":65536", ":8o", ":80:80"]
HOSTS = [f"{one.name}.example.com" for one in ROUTES if one.name != "framed"] + ["PLAIN.example.com", "unknown", ""]
HOSTS += [f"{host}{port}" for host in ("plain.example.com", "edited.example.com", "unknown", "") for port in PORTS[1:]]
PATHS = [
    "/",
    "/api",
    "/api/x?y=1&token=2",
    "/one",
    "/one/",
    "/x",
    "/a%20b",
    "/a//b",
    "/.git",
    "/a/../b",
    "/q?",
    "/q?a#b",
    "/s?sid=1",
    "/@x",
    '/"',
    "/a?x=\\",
    "*",
]
LINES = [
    "User-Agent: curl/8",
    'User-Agent: a"b',
    "User-Agent:",
    "Referer: http://a/?key=1",
    "Referer: http://u:p@h/",
    "Referer: /ok",
    "Cookie: a=1; b=2",
    "Connection: keep-alive",
    "Connection: close",
    "Connection: Keep-Alive, x-b",
    "X-B: 1",
    "X-Request-Id: abc-1",
    "X-Request-Id: not ok",
    f"traceparent: 00-{'a' * 32}-{'b' * 16}-01",
    f"traceparent: ff-{'a' * 32}-{'b' * 16}-01",
    f"traceparent: 00-{'0' * 32}-{'b' * 16}-01",
    "X-Forwarded-For: 1.1.1.1",
    "X-User-Id: root",
    "X_User_Id: root",
    "Content-Length: 0",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Upgrade: websocket",
    "TE: trailers",
    "Host: second",
    "Accept: */*",
    "A" * 40 + ": long",
    "Bad Name: x",
    "X-Odd: \xe9\t",
    "X-Nul: \0",
]
TO_A_PROXY = b"HTTP/1.1 200 OK\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\nX-A: b\r\nproxy: x\r\n\r\nhi"
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nno",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5\r\nX-A: b\r\n\r\nhi",
    TO_A_PROXY,
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
    b"llo",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 2",
    b"garbage",
    b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
    b"HTTP/1.1 500 \xff\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n bad: fold\r\n\r\nhi",
]
FIRST, OK = get("plain.example.com"), ANSWERS[0]

requests = st.builds(
    lambda host, path, lines, method: get(host, path, *lines, method=method),
    st.sampled_from(HOSTS),
    st.sampled_from(PATHS),
    st.lists(st.sampled_from(LINES), max_size=4),
    st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get"]),
)
numbers = st.integers(0, 3)
happenings = st.one_of(
    st.tuples(st.just("ask"), numbers, st.one_of(st.just(FIRST), requests)),
    st.tuples(st.just("answer"), numbers, st.one_of(st.just(OK), st.sampled_from(ANSWERS))),
    st.tuples(st.sampled_from(["gone", "half", "cut", "full", "taken", "drain"]), numbers),
    st.tuples(st.just("later"), numbers, st.sampled_from([0.05, 0.3, 61.0])),
)
#: Connections to all three endpoints are idle, and each status was counted once: from here on the short cut is taken.
WARM = [event for _ in range(4) for i in range(3) for event in (("ask", 0, FIRST), ("answer", i, OK))]


@given(st.lists(happenings, max_size=12), st.sampled_from(["combined", "json"]))
@settings(max_examples=600, deadline=None)
@example([("full", 0), ("ask", 0, FIRST), ("answer", 0, OK), ("taken", 0), ("ask", 0, FIRST)], "json")
@example([("half", 0), ("ask", 0, FIRST)], "json")
@example([("ask", 0, FIRST), ("half", 0), ("answer", 0, OK)], "json")
@example([("ask", 0, FIRST), ("drain", 0), ("answer", 0, OK)], "json")
@example([("ask", 0, FIRST), ("answer", 0, TO_A_PROXY)], "json")
@example([("ask", 0, FIRST + FIRST), ("answer", 0, OK), ("answer", 1, OK)], "json")
def test_any_history_is_the_same_either_way(both: Any, events: list[tuple[Any, ...]], format: str) -> None:
    both([*WARM, *events], format)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_request_of_the_corpus(both: Any, case: Any) -> None:
    both([*WARM, ("ask", 0, case.raw), ("answer", 0, OK), ("ask", 1, FIRST), ("answer", 1, OK)], "json")


@given(requests, st.sampled_from(ANSWERS), st.data())
@settings(max_examples=400, deadline=None)
def test_mutants(both: Any, request: bytes, answer: bytes, data: st.DataObject) -> None:
    one, other = (mutant(data, raw) for raw in (request, answer))
    both([*WARM, ("ask", 0, one), ("answer", 0, other), ("ask", 1, one), ("answer", 1, OK)])


def mutant(data: st.DataObject, raw: bytes) -> bytes:
    at = data.draw(st.integers(0, len(raw)))
    return raw[:at] + data.draw(st.binary(max_size=2)) + raw[at + data.draw(st.integers(0, 2)) :]


def test_the_short_cut_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Where it is built, a plain exchange runs none of the functions that it goes past."""
    if not shortcuts.install():
        assert not shortcut.BUILT
        return
    world = World(str(tmp_path / "access.log"), "json")
    for event in WARM:
        world.do(event)
    called: list[str] = []
    monkeypatch.setattr(Channel, "_next", lambda self: called.append("next"))
    monkeypatch.setattr(Connection, "_head", lambda self, data: called.append("head"))
    monkeypatch.setattr(AccessLog, "log", lambda self, record: called.append("log"))
    for kind, number, data in WARM:
        world.do((kind, number, get("plain.example.com:80", "/x?a=1", "User-Agent: a") if kind == "ask" else data))
    assert called == []
    assert sum(b"HTTP/1.1 200 OK" in one for one in world.channels[0].transport.written) == 24
    world.do(("ask", 0, get("plain.example.com:80", "/x?a=1", "User-Agent: a")))
    world.do(("answer", 0, TO_A_PROXY))
    assert called == []
    assert world.channels[0].transport.written[-1].endswith(b"200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi")


def test_what_goes_by_http2_does_not_take_it(tmp_path: Any) -> None:
    """Though there is an idle connection to the same address that speaks HTTP/1.1."""
    shortcuts.install()
    world = World(str(tmp_path / "access.log"), "json")
    for event in WARM:
        world.do(event)
    plain = len(world.connections)
    written = [len(connection.transport.written) for connection in world.connections]
    for _ in range(3):
        world.do(("ask", 1, get("framed.example.com")))
        world.channels[1] = world.client()
    assert [len(connection.transport.written) for connection in world.connections[:plain]] == written
    assert [type(connection) for connection in world.connections[plain:]] == [Trunk] * 3
