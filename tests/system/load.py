"""Load that counts: keep-alive clients and an origin that answers with the path it was asked for, in one thread.

    with LoadLoop() as loop:
        address = loop.origin()
        report = loop.run(port, [b"foo.example.com"], total=10_000)
        assert not report.failed, report.failed

Every request has a path of its own and its answer must repeat it, so an answer that goes to the wrong client counts as
failed, like a wrong status, a connection that ends without an answer, and a request that is never answered.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
ASK = b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n"
#: Seconds after which a failed connect is tried again.
AGAIN = 0.02


@dataclass
class Report:
    """What became of requests: `done` were answered as they should, `failed` counts the others by reason.

    `times` are the seconds from each request to its answer, `worst` the longest; `costs` what whoever is looked at
    (`LoadLoop.look_at`) did meanwhile, in seconds of CPU.
    """

    sent: int = 0
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        return max(self.times, default=0.0)


def clock_of(pid: int) -> Callable[[], float]:
    """Seconds of CPU that a process has had, of all its threads, to the nanosecond (clock_getcpuclockid(3))."""
    return partial(time.clock_gettime, (~pid << 3) | 2)


def ended(transport: Any) -> bool:
    """Whether the other side has ended the connection, of which only the end was not read yet."""
    look = select.poll()
    look.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return bool(look.poll(0))


class EchoOrigin(asyncio.Protocol):
    """Answers each request with its target. It reads requests without a body. `open` has the connections."""

    def __init__(self, open: set[EchoOrigin]) -> None:
        self._open = open

    def connection_made(self, transport: Any) -> None:
        self._transport, self._buffer = transport, b""
        self._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self)

    def close(self) -> None:
        """As a server ends that was asked to: what has been read is answered, the rest is not read."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        *heads, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        targets = [head.split(b" ", 2)[1] for head in heads]
        self._transport.write(b"".join([ANSWER % (len(target), target) for target in targets]))


class Client(asyncio.Protocol):
    """One connection's worth of a `Load`: the next request follows the answer."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._target: bytes | None = None
        self._buffer, self._asked, self._cost = b"", 0.0, 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._load.report.connections += 1
        self._ask()

    def _ask(self) -> None:
        number = self._load.next()
        if number is None:
            self._transport.close()
        else:
            self._load.when_due(number, self._send)

    def _send(self, number: int) -> None:
        if self._transport.is_closing() or ended(self._transport):  # before anything was asked on it
            self._load.unsent()
            self._transport.close()  # connection_lost opens another
            return
        hosts = self._load.hosts
        self._target, self._asked, self._cost = b"/echo/%d" % number, time.monotonic(), self._load.spent()
        self._transport.write(ASK % (self._target, hosts[number % len(hosts)]))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or self._target is None:
            return
        lowered = head.lower()
        at = lowered.find(b"\r\ncontent-length:")
        length = int(lowered[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else -1
        if 0 <= length <= len(body) or length < 0:
            self._judge(head, body)
            if length < 0 or b"\r\nconnection: close" in lowered:
                self._transport.close()  # connection_lost opens another
            else:
                self._ask()

    def _judge(self, head: bytes, body: bytes) -> None:
        report, target = self._load.report, self._target
        self._target, self._buffer = None, b""
        report.times.append(time.monotonic() - self._asked)
        report.costs.append(self._load.spent() - self._cost)
        status = head[9:12]
        if status != b"200":
            report.failed[f"status {status.decode('latin-1')}: {body[:200]!r}"] += 1
        elif body != target:
            report.failed["another's body"] += 1
        else:
            report.done += 1

    def connection_lost(self, error: Exception | None) -> None:
        if self._target is not None:
            what = "in the middle of the answer" if self._buffer else "without an answer"
            self._load.report.failed[f"connection ended {what} ({error})"] += 1
        self._load.lost()


class Load:
    """Requests as long as `more(how many were sent)`; `over` is set when the last client has ended.

    `rate`: so many a second, evenly, as long as clients are free; None: each follows the answer before it.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, port: int, hosts: Sequence[bytes], more: Callable[[int], bool],
        rate: float | None = None, spent: Callable[[], float] = float,
    ) -> None:  # fmt: skip
        self.spent = spent
        self._loop, self._port, self.hosts, self._more = loop, port, hosts, more
        self._rate, self._began = rate, loop.time()
        self.report = Report()
        self.over = asyncio.Event()
        self._open = 0
        self._connects: set[asyncio.Task[None]] = set()

    def next(self) -> int | None:
        """The number of the next request, if there is to be one."""
        if not self._more(self.report.sent):
            return None
        self.report.sent += 1
        return self.report.sent

    def when_due(self, number: int, send: Callable[[int], None]) -> None:
        """Call `send` when request `number` is to be sent."""
        due = 0.0 if self._rate is None else self._began + number / self._rate
        if due <= self._loop.time():
            send(number)
        else:
            self._loop.call_at(due, send, number)

    def unsent(self) -> None:
        """A request that was counted is not sent."""
        self.report.sent -= 1

    def connect(self) -> None:
        self._open += 1
        task = self._loop.create_task(self._connect())
        self._connects.add(task)
        task.add_done_callback(self._connects.discard)

    async def _connect(self) -> None:
        try:
            await self._loop.create_connection(lambda: Client(self), "127.0.0.1", self._port)
        except OSError as error:
            if self.next() is not None:  # a request that could not be sent is a failed one
                self.report.failed[f"no connection ({error})"] += 1
            await asyncio.sleep(AGAIN)
            self.lost()

    def lost(self) -> None:
        """A connection has ended: another takes its place as long as there is something to ask."""
        self._open -= 1
        if self._more(self.report.sent):
            self.connect()
        elif not self._open:
            self.over.set()


