"""Processes that offer requests to limiters, without HTTP: several workers of a node, several gateways on one Redis.

    with Offering(Offer(rate=1000, burst=100, seconds=5.0), gateways=3, workers=2, redis=redis) as offering:
        results = offering.results()

Each process is a worker: it has the memory of its node, and offers its part of `factor` times the rate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from system.beside import overlap
from system.harness import PATIENCE, environment

from gwt.limit.selectors import Limit
from gwt.limiter.node import NodeLimiter
from gwt.zones.arena import Memory, SharedArena

TESTS = Path(__file__).resolve().parent.parent
#: Seconds from when all processes are ready until they offer anything.
HEAD_START = 0.5
#: Seconds between two looks at the clock: what is due is offered then.
STEP = 0.001
#: By how much a process is late that has stood still, in seconds.
NOTICED = 0.03
#: Requests between two turns of the reactor at most: as with connections, what is not read yet has to wait.
MOST = 64


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered in all, for so many seconds."""

    rate: int
    burst: int
    seconds: float
    factor: float = 2.0


@dataclass
class Result:
    """What a worker saw. Times are on the monotonic clock; `events` are (time, "up" or "lost").

    `waits` are the requests that had to wait (from, to), `late` how often answers were, and `stood` when the process
    stood still (from, to).
    """

    admitted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    late: int = 0
    questions: int = 0
    errors: list[str] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    stood: list[tuple[float, float]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.admitted) + len(self.refused)

    def look(self, expected: float) -> None:
        """The process was to go on at `expected`."""
        if (now := time.monotonic()) - expected > NOTICED:
            self.stood.append((expected, now))

    def passed(self, begin: float, end: float) -> float:
        """Seconds between two moments in which this process did not stand still."""
        return end - begin - overlap(self.stood, begin, end)

    def count(self, seconds: float, now: float) -> None:
        (self.refused if seconds else self.admitted).append(now)


class Offering:
    """The processes. `begin` is when they begin to offer: all of them are ready before."""

    def __init__(self, offer: Offer, workers: int, gateways: int = 1, redis: int | None = None) -> None:
        """`redis` is a port; without it every gateway counts for itself."""
        self.offer, self.workers, self.popen = offer, workers, []
        for gateway in range(gateways):
            memory = Memory.make()
            for worker in range(workers):
                told = {"offer": asdict(offer), "part": worker * gateways + gateway, "parts": workers * gateways,
                        "gateways": gateways, "redis": redis, "memory": memory.descriptor}  # fmt: skip
                self.popen.append(self._start(told, memory))
            os.close(memory.descriptor)
        ready = [popen.stdout.readline() for popen in self.popen if popen.stdout]
        assert ready == ["ready\n"] * len(self.popen)
        self.begin = time.monotonic() + HEAD_START
        for popen in self.popen:
            assert popen.stdin is not None
            popen.stdin.write(f"{self.begin}\n")
            popen.stdin.flush()

    def _start(self, told: dict[str, Any], memory: Memory) -> subprocess.Popen[str]:
        code = f"import sys; sys.path.insert(0, {str(TESTS)!r}); from system.limiting import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(told)], env=environment({"PYTHONHASHSEED": memory.seed}),
            pass_fds=[memory.descriptor], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
        )  # fmt: skip

    def results(self) -> list[list[Result]]:
        """Of each gateway its workers' results, when all have ended."""
        limit = HEAD_START + self.offer.seconds + PATIENCE
        told = [Result(**json.loads(rest_of(popen, limit))) for popen in self.popen]
        return [told[first : first + self.workers] for first in range(0, len(told), self.workers)]

    def __enter__(self) -> Offering:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for popen in self.popen:
            with popen:
                popen.kill()


def rest_of(popen: subprocess.Popen[str], limit: float) -> str:
    """What a process still says until it ends; it is ended after `limit` seconds."""
    assert popen.stdin is not None
    assert popen.stdout is not None
    popen.stdin.close()
    end = threading.Timer(limit, popen.kill)
    end.start()
    text = popen.stdout.read()
    end.cancel()
    popen.wait(PATIENCE)
    return text


# -- the processes' own side


def main() -> None:
    told = json.loads(sys.argv[1])
    offer = Offer(**told["offer"])
    arena = SharedArena(told["memory"])
    limit = Limit(offer.rate, offer.burst, lambda asker: b"key")
    result = Result()
    if told["redis"] is None:
        alone(NodeLimiter(arena), limit, offer, told, result)
    else:
        together(arena, limit, offer, told, result)
    print(json.dumps(asdict(result)))


def due(offer: Offer, told: dict[str, Any]) -> int:
    """How many requests should have been made by now: the parts take turns."""
    passed = min(time.monotonic() - told["begin"], offer.seconds)
    return int(max(passed * offer.rate * offer.factor + told["part"], 0.0) / told["parts"])


def wait_for_begin(told: dict[str, Any]) -> None:
    """Say that this process is ready, and be told when to begin."""
    print("ready", flush=True)
    told["begin"] = float(sys.stdin.readline())


def alone(limiter: NodeLimiter, limit: Limit, offer: Offer, told: dict[str, Any], result: Result) -> None:
    wait_for_begin(told)
    while time.monotonic() < told["begin"] + offer.seconds:
        for _ in range(due(offer, told) - result.requests):
            now = time.monotonic()
            result.count(limiter.admit(b"key", limit, now), now)
        next_look = time.monotonic() + STEP
        time.sleep(STEP)
        result.look(next_look)


def together(arena: SharedArena, limit: Limit, offer: Offer, told: dict[str, Any], result: Result) -> None:
    from twisted.internet import reactor as installed
    from twisted.internet.endpoints import TCP4ClientEndpoint

    from gwt.limiter.cluster import ClusterLimiter
    from gwt.limiter.link import Link

    reactor: Any = installed
    link = Link(reactor, TCP4ClientEndpoint(reactor, "127.0.0.1", told["redis"], timeout=1))
    limiter = ClusterLimiter(arena, link, time.monotonic, told["gateways"])
    made, was_up, told["begin"] = 0, False, float("inf")
    forget, next_look = link.on_late, float("inf")

    def late() -> None:
        result.late += 1
        forget()

    link.on_late = late

    def one() -> None:
        begin = time.monotonic()
        answer = limiter.admit(b"key", limit, begin)
        if isinstance(answer, float):
            result.count(answer, begin)
            return

        def decided(seconds: float) -> None:
            now = time.monotonic()
            result.waits.append((begin, now))
            result.count(seconds, now)

        answer.addCallback(decided).addErrback(lambda failure: result.errors.append(failure.getTraceback()))

    def step() -> None:
        nonlocal made, was_up, next_look
        result.look(next_look)
        if link.up != was_up:
            was_up = link.up
            result.events.append((time.monotonic(), "up" if was_up else "lost"))
            if len(result.events) == 1:
                wait_for_begin(told)
        over = time.monotonic() > told["begin"] + offer.seconds
        for _ in range(0 if over else min(due(offer, told) - made, MOST)):
            made += 1
            one()
        next_look = time.monotonic() + STEP
        if over and made == result.requests + len(result.errors):
            reactor.stop()
        else:
            reactor.callLater(0 if made < due(offer, told) else STEP, safe_step)

    def safe_step() -> None:
        try:
            step()
        except BaseException as error:
            result.errors.append(repr(error))
            reactor.stop()

    link.start()
    reactor.callWhenRunning(safe_step)
    reactor.run()
    result.questions = link.questions
