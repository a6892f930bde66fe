"""A gateway's request path in this process, on real sockets: a reactor in a thread, origins that lie, raw clients.

    with Stage("uvloop") as stage, Origin(say(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")) as origin:
        stage.serve("a.example.com", [origin])
        assert stage.ask(b"GET / HTTP/1.1\\r\\nHost: a.example.com\\r\\n\\r\\n").status == 200
        stage.settle()

Nothing sleeps: everything waits for bytes or for a state, with a limit. The gateway's time stands still but where a
test moves it (`skip`): on a machine that stops for a moment nothing runs out.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import LoopingCall
from twisted.internet.threads import blockingCallFromThread

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.edge.listener import HttpFactory
from gwt.edge.resource import GatewayResource
from gwt.edge.service_resource import ServiceProxyResource
from gwt.model.route import Access, EndpointSpec, Path, Route, Service, ServiceSpec, Timeout
from gwt.model.settings import Limits
from gwt.phase.ticker import Ticker
from gwt.proxy import Proxy
from gwt.service_proxy import Gate, ServiceLeaves
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids

#: Seconds that a busy machine may take for what is normally done at once.
PATIENCE = 20.0

#: Ticks in which everybody has looked at the clock.
_SLOTS = 2


def poll(what: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """Ask `what` until it gives something true; AssertionError after `timeout`."""
    pause, deadline = threading.Event(), time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, f"{what!r} stayed {found!r}"
        pause.wait(0.005)
    return found


def reset(connection: socket.socket) -> None:
    """Close with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass
class Seen:
    """A request as an origin read it."""

    head: bytes
    body: bytes = b""
    complete: bool = True

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    def values(self, name: bytes) -> list[bytes]:
        lines = self.head.split(b"\r\n")[1:]
        return [line.partition(b":")[2].strip() for line in lines if line.partition(b":")[0].lower() == name.lower()]


class Peer:
    """A socket with a buffer."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def more(self) -> bool:
        """Read once; False at the end of the stream."""
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def until(self, mark: bytes) -> bytes | None:
        """What comes up to and including `mark`; None if the stream ends before."""
        while mark not in self.buffer:
            if not self.more():
                return None
        found, _, self.buffer = self.buffer.partition(mark)
        return found + mark

    def take(self, size: int) -> bytes:
        """So many bytes, fewer only at the end of the stream."""
        found = bytearray(self.buffer)
        try:
            while len(found) < size and (data := self.socket.recv(1 << 20)):
                found += data
        finally:
            self.buffer = bytes(found)
        self.buffer = bytes(found[size:])
        return bytes(found[:size])

    def chunks(self) -> tuple[bytes, bool]:
        """A chunked body, and whether its end came."""
        body = b""
        while (line := self.until(b"\r\n")) is not None:
            size = int(line, 16)
            if not size:
                while (line := self.until(b"\r\n")) not in (b"\r\n", None):
                    pass
                return body, line is not None
            piece = self.take(size + 2)
            body += piece[:size]
            if len(piece) < size + 2:
                break
        return body, False

    def ended(self) -> bool:
        """Wait for the end of the stream, a reset too; True if nothing came before."""
        try:
            return not self.more()
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()


class Visit(Peer):
    """One connection to an origin."""

    def __init__(self, sock: socket.socket, number: int, origin: Origin) -> None:
        super().__init__(sock)
        self.number, self.origin = number, origin

    def request(self, body: bool = True) -> Seen | None:
        """The next request; None where the gateway closes instead."""
        try:
            head = self.until(b"\r\n\r\n")
        except (ConnectionResetError, TimeoutError):
            return None
        if head is None:
            return None
        seen = Seen(head)
        self.origin.seen.append(seen)
        if body:
            self.body(seen)
        return seen

    def body(self, seen: Seen) -> None:
        """Read the body of a request whose head was read."""
        try:
            if seen.values(b"transfer-encoding"):
                seen.body, seen.complete = self.chunks()
            elif lengths := seen.values(b"content-length"):
                seen.body = self.take(int(lengths[0]))
                seen.complete = len(seen.body) == int(lengths[0])
        except ConnectionResetError:
            seen.complete = False

    def reset(self) -> None:
        reset(self.socket)


Script = Callable[[Visit], None]


class Origin:
    """A raw upstream: `script(visit)` plays each connection, then it is closed. `seen` are the requests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.visits: list[Visit] = []
        self.errors: list[BaseException] = []
        self.over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            visit = Visit(sock, len(self.visits), self)
            self.visits.append(visit)
            threading.Thread(target=self._play, args=(visit,), daemon=True).start()

    def _play(self, visit: Visit) -> None:
        try:
            self.script(visit)
        except OSError:
            return  # the gateway was faster
        except BaseException as error:
            self.errors.append(error)
        finally:
            visit.close()

    def __enter__(self) -> Origin:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for another connection
        self._thread.join(PATIENCE)
        self._socket.close()
        for visit in self.visits:
            visit.close()
        assert not self.errors, self.errors