class LoadLoop:
    """An event loop in a thread, with origins, for clients. `with` ends it."""

    def __init__(self) -> None:
        self._loop = new_event_loop()
        self._servers: dict[str, tuple[asyncio.AbstractServer, set[EchoOrigin]]] = {}
        self._report = Report()
        self._spent: Callable[[], float] = float
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def sent(self) -> int:
        """Requests of the present run, or of the last."""
        return self._report.sent

    def pin(self, core: int) -> None:
        """Run on one core from now on."""
        assert self._thread.native_id is not None
        os.sched_setaffinity(self._thread.native_id, {core})

    def look_at(self, pid: int) -> None:
        """Reports tell from now on what this process did between a request and its answer."""
        self._spent = clock_of(pid)

    def origin(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """The address of one more origin."""
        return asyncio.run_coroutine_threadsafe(self._listen(host, port), self._loop).result(30)

    async def _listen(self, host: str, port: int) -> str:
        open: set[EchoOrigin] = set()
        server = await self._loop.create_server(lambda: EchoOrigin(open), host, port, backlog=1024)
        address = f"{host}:{server.sockets[0].getsockname()[1]}"
        self._servers[address] = server, open
        return address

    def retire(self, address: str) -> None:
        """An origin ends: it refuses connections, and closes those that it has."""
        asyncio.run_coroutine_threadsafe(self._retire(address), self._loop).result(30)

    async def _retire(self, address: str) -> None:
        server, open = self._servers.pop(address)
        server.close()
        for origin in list(open):
            origin.close()

    def run(
        self, port: int, hosts: Sequence[bytes], total: int, clients: int = 64, timeout: float = 120.0,
        until: threading.Event | None = None, rate: float | None = None,
    ) -> Report:  # fmt: skip
        """Send `total` requests to 127.0.0.1, and more until `until` is set; wait for the answers `timeout` seconds.

        `rate`: so many a second at most.
        """

        def more(sent: int) -> bool:
            return sent < total or (until is not None and not until.is_set())

        load = Load(self._loop, port, hosts, more, rate, self._spent)
        return asyncio.run_coroutine_threadsafe(self._run(load, clients, timeout), self._loop).result()

    async def _run(self, load: Load, clients: int, timeout: float) -> Report:
        report, began = load.report, time.monotonic()
        self._report = report
        for _ in range(clients):
            load.connect()
        try:
            await asyncio.wait_for(load.over.wait(), timeout)
        except TimeoutError:
            report.failed["never answered"] += report.sent - report.done - report.failed.total()
        report.seconds = time.monotonic() - began
        return report

    def __enter__(self) -> LoadLoop:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _close(self) -> None:
        for server, _ in self._servers.values():
            server.close()
