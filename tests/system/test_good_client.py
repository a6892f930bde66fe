"""The client that watches the gateway under attack: what it does not see, no test would."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from system.beside import LEAST, Span, length, overlap, union, waited_by
from system.harness import poll
from system.raw import GoodClient, RawOrigin

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1])))


def test_it_goes_on_asking_when_a_connection_to_its_upstream_ends() -> None:
    with RawOrigin() as watched, GoodClient() as good:
        host, _, port = good.address.partition(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert idle.recv(65536)  # its thread is there
            good.watch(watched.port, os.getpid())
        before = watched.everything.count(b"GET")
        poll(lambda: watched.everything.count(b"GET") > before + LEAST)
        seen = good.report()
    assert seen["failed"] == 0 and seen["done"] > LEAST, seen


def test_it_asks_often_enough_however_soon_it_is_over() -> None:
    with RawOrigin() as watched, GoodClient() as good:
        good.watch(watched.port, os.getpid())
        seen = good.report()
    assert seen["failed"] == 0 and seen["done"] >= LEAST, seen


def test_an_answer_that_comes_late_is_seen() -> None:
    pause = threading.Event()

    def slow(sock: socket.socket, number: int) -> None:
        while watched.read(sock, number):
            pause.wait(0.3 if watched.everything.count(b"GET") == LEAST // 2 else 0)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with RawOrigin(slow) as watched, GoodClient() as good:
        good.watch(watched.port, os.getpid())
        seen = good.report()
    assert seen["worst"] + seen["stood"] >= 0.29, seen


def test_a_connection_that_is_cut_is_a_failure() -> None:
    with RawOrigin() as watched, GoodClient() as good:
        good.watch(watched.port, os.getpid())
        watched.drop()
        assert good.report()["failed"] > 0


def test_a_task_that_ended_waits_no_more() -> None:
    ready, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (ready.set(), leave.wait()))
    thread.start()
    ready.wait()
    task = Path(f"/proc/self/task/{thread.native_id}")
    if waited_by(task) is None:
        leave.set()
        pytest.skip("this system does not tell how long tasks wait")
    span = Span(task)
    leave.set()
    thread.join()
    poll(lambda: not task.exists())
    assert span.seconds() > 0 and waited_by(task) is None


@given(SPANS, st.integers(0, 60), st.integers(0, 60))
def test_times_are_counted_once(spans: list[tuple[int, int]], begin: int, more: int) -> None:
    inside = {second for one, other in spans for second in range(one, other)}
    assert length(spans) == len(inside)
    assert overlap(spans, begin, begin + more) == len(inside & set(range(begin, begin + more)))
    assert all(before[1] < after[0] for before, after in zip(union(spans), union(spans)[1:], strict=False))
