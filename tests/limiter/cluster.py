"""Many gateways on one Redis, in simulated time: what `gwt.limiter.cluster` decides, with a counter reckoned here.

cluster = Cluster(gateways=10, latency=lambda: 0.001)
cluster.run(arrivals, a_limit(rate, burst))   # (time, gateway) pairs
assert excess(cluster.admitted, rate) <= burst + 1 + ...
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import floor
from operator import itemgetter

from twisted.internet.defer import Deferred

from gwt.limit.gcra import drained, wait
from gwt.limit.lease import DEADLINE, LOST
from gwt.limit.selectors import Limit
from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.link import RETRY, SETTLE
from gwt.zones.arena import PrivateArena

BEGIN = 1000.0


def a_limit(rate: int, burst: int = 0) -> Limit:
    return Limit(rate, burst, lambda asker: b"key")


class Redis:
    """The script of `gwt.limiter.script`, in Python. `clock` is in seconds, and Redis's own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.buckets: dict[bytes, tuple[float, float]] = {}
        self.calls = 0

    def run(self, key: bytes, arguments: Sequence[bytes]) -> tuple[int, float]:
        drain, full, most, wanted, told, perhaps = map(float, arguments)
        now = self.clock()
        self.calls += 1
        level, last = self.buckets.get(key, (0.0, now))
        level = max(0.0, min(level, most) - max(0.0, now - last) * drain)
        busy = max(0.0, min(1.0, 2 * level / full - 1))
        level = min(level + told + perhaps * busy, most)
        granted = max(0, min(int(wanted), floor(full - level + 1e-6)))
        self.buckets[key] = level + granted, now
        return granted, level + granted


class Wire:
    """A link of one worker: half of `latency` (a function, seconds) there, half back.

    Late and lost as `gwt.limiter.link` has it; `retry` seconds after it was lost it is back, and settles.
    """

    def __init__(self, cluster: Cluster, retry: float = RETRY) -> None:
        self.cluster, self._retry, self._settled = cluster, retry, 0.0
        self.up = self.prompt = True
        self.on_late: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        self.life = 0

    def ask(self, key: bytes, arguments: tuple[bytes, ...], answered: Callable[[int, float], None]) -> None:
        cluster, life, sent = self.cluster, self.life, self.cluster.now
        half = cluster.latency() / 2
        done = False

        def there() -> None:
            if not cluster.gone:
                answer = cluster.redis.run(key, arguments)
                cluster.at(cluster.now + half, lambda: back(*answer))

        def back(granted: int, level: float) -> None:
            nonlocal done
            if self.life == life:
                done = True
                self.prompt = self.prompt or (cluster.now - sent <= DEADLINE and cluster.now >= self._settled)
                answered(granted, level)

        def late() -> None:
            if not done and self.prompt and self.life == life:
                self.prompt = False
                self.on_late()

        def lost() -> None:
            if not done and self.life == life:
                self.lose()

        cluster.at(sent + half, there)
        cluster.at(sent + DEADLINE, late)
        cluster.at(sent + LOST, lost)

    def lose(self) -> None:
        self.life += 1
        self.up = self.prompt = False
        self.on_lost()
        self.cluster.at(self.cluster.now + self._retry, self.retry)

    def retry(self) -> None:
        if self.cluster.gone:
            self.cluster.at(self.cluster.now + RETRY, self.retry)
        else:
            self.up, self._settled = True, self.cluster.now + SETTLE


