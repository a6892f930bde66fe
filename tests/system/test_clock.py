"""The clock on the wall is set, by an hour, while a gateway serves: whatever it waits for, it waits by another.

And time that the gateway itself stood still is nobody's fault: what came meanwhile has come.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from system.harness import GatewayProcess, Origin, environment, get, poll, simple_route
from system.raw import connect, read_all, read_until

HOUR = 3600
END = b'"body": ""}'  # of what an Origin answers
#: Imported by Python before anything else: the size of a file says by how much the clock is wrong.
CLOCK = """
import os, time
real = time.time
time.time = lambda: real() + os.stat({path!r}).st_size - {hour}
"""
ASK = b"GET / HTTP/1.1\r\nHost: foo.example.com\r\n\r\n"


@pytest.mark.parametrize("reactor", ["uvloop", "epoll"])
@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_clock_that_is_set_breaks_nothing_off_and_holds_nothing_up(tmp_path: Path, reactor: str, step: int) -> None:
    path = tmp_path / "clock"
    path.write_bytes(bytes(HOUR))
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(path=str(path), hour=HOUR))
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])}
    settings = {"limits": {"header_timeout": 1}}
    with (
        Origin() as origin,
        GatewayProcess(tmp_path, simple_route(origin.address), settings, reactor=reactor, env=env) as gateway,
        connect(gateway.proxy) as kept,
        connect(gateway.proxy) as waits,
        connect(gateway.proxy) as slow,
    ):
        kept.sendall(ASK)
        assert read_until(kept, END).startswith(b"HTTP/1.1 200 ")
        origin.arrived.clear()
        origin.hold.clear()
        waits.sendall(ASK)
        assert origin.arrived.wait(10)
        os.truncate(path, HOUR + step)
        slow.sendall(ASK[:-2])
        assert read_all(slow).startswith(b"HTTP/1.1 408 ")  # its second is over, as others are not
        origin.hold.set()
        assert read_until(waits, END).startswith(b"HTTP/1.1 200 ")
        kept.sendall(ASK)
        assert read_until(kept, END).startswith(b"HTTP/1.1 200 ")
        gateway.write(simple_route(origin.address, "bar.example.com"))
        poll(lambda: get(gateway.proxy, "/", host="bar.example.com").status == 200)
        assert gateway.stop() == 0
        last = datetime.fromisoformat(json.loads(gateway.log_lines()[-1])["time"])
        assert abs(last.timestamp() - time.time() - step) < HOUR / 2  # it was set indeed


@pytest.mark.parametrize("reactor", ["uvloop", "epoll"])
def test_what_came_while_the_gateway_stood_still_is_not_too_late(tmp_path: Path, reactor: str) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    settings = {"limits": {"idle_timeout": 1}, "resources": {"stuck": "system.mounted:stuck"}}
    tests = str(Path(__file__).parent.parent)
    env = {"STUCK_AT": str(gate), "PYTHONPATH": os.pathsep.join([tests, environment()["PYTHONPATH"]])}
    with (
        Origin() as origin,
        GatewayProcess(tmp_path, stuck_too(origin.address), settings, reactor=reactor, env=env) as gateway,
        ExitStack() as stack,
    ):
        sticks, *clients = (stack.enter_context(connect(gateway.proxy)) for _ in range(20))
        waiting, kept = clients[:4], clients[4:]
        for sock in kept:
            sock.sendall(ASK)
            assert read_until(sock, END).startswith(b"HTTP/1.1 200 ")
        origin.hold.clear()
        seen = origin.requests
        for sock in waiting:
            sock.sendall(ASK)
        poll(lambda: origin.requests == seen + len(waiting))
        sticks.sendall(b"GET /stuck HTTP/1.1\r\nHost: foo.example.com\r\n\r\n")
        with gate.open("wb"):  # opens once the gateway stands at the other end
            origin.hold.set()
            for sock in kept:
                sock.sendall(ASK)
            threading.Event().wait(1.5)  # longer than each may take
        for sock in clients:
            assert read_until(sock, END).startswith(b"HTTP/1.1 200 ")


def stuck_too(address: str) -> list[dict[str, Any]]:
    """What has a second to answer, beside a resource that keeps the whole gateway."""
    route, upstreams = simple_route(address, timeout=1)
    stuck = {"resource": "stuck", "paths": [{"uri": "/stuck"}]}
    return [{**route, "services": [*route["services"], stuck]}, upstreams]
