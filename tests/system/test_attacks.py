"""Attacks from the client's side, each beside a well-behaved client that must not notice.

For each: the good client's worst latency is under 250 ms, none of its requests fails, and memory grows by less than
64 MiB.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from system.harness import PATIENCE, GatewayProcess, get, poll
from system.raw import GoodClient, connect, descriptors, read_all, resident

HOST = b"Host: foo.example.com\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
LIMITS = {"header_timeout": 1, "idle_timeout": 20}
GRACE = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def good() -> Iterator[GoodClient]:
    with GoodClient() as client:
        yield client


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, good: GoodClient) -> Iterator[GatewayProcess]:
    with Big() as big:
        paths = {"good": "/good", "other": "/", "big": "/big"}
        services = [{"upstream": name, "paths": [{"uri": uri}]} for name, uri in paths.items()]
        documents = [
            {"name": "attacked", "hosts": ["foo.example.com"], "namespace": "n", "services": services},
            {"upstreams": {"good": [good.address], "other": [good.address], "big": [big.address]}},
        ]
        with GatewayProcess(tmp_path_factory.mktemp("attacks"), documents, {"limits": LIMITS}) as process:
            get(process.proxy, "/", host="foo.example.com")
            process.good = good  # type: ignore[attr-defined]
            yield process


class Big:
    """An origin that answers each request with 200,000 bytes at once."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
        with sock, suppress(OSError):
            while sock.recv(65536):
                sock.sendall(answer)

    def __enter__(self) -> Big:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


@contextmanager
def unnoticed(gateway: GatewayProcess) -> Iterator[Callable[[], None]]:
    """A good client beside the attack; gives a function that checks memory at the attack's height."""
    before = resident(gateway.popen.pid)
    grown: list[int] = []
    good: GoodClient = gateway.good  # type: ignore[attr-defined]
    good.watch(gateway.proxy)
    try:
        yield lambda: grown.append(resident(gateway.popen.pid) - before)
    finally:
        seen = good.report()
    assert seen["failed"] == 0, seen
    assert seen["worst"] < 0.25 + seen["hiccup"], seen
    assert max([*grown, resident(gateway.popen.pid) - before]) < GRACE


@contextmanager
def many(gateway: GatewayProcess, number: int) -> Iterator[list[socket.socket]]:
    clients = [connect(gateway.proxy) for _ in range(number)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def send(client: socket.socket, data: bytes) -> bool:
    """Send; False where the gateway has closed."""
    try:
        client.sendall(data)
    except OSError:
        return False
    return True


def drip(clients: list[socket.socket], data: bytes) -> None:
    """Send byte by byte to all, until the gateway has closed them all."""
    pause, left = threading.Event(), list(clients)
    for at in range(len(data)):
        left = [client for client in left if send(client, data[at : at + 1])]
        if not left:
            return
        pause.wait(0.15)
    raise AssertionError(f"{len(left)} connections are still open")


def test_slowloris(gateway: GatewayProcess) -> None:
    with unnoticed(gateway) as check, many(gateway, 200) as clients:
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\n")
        drip(clients, b"X-Slow: " + b"y" * 100)
        check()


def test_slow_bodies(gateway: GatewayProcess) -> None:
    with unnoticed(gateway) as check, many(gateway, 100) as clients:
        for client in clients:
            client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n")
        drip(clients, b"y" * 100)
        check()


def test_slow_chunks(gateway: GatewayProcess) -> None:
    with unnoticed(gateway), many(gateway, 50) as clients:
        for client in clients:
            client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        drip(clients, b"1\r\nx\r\n" * 30)


def test_readers_that_read_nothing(gateway: GatewayProcess) -> None:
    with unnoticed(gateway) as check, many(gateway, 50) as clients:
        for client in clients:
            send(client, (b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n") * 300)
        check()
        drip(clients, b"x" * 100)
        check()


def test_a_flood_of_pipelined_refusals(gateway: GatewayProcess) -> None:
    def flood(client: socket.socket) -> None:
        client.settimeout(3)
        for _ in range(20):
            if not send(client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3000):
                return

    attack(gateway, flood, 8)


def test_a_flood_of_tiny_chunks(gateway: GatewayProcess) -> None:
    def flood(client: socket.socket) -> None:
        client.settimeout(3)
        send(client, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            if not send(client, b"1\r\nx\r\n" * 20_000):
                return

    attack(gateway, flood, 4)


def test_a_flood_of_fields(gateway: GatewayProcess) -> None:
    def flood(client: socket.socket) -> None:
        send(client, b"GET / HTTP/1.1\r\n" + HOST + b"a:\r\n" * 50_000)
        read_all(client)

    attack(gateway, flood, 30)


def test_a_flood_after_a_refusal(gateway: GatewayProcess) -> None:
    def flood(client: socket.socket) -> None:
        client.settimeout(5)
        send(client, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n")
        for _ in range(60):
            if not send(client, bytes(1_000_000)):
                return

    attack(gateway, flood, 3)


def attack(gateway: GatewayProcess, what: Callable[[socket.socket], None], number: int) -> None:
    """`number` clients do `what` at once."""
    with unnoticed(gateway) as check, many(gateway, number) as clients:
        threads = [threading.Thread(target=what, args=(client,), daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        check()
        for thread in threads:
            thread.join(PATIENCE)
        check()


def test_two_thousand_idle_connections(gateway: GatewayProcess) -> None:
    start = descriptors(gateway.popen.pid)
    with unnoticed(gateway) as check, many(gateway, 2000):
        poll(lambda: descriptors(gateway.popen.pid) > start + 1900)
        check()
    poll(lambda: descriptors(gateway.popen.pid) < start + 20)


def test_two_thousand_resets(gateway: GatewayProcess) -> None:
    start = descriptors(gateway.popen.pid)
    with unnoticed(gateway):
        for _ in range(2000):
            client = connect(gateway.proxy)
            client.sendall(GET)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
    poll(lambda: descriptors(gateway.popen.pid) < start + 40)


def test_the_gateway_says_nothing_of_errors_of_its_own(gateway: GatewayProcess) -> None:
    assert "Traceback" not in gateway.output

