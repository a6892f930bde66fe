"""10,000 clients that come at once, ask nothing and leave at once, beside one that asks all the time."""

from __future__ import annotations

import errno
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from system.harness import PATIENCE, GatewayProcess, poll, simple_route
from system.raw import GoodClient, TooSlow, descriptors, one_good_run, resident

CLIENTS = 10_000
#: Descriptors that are open besides.
OTHERS = 500
#: Local addresses that the clients come from: one alone has fewer free ports than some machines leave.
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 7)]
#: Seconds that the good client may wait for an answer, at worst.
PATIENT = 0.25
ASK = b"GET / HTTP/1.1\r\nHost: foo.example.com\r\n\r\n"
EACH = 12 * 1024


@contextmanager
def many_descriptors(number: int) -> Iterator[None]:
    """This process, and what it starts, may open `number` descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = hard if hard == resource.RLIM_INFINITY else max(hard, number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), allowed))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, allowed))


def clients(number: int) -> Iterator[socket.socket]:
    """Sockets that are about to connect."""
    for each in range(number):
        sock = socket.socket()
        sock.bind((ADDRESSES[each % len(ADDRESSES)], 0))
        yield sock


def ask(sock: socket.socket) -> None:
    """A first request, answered."""
    sock.settimeout(PATIENCE)
    sock.sendall(ASK)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def connect_at_once(crowd: Sequence[socket.socket], gateway: GatewayProcess) -> None:
    """All of them knock at the same moment; wait until all are in."""
    wanted = min(descriptors(gateway.popen.pid) for _ in range(5)) + len(crowd)  # some are there for a moment only
    for sock in crowd:
        sock.setblocking(False)
        assert sock.connect_ex(("127.0.0.1", gateway.proxy)) in (0, errno.EINPROGRESS)
    poll(lambda: descriptors(gateway.popen.pid) >= wanted, step=0.1)


def undisturbed(good: GoodClient, what: str) -> None:
    """What the good client has seen since it began to watch."""
    seen = good.report()
    print(f"{what}: {seen}")
    assert seen["failed"] == 0, (what, seen)
    assert seen["done"] > 20, (what, seen)
    if seen["worst"] >= PATIENT:
        raise TooSlow(what, seen)


def come_and_go(directory: Path) -> None:
    settings = {"limits": {"idle_timeout": 600}, "access_log": None}
    with many_descriptors(CLIENTS + OTHERS), GoodClient() as good, ExitStack() as stack:
        with GatewayProcess(directory, simple_route(good.address), settings) as gateway:
            pid = gateway.popen.pid
            for sock in clients(20):  # what is made once, is made
                with sock:
                    sock.connect(("127.0.0.1", gateway.proxy))
                    ask(sock)
            poll(lambda: descriptors(pid) < OTHERS)
            open_before, memory_before = descriptors(pid), resident(pid)
            crowd = [stack.enter_context(sock) for sock in clients(CLIENTS)]
            good.watch(gateway.proxy, gateway.popen.pid)
            connect_at_once(crowd, gateway)
            undisturbed(good, "all came at once")
            good.watch(gateway.proxy, gateway.popen.pid)
            for sock in crowd:
                ask(sock)
            each = (resident(pid) - memory_before) / CLIENTS
            assert each < EACH, f"{each / 1024:.1f} KiB a connection"
            for sock in crowd:
                sock.close()
            poll(lambda: descriptors(pid) <= open_before + 5, step=0.1)
            undisturbed(good, "all left at once")
            print(f"{each / 1024:.1f} KiB a connection")
            assert gateway.stop() == 0


def outstay(directory: Path) -> None:
    settings = {"limits": {"idle_timeout": 2}, "access_log": None}
    with many_descriptors(CLIENTS + OTHERS), GoodClient() as good, ExitStack() as stack:
        with GatewayProcess(directory, simple_route(good.address), settings) as gateway:
            crowd = [stack.enter_context(sock) for sock in clients(CLIENTS)]
            good.watch(gateway.proxy, gateway.popen.pid)
            for sock in crowd:
                sock.settimeout(PATIENCE)
                sock.connect(("127.0.0.1", gateway.proxy))
            for sock in crowd:
                assert sock.recv(1) == b""
            undisturbed(good, "the time of all was over")
            assert gateway.stop() == 0


@pytest.mark.parametrize("crowd", [come_and_go, outstay])
def test_a_crowd_costs_little_and_disturbs_nobody(tmp_path_factory: pytest.TempPathFactory, crowd: Any) -> None:
    one_good_run(lambda: crowd(tmp_path_factory.mktemp("crowd")))
