"""gwt.process.worker: the two pipes between a supervisor and a worker."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest

from gwt.process.worker import Orders, Reports, inherited, read_assignment
from gwt.workers import Assignment

TOLD = Assignment(1, "g.yaml", "drain: 1\n", "/m")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


class Reactor:
    def __init__(self) -> None:
        self.readers: list[object] = []

    def addReader(self, reader: object) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.remove(reader)


def test_the_assignment_is_the_first_line(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], TOLD.encode() + b'{"drain": 0}\n')
    told, rest = read_assignment(pipe[0])
    assert told == TOLD
    assert rest == b'{"drain": 0}\n'


def test_a_spare_worker_whose_supervisor_goes_ends(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    with pytest.raises(SystemExit):
        read_assignment(pipe[0])


def test_orders_come_one_by_one_and_their_end_is_told(pipe: tuple[int, int]) -> None:
    orders, reactor = Orders(pipe[0], b'{"early": 1}\n'), Reactor()
    seen: list[object] = []
    orders.follow(reactor, seen.append, lambda: seen.append("orphaned"))
    assert seen == [{"early": 1}]
    os.write(pipe[1], b'{"drain": 0}\n{"dr')
    orders.doRead()
    os.write(pipe[1], b'ain": 1}\n')
    orders.doRead()
    orders.doRead()  # nothing there
    os.close(pipe[1])
    orders.doRead()
    assert seen[1:] == [{"drain": 0}, {"drain": 1}, "orphaned"]
    assert not reactor.readers


def test_reports_are_lines_and_nobody_minds_if_they_are_not_read(pipe: tuple[int, int]) -> None:
    reports = Reports(pipe[1])
    reports.send(ready={"routes": 1})
    assert json.loads(os.read(pipe[0], 1000)) == {"ready": {"routes": 1}}
    os.close(pipe[0])
    reports.send(ready={})


def test_inherited_sockets_are_non_blocking_and_go_no_further() -> None:
    with socket.socket() as listening:
        key = ("tcp", "", 80, "")
        copy = os.dup(listening.fileno())
        os.set_inheritable(copy, True)
        held = inherited(Assignment(1, "", "", "", sockets=((key, (copy,)),)))
        sock = held[key][0]
        assert sock.gettimeout() == 0
        assert not os.get_inheritable(sock.fileno())
        sock.close()