def say(answer: bytes) -> Script:
    """Answer every request of a connection with these bytes."""

    def script(visit: Visit) -> None:
        while visit.request():
            visit.send(answer)

    return script


def ok(body: bytes = b"hi", extra: bytes = b"") -> bytes:
    """A good answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), extra, body)


def say_once(answer: bytes, hang: bool = False) -> Script:
    """Answer one request, then close (or leave the connection open until the test is over)."""

    def script(visit: Visit) -> None:
        if visit.request():
            visit.send(answer)
            if hang:
                visit.origin.over.wait(PATIENCE)

    return script


@dataclass
class Answer:
    """What a client got: `clean` is False where the answer was broken off; `interim` are the 1xx before it."""

    status: int
    head: bytes
    body: bytes = b""
    clean: bool = True
    interim: list[bytes] = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        return Seen(self.head).values(name)


class Client(Peer):
    """A raw client."""

    def __init__(self, port: int, buffer: int = 0) -> None:
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.connect(("127.0.0.1", port))
        super().__init__(sock)

    def answer(self, to_head: bool = False) -> Answer:
        """Read one answer, whatever its end."""
        interim = []
        try:
            while True:
                head = self.until(b"\r\n\r\n")
                if head is None:
                    return Answer(0, b"", b"", False, interim)
                status = int(head[9:12])
                if status >= 200 or status == 101:
                    break
                interim.append(head)
        except ConnectionResetError:
            return Answer(0, b"", b"", False, interim)
        answer = Answer(status, head, interim=interim)
        if not (to_head or status in (101, 204, 304)):
            self._body(answer)
        return answer

    def _body(self, answer: Answer) -> None:
        try:
            if answer.values(b"transfer-encoding"):
                answer.body, answer.clean = self.chunks()
            elif lengths := answer.values(b"content-length"):
                answer.body = self.take(int(lengths[0]))
                answer.clean = len(answer.body) == int(lengths[0])
            else:
                while self.more():
                    pass
                answer.body, self.buffer = self.buffer, b""
        except ConnectionResetError:
            answer.body, self.buffer = answer.body + self.buffer, b""
            answer.clean = False


def make_reactor(kind: str) -> Any:
    if kind == "epoll":
        return EPollReactor()
    from gwt.reactor.reactor import UVLoopReactor

    return UVLoopReactor()


class Stage:
    """The request path between sockets. `finished` are the exchanges that ended, in order.

    `now` is the gateway's time; `ticks` counts the turns of its ticker, ten a second of a machine that runs.
    """

    def __init__(self, kind: str = "uvloop", limits: Limits | None = None) -> None:
        self.kind, self.limits = kind, limits or Limits()
        self.finished: list[Any] = []
        self.services: dict[str, ServiceSpec] = {}
        self.routes: dict[str, Route] = {}
        self.now, self.ticks = 1000.0, 0
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._made.wait(PATIENCE)

    def _run(self) -> None:
        self.reactor = make_reactor(self.kind)
        clock = lambda: self.now  # noqa: E731
        self.registry = Registry(clock, lambda: 0.0)
        self.surroundings = Surroundings(self.registry)
        self.current = Current(empty_snapshot(self.surroundings))
        self.pools = Pools(self.reactor, clock)
        self.ticker = Ticker(_SLOTS)
        ids = Ids(os.urandom)
        self.proxy = Proxy(self.pools, self.ticker, clock, ids)
        self.current.watch(lambda snapshot: self.pools.follow(snapshot.upstreams))
        leaves = ServiceLeaves(Gate(["*/*"], ["kube-system/*", "default/kubernetes"]))
        self.factories = [
            HttpFactory(root, self.limits, clock, lambda peer: False, ids, self.finished.append)
            for root in (
                GatewayResource(self.current, self.proxy, {}),
                ServiceProxyResource(self.current, self.proxy, leaves),
            )
        ]
        self.ports = [self.reactor.listenTCP(0, f, interface="127.0.0.1") for f in self.factories]
        self.port, self.service_port = (port.getHost().port for port in self.ports)
        ticking = LoopingCall(self._tick)
        ticking.clock = self.reactor
        ticking.start(0.1, now=False)
        self.reactor.callWhenRunning(self._made.set)
        self.reactor.run(installSignalHandlers=False)

    def _tick(self) -> None:
        self.ticks += 1
        for factory in self.factories:
            factory.tick()
        self.ticker.tick(self.now)
        self.pools.tick(self.now)

    def move(self, seconds: float) -> bool:
        """In the reactor's thread: so much time passes, and everybody looks at the clock. Always True."""
        self.now += seconds
        for _ in range(_SLOTS):
            self._tick()
        return True

    def skip(self, seconds: float) -> None:
        """So much time passes for the gateway, none for the test."""
        self.call(self.move, seconds)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run `function` in the reactor's thread."""
        return blockingCallFromThread(self.reactor, function, *arguments)

    def serve(
        self, host: str, origins: Sequence[Origin | str], *, access: Access | None = None, timeout: float | None = None,
        service: dict[str, Any] | None = None, **path: Any,
    ) -> None:  # fmt: skip
        """Send `host` to these origins (or addresses), in this order of turns as far as there is one."""
        addresses = [origin if isinstance(origin, str) else origin.address for origin in origins]
        name = host.partition(".")[0]
        if timeout is not None:
            access = Access(timeout=Timeout(timeout, timeout, timeout, None))
        if access is not None:
            path["access"] = access
        self.routes[name] = Route(
            name=name,
            hosts=(host,),
            namespace="foo",
            services=(Service(name=name, port=80, paths=(Path("/", **path),), **(service or {})),),
        )
        self.point(name, *addresses)

    def point(self, name: str, *addresses: str) -> None:
        """Change the endpoints of a service."""
        key = f"foo/{name}:80"
        self.services[key] = ServiceSpec(key, tuple(EndpointSpec(address) for address in addresses))
        self.call(self._swap, {name: self.routes.get(name)} if name in self.routes else {}, {key: self.services[key]})

    def _swap(self, routes: Any, services: Any) -> None:
        before = self.current.snapshot
        self.current.swap(compile_now(before, Delta(before.revision + 1, routes, services), self.surroundings))

    def client(self, buffer: int = 0) -> Client:
        return Client(self.port, buffer)

    def ask(self, request: bytes, to_head: bool = False) -> Answer:
        """One request on a connection of its own."""
        client = self.client()
        try:
            client.send(request)
            return client.answer(to_head)
        finally:
            client.close()

    def get(self, host: str, path: bytes = b"/", extra: bytes = b"") -> Answer:
        return self.ask(b"GET %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (path, host.encode(), extra))

    def post(self, host: str, body: bytes = b"data", method: bytes = b"POST") -> Answer:
        return self.ask(
            b"%b / HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n%b" % (method, host.encode(), len(body), body)
        )

    def forwards(self) -> list[Any]:
        """In the reactor's thread: the exchanges that an endpoint is asked for."""
        return [member for slot in self.ticker._slots for member in slot]

    def steady(self, what: Callable[[], Any], ticks: int = 6) -> None:
        """Wait until a figure has stayed the same for so many ticks."""
        last, since = what(), self.ticks

        def still() -> bool:
            nonlocal last, since
            now = what()
            if now != last:
                last, since = now, self.ticks
            return self.ticks - since > ticks

        poll(still)

    def last(self) -> Any:
        """The exchange that ended last."""
        return self.finished[-1]

    def ends(self, count: int) -> Any:
        """Wait until so many exchanges have ended; the last of them."""
        poll(lambda: len(self.finished) >= count)
        return self.finished[-1]

    def endpoints(self) -> list[Any]:
        return [e for upstream in self.current.snapshot.upstreams.values() for e in upstream.endpoints]

    def leaks(self) -> dict[str, Any]:
        """What is still held although nothing is under way; empty once all is settled."""
        pools = list(self.pools._pools.values())
        counts = {
            "live": self.proxy.live,
            "retrying": self.proxy.retrying,
            "ticking": len(self.ticker),
            "inflight": [e.address for e in self.endpoints() if e.state.inflight],
            "connections": sum(pool.live - pool.idle for pool in pools),
            "parting": sum(len(pool._parting) for pool in pools),
        }
        return {what: count for what, count in counts.items() if count}

    def settle(self) -> None:
        """Wait until nothing is under way, then close what is idle: no connection may be left."""
        poll(lambda: not self.call(self.leaks))
        self.call(self.pools.close_idle)
        poll(lambda: self.pools.connections == 0)

    def close(self) -> None:
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(PATIENCE)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