class Cluster:
    """`gateways` nodes of `workers` each. `admitted`, `refused` are times; `waited` counts requests that had to.

    `chance` is asked when a connection that was lost tries again for the first time.
    """

    def __init__(
        self,
        gateways: int,
        latency: Callable[[], float] = lambda: 0.001,
        workers: int = 1,
        chance: random.Random | None = None,
    ) -> None:
        self.now = BEGIN
        self.latency = latency
        self.gone = False
        self.redis = Redis(lambda: self.now)
        self.wires: list[Wire] = []
        self.nodes: list[list[ClusterLimiter]] = []
        for _ in range(gateways):
            arena = PrivateArena()
            wires = [Wire(self, RETRY if chance is None else chance.uniform(0, RETRY)) for _ in range(workers)]
            self.wires += wires
            self.nodes.append([ClusterLimiter(arena, wire, lambda: self.now, gateways, 64) for wire in wires])
        self.admitted: list[float] = []
        self.by_node = [0] * gateways
        self.refused = self.waited = self.requests = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._turn = 0

    def at(self, time: float, call: Callable[[], None]) -> None:
        heappush(self._events, (time, next(self._order), call))

    def request(self, node: int, limit: Limit, key: bytes = b"key") -> None:
        """One request now."""
        self.requests += 1
        self._turn += 1
        workers = self.nodes[node]
        result = workers[self._turn % len(workers)].admit(key, limit, self.now)
        if isinstance(result, Deferred):
            self.waited += 1
            result.addCallback(lambda seconds: self._decided(node, seconds))
        else:
            self._decided(node, result)

    def _decided(self, node: int, seconds: float) -> None:
        if seconds:
            self.refused += 1
        else:
            self.admitted.append(self.now)
            self.by_node[node] += 1

    def run(self, arrivals: Iterable[tuple[float, int]], limit: Limit) -> None:
        """Let requests come: (seconds from the beginning, node), in order. Ends when all are decided."""
        for time, node in arrivals:
            self._until(BEGIN + time)
            self.request(node, limit)
        self._until(float("inf"))

    def _until(self, time: float) -> None:
        while self._events and self._events[0][0] <= time:
            self.now, _, call = heappop(self._events)
            call()
        self.now = max(self.now, time) if time != float("inf") else self.now

    def cut(self) -> None:
        """Redis is gone: connections break."""
        self.gone = True
        for wire in self.wires:
            wire.lose()

    def freeze(self) -> None:
        """Redis answers nothing any more."""
        self.gone = True

    def mend(self) -> None:
        self.gone = False

    def replace(self) -> None:
        """Another Redis is there, which knows nothing."""
        self.redis.buckets.clear()
        self.mend()


def ideal(times: Iterable[float], rate: float, burst: float) -> int:
    """How many of the requests at `times` (sorted) one bucket alone lets through."""
    level, last, passed = 0.0, 0.0, 0
    for now in times:
        level, last = drained(level, last, rate, burst, now), now
        if not wait(level, rate, burst):
            level += 1
            passed += 1
    return passed


def excess(times: Sequence[float], rate: float, least: float = 0.0) -> float:
    """The largest `n - rate * t` over all windows of at least `least` seconds that hold n of `times` (sorted)."""
    worst, first = float("-inf"), 0
    lowest = float("inf")  # of `index - rate * time` over window beginnings that lie far enough back
    begin = 0
    for index, time in enumerate(times):
        while first <= index and times[first] <= time - least:
            lowest = min(lowest, first - rate * times[first])
            first += 1
        worst = max(worst, index - rate * time - lowest + 1)
        while times[begin] < time - least:
            begin += 1
        worst = max(worst, index - begin + 1 - rate * least)
    return worst


#: A request as its client sees it: when it was sent, and when its answer was there. It was decided in between.
Asked = tuple[float, float]


def sure_excess(passed: Sequence[Asked], rate: float) -> float:
    """`excess` of requests of which only that is known: the largest `n - rate * t` over windows that hold n whole."""
    by_end = sorted(passed, key=itemgetter(1))
    worst = float("-inf")
    for begin, _ in passed:
        inside = [end for sent, end in by_end if sent >= begin]
        worst = max(worst, *(number - rate * (end - begin) for number, end in enumerate(inside, 1)))
    return worst


def needless(refused: Sequence[Asked], passed: Sequence[Asked], rate: float, burst: float) -> list[Asked]:
    """Those of the refused for which there was room in the bucket, whenever all of them were decided."""
    sent, ends = sorted(one for one, _ in passed), sorted(end for _, end in passed)
    # by a request that passed: how many had passed for sure before it, and the latest moment at which it did itself
    since = [(bisect_left(ends, begin), end) for begin, end in passed]

    def level(begin: float, end: float) -> float:
        """The most that the bucket can have held."""
        there = bisect_right(sent, end)
        return max((there - before - rate * max(begin - moment, 0.0) for before, moment in since), default=0.0)

    return [one for one in refused if level(*one) <= burst]
