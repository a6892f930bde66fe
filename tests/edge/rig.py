"""A gateway without sockets: a channel whose client is the test, and upstreams that h11 reads, as a judge.

    rig = Rig()
    rig.send(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    assert rig.answers()[0].status == 200 and rig.seen[0].target == b"/"

Whatever reaches an upstream and is no HTTP/1.1 for h11 raises in the test. Time stands still until `pass_time`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import h11
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.edge.channel import Channel
from gwt.edge.listener import HttpFactory
from gwt.edge.resource import GatewayResource
from gwt.limiter.node import NodeLimiter
from gwt.limiting import Limiter
from gwt.login import Login
from gwt.model.access import Access
from gwt.model.route import EndpointSpec, Path, PluginUse, Route, Service, ServiceSpec
from gwt.model.settings import Limits
from gwt.phase.installed import Installed
from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import PluginType
from gwt.phase.roster import Roster
from gwt.phase.ticker import Ticker
from gwt.phase.tools import Tools, Zone, no_zones
from gwt.proxy import Proxy
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids
from gwt.zones.arena import PrivateArena


@dataclass
class Seen:
    """One complete request, as an upstream understood it. Header names are in lower case."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, several joined by `|`."""
        found = [value for key, value in self.headers if key == name]
        return b"|".join(found) if found else None


