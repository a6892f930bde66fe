"""10,000 clients that keep their connections and ask nothing, beside one that does."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from system.harness import PATIENCE, GatewayProcess, poll, simple_route
from system.raw import GoodClient, descriptors, resident

CLIENTS = 10_000
#: So many leave at the same moment.
WAVE = 2_500
#: Descriptors that are open besides.
OTHERS = 500
#: Local addresses that the clients come from: one alone has fewer free ports than some machines leave.
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 7)]
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


def idle_client(port: int, number: int) -> socket.socket:
    """A client whose first request was answered, and who has no other."""
    source = ADDRESSES[number % len(ADDRESSES)], 0
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=source)
    sock.sendall(ASK)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    return sock


def test_they_cost_little_and_disturb_nobody(tmp_path: Path) -> None:
    settings = {"limits": {"idle_timeout": 600}, "access_log": None}
    with many_descriptors(CLIENTS + OTHERS), GoodClient() as good:
        with GatewayProcess(tmp_path, simple_route(good.address), settings) as gateway, ExitStack() as stack:
            pid = gateway.popen.pid
            for number in range(20):  # what is made once, is made
                idle_client(gateway.proxy, number).close()
            poll(lambda: descriptors(pid) < OTHERS)
            open_before, memory_before = descriptors(pid), resident(pid)
            good.watch(gateway.proxy)
            clients = [stack.enter_context(idle_client(gateway.proxy, number)) for number in range(CLIENTS)]
            assert descriptors(pid) >= CLIENTS
            each = (resident(pid) - memory_before) / CLIENTS
            while clients:
                leave, clients = clients[:WAVE], clients[WAVE:]
                for client in leave:
                    client.close()
                most = open_before + len(clients) + 5
                poll(lambda most=most: descriptors(pid) <= most)
            seen = good.report()
            assert seen["failed"] == 0, seen
            assert seen["done"] > 20, seen
            assert seen["worst"] < 0.25 + seen["hiccup"], seen
            assert each < EACH, f"{each / 1024:.1f} KiB a connection"
            print(f"{each / 1024:.1f} KiB a connection; beside them {seen}")
            assert gateway.stop() == 0
