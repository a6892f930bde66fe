"""What a change of one service among 5,000 costs: `python bench/change.py [KIND] [SERVICES] [CHANGES]`.

KIND is `memory`, `file` (one document and one file a service), `kube` (the same with a Service and an EndpointSlice)
or `redis` (two entries a service in a real Redis). 5,000 services of 10 endpoints each, and a Route for each. A ticker
in the same event loop notes how late it is called; then one service after another changes. Printed are the worst stall
(by the wall clock, which other processes disturb, and in CPU time of this process alone), the time from a change until
it is in force, and the memory of the process.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import load  # noqa: F401 (says where the tests are found)

from gwt.reactor import available, install

if available():
    install()  # what a gateway runs on

from system.redis import RedisServer
from system.shared import RedisStore
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.snapshot import Current, Snapshot
from gwt.store.memory import MemoryStore
from gwt.store.open import open_store
from gwt.store.refresh import Refresher, RefreshEvent
from gwt.surroundings import Surroundings

ENDPOINTS = 10
REFRESH = 1.0
TICK = 0.001

ROUTE = """hosts: [h{0}.example.com]
services:
- {{name: s{0}, port: 80, namespace: ns, paths: [{{uri: /}}]}}
"""
KUBE = """---
kind: Service
metadata: {{name: s{0}, namespace: ns}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
kind: EndpointSlice
metadata: {{name: s{0}-x, namespace: ns, labels: {{kubernetes.io/service-name: s{0}}}}}
addressType: IPv4
ports: [{{name: http, port: 80}}]
endpoints:
"""
ENDPOINT = "- {{addresses: [{}], conditions: {{ready: true, serving: true, terminating: false}}, nodeName: n}}\n"


def document(kind: str, number: int, generation: int) -> str:
    """The text of one service; its first endpoint is of `generation`."""
    addresses = [f"10.{number >> 8}.{number & 255}.{one}" for one in (generation % 200 + 50, *range(1, ENDPOINTS))]
    route = ROUTE.format(number)
    if kind == "kube":
        return route + KUBE.format(number) + "".join(ENDPOINT.format(address) for address in addresses)
    return f"{route}---\nupstreams:\n  ns/s{number}:80:\n" + "".join(f"  - {one}:80\n" for one in addresses)


def entries(number: int, generation: int) -> tuple[dict[str, Any], list[str]]:
    """The same as a Route and the addresses of its service."""
    paths = [{"uri": "/"}]
    route = {"hosts": [f"h{number}.example.com"],
             "services": [{"name": f"s{number}", "port": 80, "namespace": "ns", "paths": paths}]}  # fmt: skip
    numbers = (generation % 200 + 50, *range(1, ENDPOINTS))
    return route, [f"10.{number >> 8}.{number & 255}.{one}:80" for one in numbers]


class Ticker:
    """Called every millisecond; notes how much later than that, and what this process did meanwhile."""

    def __init__(self) -> None:
        self.stalls: list[tuple[float, float]] = []
        self._last = (time.perf_counter(), time.thread_time())
        self.tick()

    def tick(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.stalls.append((now[0] - self._last[0] - TICK, now[1] - self._last[1]))
        self._last = now
        reactor.callLater(TICK, self.tick)

    def take(self) -> str:
        """The worst since the last time that was asked, for people."""
        stalls, self.stalls = self.stalls, []
        wall, cpu = max(one[0] for one in stalls), max(one[1] for one in stalls)
        return f"worst stall {wall * 1e3:.1f} ms by the clock, {cpu * 1e3:.1f} ms of CPU ({len(stalls)} ticks)"


class Bench:
    """A store with its content, and a Refresher that follows it."""

    def __init__(self, kind: str, services: int) -> None:
        self.kind, self.services = kind, services
        self.root = Path(tempfile.mkdtemp(prefix="gwt-change-"))
        self.redis = RedisStore(RedisServer().__enter__()) if kind == "redis" else None
        url = self.redis.url if self.redis else "memory:" if kind == "memory" else f"file:{self.root}"
        self.store: Any = open_store(url, reactor, str(self.root))
        surroundings = Surroundings(Registry(time.monotonic, random.random))
        self.current = Current(empty_snapshot(surroundings))
        self.current.watch(self.swapped)
        self.refresher = Refresher(self.store, self.current, surroundings, reactor, REFRESH, self.observe)
        self.longest = 0.0
        self.expected: tuple[int, str] | None = None
        self.in_force: Deferred[None] = Deferred()

    def fill(self) -> None:
        """The first generation of all."""
        if self.redis is None:
            for number in range(self.services):
                self.put(number, 0)
            return
        found = [entries(number, 0) for number in range(self.services)]
        self.redis.write("routes", {"routes": {f"r{n}": route for n, (route, _) in enumerate(found)}})
        self.redis.write("services", {"services": {f"ns/s{n}:80": service(one) for n, (_, one) in enumerate(found)}})

    def put(self, number: int, generation: int) -> None:
        if self.redis is not None:
            self.redis.service(f"ns/s{number}:80", *entries(number, generation)[1])
            return
        text = document(self.kind, number, generation)
        if isinstance(self.store, MemoryStore):
            self.store.put(f"s{number}.yaml", text)
        else:
            new = self.root / f".s{number}.new"
            new.write_text(text)
            new.rename(self.root / f"s{number}.yaml")

    def observe(self, event: RefreshEvent) -> None:
        self.longest = max(self.longest, event.slice)
        assert event.failure is None, event

    def swapped(self, snapshot: Snapshot) -> None:
        if self.expected is not None:
            number, address = self.expected
            upstream = snapshot.upstreams[f"ns/s{number}:80"]
            if any(endpoint.address == address for endpoint in upstream.endpoints):
                self.expected = None
                self.in_force.callback(None)

    def change(self, number: int, generation: int) -> Deferred[None]:
        """Fires when it is in force."""
        self.expected = number, f"10.{number >> 8}.{number & 255}.{generation % 200 + 50}:80"
        self.in_force = Deferred()
        self.put(number, generation)
        return self.in_force

    def prepare(self, generation: int) -> None:
        """Write a next version of every file where the store does not look."""
        (self.root / ".next").mkdir()
        for number in range(self.services):
            (self.root / ".next" / f"s{number}.yaml").write_text(document(self.kind, number, generation))

    def change_all(self, generation: int) -> Deferred[None]:
        """Put all of them in place, in a thread; fires when the last is in force."""

        def move() -> None:
            for number in range(self.services):
                (self.root / ".next" / f"s{number}.yaml").rename(self.root / f"s{number}.yaml")

        last = self.services - 1
        self.expected = last, f"10.{last >> 8}.{last & 255}.{generation % 200 + 50}:80"
        self.in_force = Deferred()
        deferToThread(move)
        return self.in_force


def service(addresses: list[str]) -> dict[str, Any]:
    """The entry of a service."""
    return {"source": "kube", "endpoints": [{"address": one, "ready": True, "zone": "z"} for one in addresses]}


def memory() -> str:
    """Resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return f"{pages * 4096 / 2**20:.0f} MiB resident"


@inlineCallbacks
def main(_: Any, kind: str = "memory", services: str = "5000", changes: str = "30") -> Any:
    bench = Bench(kind, int(services))
    print(f"{kind}: {services} services of {ENDPOINTS} endpoints; {memory()} before")
    bench.fill()
    begun = time.perf_counter()
    yield bench.refresher.start()
    snapshot = bench.current.snapshot
    print(f"loaded in {time.perf_counter() - begun:.2f} s: {len(snapshot.book.branches)} routes, {memory()}")
    ticker = Ticker()
    yield deferLater(reactor, 3)
    ticker.take()
    yield deferLater(reactor, 3)
    print(f"no change:    {ticker.take()}")
    took = []
    for generation in range(1, int(changes) + 1):
        yield deferLater(reactor, random.random() / 3)
        begun = time.perf_counter()
        yield bench.change(random.randrange(bench.services), generation)
        took.append(time.perf_counter() - begun)
    print(f"{changes} changes:   {ticker.take()}")
    median, worst = statistics.median(took) * 1e3, max(took) * 1e3
    print(f"in force after {median:.0f} ms (median), {worst:.0f} ms (worst); {memory()}")
    if kind in ("file", "kube"):
        bench.prepare(150)
        yield deferLater(reactor, 3)
        ticker.take()
        begun = time.perf_counter()
        yield bench.change_all(150)
        print(f"all at once:  {ticker.take()}; in force after {time.perf_counter() - begun:.1f} s; {memory()}")
    yield bench.refresher.stop()
    if bench.redis is not None:
        bench.redis.server.__exit__(None, None, None)
    shutil.rmtree(bench.root)


if __name__ == "__main__":
    react(main, sys.argv[1:])
