"""gwt.workers: what a worker is told, how its descriptors are numbered, how its end is told apart."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gwt.workers import FIRST_PAUSE, HEALTHY, LONGEST_PAUSE, Assignment, Backoff, Lines, Worker, WorkerDied, launch
from gwt.zones.arena import Memory

TOLD = Assignment(0, "/etc/gateway.yaml", "workers: 2", "/dev/shm/gwt")
REACTOR = "twisted.internet.epollreactor"
MEMORY = Memory(98, "7")


class Transport:
    """A child process that only remembers what it was told."""

    pid = 4711

    def __init__(self, control: int) -> None:
        self.written: list[bytes] = []
        self.signals: list[str] = []
        self.pipes: dict[int, Any] = {control: self}

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)


def a_worker() -> tuple[Worker, Transport, Clock]:
    clock = Clock()
    start = launch(REACTOR, 0, {}, 0, MEMORY)
    worker = Worker(clock, start)
    transport = Transport(start.control)
    worker.makeConnection(transport)
    return worker, transport, clock


def test_an_assignment_survives_the_pipe() -> None:
    told = Assignment(2, "g.yaml", "é: 1\n", "/m", "json", ((("tcp", "", 80, ""), (6, 7)),), (8,), 9)
    line = told.encode()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Assignment.decode(line) == told


PROXY, ADMIN = ("tcp", "", 80, ""), ("tcp", "", 81, "")


def test_descriptors_come_after_those_of_systemd_and_the_pipes() -> None:
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        start = launch(REACTOR, 2, {PROXY: [one, two], ADMIN: [three]}, 99, MEMORY)
        assert start.control == 5
        assert start.numbers == {PROXY: [7, 8], ADMIN: [9]}
        assert start.child_fds == {
            0: 99, 1: 1, 2: "r", 3: 3, 4: 4, 5: "w", 6: "r", 7: one.fileno(), 8: two.fileno(), 9: three.fileno(),
            10: 98,
        }  # fmt: skip


def test_every_worker_has_sockets_of_its_own_and_the_single_ones_are_shared() -> None:
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        start = launch(REACTOR, 0, {PROXY: [one, two], ADMIN: [three]}, 99, MEMORY)
        first, second = (start.assign(TOLD, index, 2) for index in range(2))
        assert (first.index, first.sockets, first.unused) == (1, ((PROXY, [5]), (ADMIN, [7])), (6,))
        assert (second.index, second.sockets, second.unused) == (2, ((PROXY, [6]), (ADMIN, [7])), (5,))


def test_every_worker_has_the_same_memory_and_hashes_alike() -> None:
    with socket.socket() as one:
        start = launch(REACTOR, 0, {PROXY: [one]}, 99, MEMORY)
        told = start.assign(TOLD, 0, 1)
        assert start.child_fds[told.zones] == MEMORY.descriptor
        assert told.zones not in (*start.numbers[PROXY], start.control, start.control + 1)
        assert start.environment()["PYTHONHASHSEED"] == MEMORY.seed
        assert start.environment()["PATH"] == os.environ["PATH"]


def test_fewer_workers_take_over_all_queues() -> None:
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        start = launch(REACTOR, 0, {PROXY: [one, two, three]}, 99, MEMORY)
        taken = [start.assign(TOLD, index, 2).sockets[0][1] for index in range(2)]
        assert taken == [[5, 7], [6]]


def test_lines_are_put_together_whatever_the_pieces() -> None:
    data = b'{"a": 1}\n{"b": 2}\nrest'
    for size in range(1, len(data)):
        lines, found = Lines(), []
        for start in range(0, len(data), size):
            found += lines.feed(data[start : start + size])
        assert found == [b'{"a": 1}', b'{"b": 2}']


def test_backoff_hardly_waits_at_first_doubles_and_forgets() -> None:
    backoff = Backoff()
    pauses = [backoff.after(0) for _ in range(12)]
    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses[-1] == LONGEST_PAUSE
    assert backoff.after(HEALTHY) == FIRST_PAUSE


def test_a_worker_is_told_its_assignment_and_orders() -> None:
    worker, transport, _ = a_worker()
    assert not transport.written
    worker.assign(TOLD, 0, 1)
    worker.drain(1.5)
    first, second = transport.written
    assert Assignment.decode(first).index == 1
    assert json.loads(second) == {"drain": 1.5, "replaced": False}
    assert worker.draining


def test_orders_to_a_worker_that_is_gone_are_dropped() -> None:
    worker, transport, _ = a_worker()
    transport.pipes.clear()
    worker.drain(0)
    assert not transport.written


def test_ready_carries_the_report_and_starts_the_clock() -> None:
    worker, _, clock = a_worker()
    reports: list[Any] = []
    worker.ready.addCallback(reports.append)
    assert worker.served() == 0
    worker.childDataReceived(4, b'{"ready": {"routes"')
    worker.childDataReceived(4, b": 3}}\n")
    clock.advance(2)
    assert reports == [{"routes": 3}]
    assert worker.served() == 2


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (error.ProcessTerminated(signal=9), "killed by SIGKILL"),
        (error.ProcessTerminated(exitCode=3), "exit status 3"),
        (error.ProcessDone(0), "exit status 0"),
    ],
)
def test_the_end_is_told(end: Exception, said: str) -> None:
    worker, _, _ = a_worker()
    ends: list[str] = []
    worker.ended.addCallback(ends.append)
    failures: list[Any] = []
    worker.ready.addErrback(failures.append)
    worker.processEnded(Failure(end))
    assert ends == [said]
    assert failures[0].check(WorkerDied)


def test_what_a_worker_says_at_its_end_explains_it() -> None:
    worker, _, _ = a_worker()
    failures: list[Any] = []
    worker.ready.addErrback(failures.append)
    ends: list[str] = []
    worker.ended.addCallback(ends.append)
    worker.childDataReceived(4, b'{"fatal": "no such store\\nat all", "brief": "no such store"}\n')
    worker.processEnded(Failure(error.ProcessTerminated(exitCode=2)))
    assert ends == ["no such store\nat all"]
    assert (failures[0].getErrorMessage(), failures[0].value.brief) == (ends[0], "no such store")


def test_the_command_runs_the_code_that_this_process_runs() -> None:
    argv = launch(REACTOR, 0, {}, 0, MEMORY).argv()
    assert os.path.isabs(argv[0])
    assert argv[1:3] == ["-P", "-c"]
    compile(argv[3], "argv", "exec")
