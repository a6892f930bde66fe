"""The client that watches the gateway under attack: what it does not see, no test would."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from system.beside import Own
from system.harness import poll
from system.raw import GoodClient, RawOrigin


def test_it_goes_on_asking_when_a_connection_to_its_upstream_ends() -> None:
    with RawOrigin() as watched, GoodClient() as good:
        host, _, port = good.address.partition(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert idle.recv(65536)  # its thread is there
            good.watch(watched.port, os.getpid())
        before = watched.everything.count(b"GET")
        poll(lambda: watched.everything.count(b"GET") > before + 5)
        seen = good.report()
    assert seen["failed"] == 0 and seen["done"] > 5, seen


def test_a_task_that_ended_waits_no_more() -> None:
    ready, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (ready.set(), leave.wait()))
    thread.start()
    ready.wait()
    task = Path(f"/proc/self/task/{thread.native_id}")
    if not (task / "schedstat").exists():
        leave.set()
        pytest.skip("this system does not tell how long tasks wait")
    own = Own(task)
    before = own()
    leave.set()
    thread.join()
    poll(lambda: not task.exists())
    assert own() >= before
    assert Own(task)() >= before