@dataclass
class Got:
    """One answer, as the client understood it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    complete: bool = True
    trailers: bytes = b""


class Wire:
    """A transport: keeps what is written, and what was asked of it."""

    def __init__(self, peer: str = "192.0.2.7") -> None:
        self.peer = peer
        self.written = b""
        self.half_closed = self.closed = self.aborted = self.paused = False
        self.producer: Any = None

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if not (self.closed or self.aborted):
            assert not self.half_closed, f"written after the half-close: {data!r}"
            self.written += data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def loseConnection(self) -> None:
        self.closed = True

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = True

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self.peer, 4711)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 9080)

    def fileno(self) -> int:
        return -1

    @property
    def ended(self) -> bool:
        """Whether the gateway has ended its side."""
        return self.half_closed or self.closed or self.aborted


class Upstream(Wire):
    """One connection to an upstream, judged by h11; `answer` makes the reply to a complete request (None: later)."""

    def __init__(self, rig: Rig, protocol: Any) -> None:
        super().__init__()
        self.rig, self.protocol = rig, protocol
        self.judge = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        self.now: Seen | None = None
        self.waiting = b""
        self.raw = b""

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self.raw += data
        if self.rig.answer is not None:
            self.judge.receive_data(data)
            self._read()

    def _read(self) -> None:
        while True:
            event = self.judge.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Request):
                self.now = Seen(event.method, event.target, [(n.lower(), v) for n, v in event.headers])
            elif isinstance(event, h11.Data):
                assert self.now is not None
                self.now.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert self.now is not None
                self.now.trailers = list(event.headers)
                seen, self.now = self.now, None
                self.rig.seen.append(seen)
                self._answer(seen)

    def _answer(self, seen: Seen) -> None:
        judge, body = self.judge, self.rig.answer(seen)  # type: ignore[misc]
        length = [("Content-Length", str(len(body)))]
        out = judge.send(h11.Response(status_code=200, headers=length)) or b""
        if seen.method != b"HEAD":
            out += judge.send(h11.Data(data=body)) or b""
        out += judge.send(h11.EndOfMessage()) or b""
        judge.start_next_cycle()
        self.waiting += out


def uses(plugins: Mapping[str, Any] | None) -> tuple[PluginUse, ...]:
    """What `plugins` of a document says: NAME -> configuration, or False."""
    return tuple(PluginUse(name, None if conf is False else conf) for name, conf in (plugins or {}).items())


class Rig:
    """One client connection of a gateway; `answer` (of a Seen) is what upstreams reply, None: the test does it."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        answer: Callable[[Seen], bytes] | None = lambda seen: b"ok",
        trusts: Callable[[str], bool] = lambda peer: False,
        peer: str = "192.0.2.7",
        hosts: Sequence[str] = ("*",),
        paths: Sequence[Path] = (Path("/"),),
        access: Access | None = None,
        resources: Any = None,
        service: Service | None = None,
        kinds: Sequence[type[Plugin] | PluginType] = (),
        plugins: Mapping[str, Any] | None = None,
        global_plugins: Mapping[str, Any] | None = None,
        debug: Callable[[bytes], bool] = lambda said: False,
        shared: Callable[[str], Zone] = no_zones,
        reactor: Any = None,
        login: Login | None = None,
        limiter: Limiter | None = None,
        lists: Mapping[str, tuple[str, ...]] | None = None,
        consumers: Mapping[str, Any] | None = None,
    ) -> None:
        """`kinds` are installed plugins, `plugins` their configurations on the route, as documents write them.

        `shared` makes zones; `reactor`, a twisted.internet.task.Clock, is what plugins wait by.
        """
        self.answer = answer
        self.seen: list[Seen] = []
        self.upstreams: list[Upstream] = []
        self.finished: list[Any] = []
        self.now = 1000.0
        clock = self.clock = lambda: self.now
        self.ticker = Ticker()
        self.raised: list[tuple[str, BaseException]] = []
        self.would_reject: list[tuple[str, str]] = []
        tools = Tools(
            clock, self.ticker, reactor, shared, lambda name, _, error: self.raised.append((name, error)),
            lambda *said: self.would_reject.append(said),
        )  # fmt: skip
        types = [one if isinstance(one, PluginType) else PluginType(one) for one in kinds]
        surroundings = self.surroundings = Surroundings(
            Registry(clock, random.Random(1).random), resources=frozenset(resources or ()),
            plugins=uses(global_plugins), installed=Installed(types), roster=Roster(tools),
            login=login, limiter=limiter or NodeLimiter(PrivateArena(), 64),
        )  # fmt: skip
        extra: Any = {"plugins": uses(plugins)}
        extra.update({} if access is None else {"access": access})
        service = service or Service(name="s", port=80, paths=tuple(paths))
        routes = {"r": Route(name="r", hosts=tuple(hosts), namespace="n", services=(service,), **extra)}
        services = {"n/s:80": ServiceSpec("n/s:80", (EndpointSpec("127.0.0.1:80"),))}
        delta = Delta(1, routes, services, lists=lists, consumers=consumers)
        self.current = current = Current(compile_now(empty_snapshot(surroundings), delta, surroundings))
        ids = Ids(random.Random(2).randbytes)
        self.pools = Pools(self, clock)
        proxy = Proxy(self.pools, self.ticker, clock, ids)
        root = GatewayResource(current, proxy, resources or {})
        self.factory = HttpFactory(root, limits or Limits(), clock, trusts, ids, self._finished)
        self.factory.cork = self.pools.cork
        self.factory.debug = debug
        self.connect(peer)

    def configure(self, **fields: Any) -> None:
        """Put the route in force with other fields: `plugins` as documents write them, `access`."""
        fields = {**fields, "plugins": uses(fields["plugins"])} if "plugins" in fields else fields
        snapshot = self.current.snapshot
        route = replace(snapshot.book.branches["r"].document, **fields)
        self.current.swap(compile_now(snapshot, Delta(snapshot.revision + 1, {"r": route}), self.surroundings))

    def put(self, **delta: Any) -> None:
        """Put other lists, consumers or rules in force."""
        snapshot = self.current.snapshot
        self.current.swap(compile_now(snapshot, Delta(snapshot.revision + 1, **delta), self.surroundings))

    def _finished(self, exchange: Any) -> None:
        if exchange.phases is not None:
            exchange.phases.end()
        self.finished.append(exchange)

    def connect(self, peer: str = "192.0.2.7") -> None:
        """A new client connection takes the place of the present one."""
        self.wire = Wire(peer)
        self.channel: Channel = self.factory.buildProtocol(None)
        self.channel.makeConnection(self.wire)
        self._lost = False

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 0.0) -> Any:
        protocol = factory.buildProtocol(None)
        upstream = Upstream(self, protocol)
        self.upstreams.append(upstream)
        protocol.makeConnection(upstream)

    def callLater(self, delay: float, call: Callable[..., None], *arguments: Any) -> None:
        """What is due in the next turn: there are none, it is done at once."""
        call(*arguments)

    # -- what happens

    def send(self, *pieces: bytes) -> Rig:
        """The client sends; every piece arrives by itself."""
        for piece in pieces:
            if not (self.wire.closed or self.wire.aborted):
                self.channel.dataReceived(piece)
            self.settle()
        return self

    def end(self) -> Rig:
        """The client ends its side."""
        self.channel.readConnectionLost()
        return self.settle()

    def vanish(self) -> Rig:
        """The client's connection is lost."""
        self._lost = True
        self.channel.connectionLost(Failure(ConnectionDone()))
        return self.settle()

    def reply(self, *pieces: bytes, upstream: int = -1) -> Rig:
        """An upstream sends bytes of the test's own."""
        for piece in pieces:
            self.upstreams[upstream].protocol.dataReceived(piece)
            self.settle()
        return self

    def hang_up(self, upstream: int = -1) -> Rig:
        """An upstream closes its connection."""
        self.upstreams[upstream].protocol.connectionLost(Failure(ConnectionDone()))
        return self.settle()

    def pass_time(self, seconds: float) -> Rig:
        """Let time go by, in steps of a tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.factory.tick()
            self.ticker.tick(self.now)
            self.settle()
        return self

    def settle(self) -> Rig:
        """Deliver what is on its way."""
        moved = True
        while moved:
            moved = False
            for upstream in list(self.upstreams):
                if upstream.waiting and not upstream.ended:
                    data, upstream.waiting = upstream.waiting, b""
                    upstream.protocol.dataReceived(data)
                    moved = True
        if (self.wire.closed or self.wire.aborted) and not self._lost:
            self._lost = True
            self.channel.connectionLost(Failure(ConnectionAborted() if self.wire.aborted else ConnectionDone()))
        return self

    # -- what came of it

    def answers(self, *heads: bool) -> list[Got]:
        """What the client reads; `heads` says which of its requests were HEAD. AssertionError where it is no HTTP."""
        return read_answers(self.wire.written, heads, self.wire.ended)

    @property
    def statuses(self) -> list[int]:
        """The statuses of the final answers."""
        return [got.status for got in self.answers()]


def read_answers(data: bytes, heads: Sequence[bool] = (), ended: bool = False) -> list[Got]:
    """Answers on one connection, interim ones too."""
    found: list[Got] = []
    finals = 0
    while data:
        block, mark, data = data.partition(b"\r\n\r\n")
        assert mark, f"an answer's head is not complete: {block!r}"
        first, *lines = block.split(b"\r\n")
        version, status, _ = first.split(b" ", 2)
        assert version == b"HTTP/1.1", first
        headers = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            assert colon and name.lower() not in headers, line
            headers[name.lower()] = value.strip()
        got = Got(int(status), headers, b"")
        found.append(got)
        if got.status < 200:
            if got.status == 101:
                got.body = data
                return found
            continue
        head = finals < len(heads) and heads[finals]
        finals += 1
        data = _body(got, data, head, ended)
    return found


def _body(got: Got, data: bytes, head: bool, ended: bool) -> bytes:
    if head or got.status in (204, 304):
        return data
    if b"content-length" in got.headers:
        assert b"transfer-encoding" not in got.headers
        length = int(got.headers[b"content-length"])
        got.body, got.complete = data[:length], len(data) >= length
        return data[length:]
    if got.headers.get(b"transfer-encoding") == b"chunked":
        return _chunks(got, data)
    got.body, got.complete = data, ended
    return b""


def _chunks(got: Got, data: bytes) -> bytes:
    while True:
        line, mark, rest = data.partition(b"\r\n")
        if not mark:
            got.complete = False
            return b""
        size = int(line, 16)
        if size == 0:
            break
        if len(rest) < size + 2:
            got.complete = False
            return b""
        assert rest[size : size + 2] == b"\r\n"
        got.body += rest[:size]
        data = rest[size + 2 :]
    if rest[:2] == b"\r\n":
        return rest[2:]
    got.trailers, mark, data = rest.partition(b"\r\n\r\n")
    assert mark
    return data
