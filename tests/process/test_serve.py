"""gwt.process.serve: what becomes of a worker that is told to end, also before it has begun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from gwt.process.serve import WorkerLife
from gwt.process.worker import Orders
from gwt.workers import Assignment
from gwt.zones.arena import Memory

PATIENCE = 30.0


class Reactor:
    """Runs when the test says so."""

    def __init__(self) -> None:
        self.running, self.readers = False, list[object]()
        self.waiting: list[Any] = []

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
        """It is not shut down here."""

    def callWhenRunning(self, call: Any) -> None:
        self.waiting.append(call)

    def addReader(self, reader: object) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.remove(reader)

    def run(self) -> None:
        self.running = True
        for call in self.waiting:
            call()

    def stop(self) -> None:
        self.running = False


class Gateway:
    """Notes what is asked of it; has nothing to finish."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def start(self) -> Deferred[None]:
        self.calls.append("start")
        return Deferred()

    def drain(self, delay: float | None, *more: Any) -> Deferred[None]:
        self.calls.append(delay)
        return succeed(None)

    def stop(self) -> None:
        self.calls.append("stop")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The orders, as the worker and the supervisor have them."""
    reader, writer = os.pipe()
    before = signal.getsignal(signal.SIGTERM)
    yield reader, writer
    signal.signal(signal.SIGTERM, before)
    os.close(reader)
    os.close(writer)


def order(delay: float) -> bytes:
    """What a supervisor tells a worker that is to end."""
    return json.dumps({"drain": delay, "replaced": False}).encode() + b"\n"


def life(pipe: tuple[int, int], rest: bytes) -> tuple[Reactor, Gateway, Orders]:
    """A worker's, whose assignment `rest` came along with, once its reactor has started."""
    reactor, gateway, orders = Reactor(), Gateway(), Orders(pipe[0], rest)
    made: Any = gateway
    WorkerLife(reactor, made, None, orders).begin()  # type: ignore[arg-type]
    assert gateway.calls == []
    reactor.run()
    return reactor, gateway, orders


def test_an_order_to_drain_ends_the_reactor(pipe: tuple[int, int]) -> None:
    reactor, gateway, orders = life(pipe, b"")
    assert reactor.running and reactor.readers == [orders]
    os.write(pipe[1], order(2))
    orders.doRead()
    assert gateway.calls == ["start", 2] and not reactor.running


def test_one_that_is_told_to_drain_before_it_runs_serves_nothing_and_ends(pipe: tuple[int, int]) -> None:
    reactor, gateway, _ = life(pipe, order(0))
    assert gateway.calls == [0] and not reactor.running


def test_a_process_that_is_told_to_drain_while_it_still_loads_ends(tmp_path: Path) -> None:
    memory, orders, reports = Memory.make(), os.pipe(), os.pipe()
    control = fcntl(orders[0], F_DUPFD, 500)
    report = os.dup2(reports[1], control + 1)  # the next one, as a worker expects it
    told = Assignment(1, "", "store: 'memory:'\n", str(tmp_path), zones=memory.descriptor)
    os.write(orders[1], told.encode() + order(0))
    code = f"from gwt.process.worker import main; main({control}, 'twisted.internet.selectreactor', 0)"
    child = subprocess.Popen(
        [sys.executable, "-c", code], pass_fds=(control, report, memory.descriptor), cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": memory.seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    for descriptor in (orders[0], control, reports[1], report, memory.descriptor):
        os.close(descriptor)
    try:
        assert child.wait(PATIENCE) == 0
        assert os.read(reports[0], 1000) == b"", "it has begun to serve"
    finally:
        child.kill()
        child.wait()
        os.close(orders[1])
        os.close(reports[0])
