"""The client's side of HTTP/1.1 over real sockets, on the reactors that matter."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from system.harness import GatewayProcess, get, poll, simple_route
from system.raw import OK, RawOrigin, connect, one_good_run, read_all, read_until, talk, within

from gwt.wire.websocket import accept_key

HOST = b"Host: foo.example.com\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
LIMITS = {"header_timeout": 1, "idle_timeout": 2}
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


class Bench:
    """A gateway and its upstream, whose behaviour each test sets: `serve(sock, number)`."""

    def __init__(self, directory: Any, reactor: str) -> None:
        self.serve: Callable[[socket.socket, int], None] | None = None
        self.origin = RawOrigin(self._run)
        documents = simple_route(self.origin.address, timeout=20)
        self.gateway = GatewayProcess(directory, documents, {"limits": LIMITS}, reactor=reactor)
        self.port = self.gateway.proxy

    def _run(self, sock: socket.socket, number: int) -> None:
        (self.serve or self.origin._answer)(sock, number)

    def fresh(self, serve: Callable[[socket.socket, int], None] | None = None) -> Bench:
        """Forget what was, and behave so from now on."""
        self.serve = serve
        self.origin.drop()
        self.origin.arrived.clear()
        self.origin.closed.clear()
        return self


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("client"), request.param)
    with bench.origin, bench.gateway:
        yield bench


def silent(bench: Bench) -> Callable[[socket.socket, int], None]:
    """Reads, and never answers."""

    def serve(sock: socket.socket, number: int) -> None:
        while bench.origin.read(sock, number):
            pass

    return serve


def test_a_thousand_pipelined_requests(bench: Bench) -> None:
    bench.fresh()
    got = talk(bench.port, b"".join(b"GET /%d HTTP/1.1\r\n" % i + HOST + b"\r\n" for i in range(1000)))
    assert got.count(OK) == 1000
    bench.fresh()
    wrong = b"GET / HTTP/1.1\r\nHost: other.example\r\nX-Request-Id: %d\r\n\r\n"
    got = talk(bench.port, b"".join(wrong % i for i in range(1000)))
    assert [got.find(b'"request_id": "%d"' % i) for i in range(1000)] == sorted(
        got.find(b'"request_id": "%d"' % i) for i in range(1000)
    )
    assert got.count(b"HTTP/1.1 404") == 1000


def test_a_half_closed_client_gets_its_answer(bench: Bench) -> None:
    def late(sock: socket.socket, number: int) -> None:
        bench.origin.read(sock, number)
        assert not threading.Event().wait(1.5)
        sock.sendall(OK)

    bench.fresh(late)
    assert talk(bench.port, GET).endswith(OK)


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_cancels_the_request(bench: Bench, reset: bool) -> None:
    def run() -> None:
        bench.fresh(silent(bench))
        with connect(bench.port) as client:
            client.sendall(GET)
            assert bench.origin.arrived.wait(10)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with within(1.0):
            assert bench.origin.closed.wait(10)

    one_good_run(run)


def test_a_client_that_leaves_in_the_middle_of_an_answer(bench: Bench) -> None:
    def begin(sock: socket.socket, number: int) -> None:
        bench.origin.read(sock, number)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        while bench.origin.read(sock, number):
            pass

    def run() -> None:
        bench.fresh(begin)
        with connect(bench.port) as client:
            client.sendall(GET)
            read_until(client, b"hi")
        with within(1.5):
            assert bench.origin.closed.wait(10)

    one_good_run(run)


def test_a_refusal_is_read_by_a_client_that_still_sends(bench: Bench) -> None:
    bench.fresh()
    with connect(bench.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 20000000\r\n\r\n")
        client.sendall(b"x" * 3_000_000)
        got = read_until(client, b"}\n")
    assert got.startswith(b"HTTP/1.1 413") and b"Connection: close" in got


def test_a_chunked_body_that_grows_too_large(bench: Bench) -> None:
    bench.fresh(silent(bench))
    with connect(bench.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(30):
                client.sendall(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")
        except OSError:
            assert True  # the gateway has stopped reading: what it said must be there all the same
        assert read_all(client).startswith(b"HTTP/1.1 413")


def test_an_early_answer_while_the_client_still_sends(bench: Bench) -> None:
    def early(sock: socket.socket, number: int) -> None:
        bench.origin.read(sock, number)
        sock.sendall(OK)
        while bench.origin.read(sock, number):
            pass

    bench.fresh(early)
    with connect(bench.port) as client:
        client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\nabc")
        got = read_until(client, b"ok")
        client.sendall(b"x" * 100_000)
        assert read_all(client) == b""
    assert b"Connection: close" in got


def test_a_bad_request_is_answered_and_closed(bench: Bench) -> None:
    bench.fresh()
    with connect(bench.port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + GET * 100)
        got = read_all(client)
    assert got.startswith(b"HTTP/1.1 400") and got.count(b"HTTP/1.1 ") == 1


def test_a_body_after_100_continue(bench: Bench) -> None:
    def wants(sock: socket.socket, number: int) -> None:
        read_until(sock, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert read_until(sock, b"hello") == b"hello"
        sock.sendall(OK)

    bench.fresh(wants)
    with connect(bench.port) as client:
        client.sendall(b"PUT / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert read_until(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        assert read_until(client, b"ok").endswith(OK)


def test_a_websocket(bench: Bench) -> None:
    def echo(sock: socket.socket, number: int) -> None:
        head = read_until(sock, b"\r\n\r\n")
        assert KEY in head
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(KEY) + b"\r\n\r\nhello"
        )
        while data := bench.origin.read(sock, number):
            sock.sendall(data)

    bench.fresh(echo)
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY
    with connect(bench.port) as client:
        client.sendall(b"GET /ws HTTP/1.1\r\n" + HOST + upgrade + b"\r\n\r\n")
        assert b" 101 " in read_until(client, b"hello")
        for size in (1, 1000, 300_000):
            client.sendall(b"x" * size + b"!")
            assert len(read_until(client, b"!")) == size + 1
    assert bench.origin.closed.wait(10)


def test_bytes_behind_the_upgrade_do_not_get_past_the_policies(bench: Bench) -> None:
    bench.fresh()
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY
    inner = b"GET /inner HTTP/1.1\r\nHost: other.example\r\n\r\n"
    got = talk(bench.port, b"GET /ws HTTP/1.1\r\n" + HOST + upgrade + b"\r\n\r\n" + inner)
    assert got.startswith(OK) and b"HTTP/1.1 404" in got
    assert b"/inner" not in bench.origin.everything


def test_a_slow_head_is_cut(bench: Bench) -> None:
    def run() -> None:
        bench.fresh()
        began = time.monotonic()
        with connect(bench.port) as client, within(4):
            client.sendall(b"GET / HTTP/1.1\r\n")
            got = read_all(client)
        assert got.startswith(b"HTTP/1.1 408") and time.monotonic() - began > 0.9

    one_good_run(run)


def test_an_idle_connection_is_closed(bench: Bench) -> None:
    bench.fresh()
    with connect(bench.port) as client:
        client.sendall(GET)
        read_until(client, b"ok")
        assert client.recv(10) == b""


def test_http_1_0_ends_with_the_connection(bench: Bench) -> None:
    def until_close(sock: socket.socket, number: int) -> None:
        bench.origin.read(sock, number)
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")

    bench.fresh(until_close)
    with connect(bench.port) as client:
        client.sendall(b"GET / HTTP/1.0\r\n" + HOST + b"\r\n")
        got = read_all(client)
    assert got.endswith(b"\r\n\r\nall of it") and b"chunked" not in got


def test_a_slow_reader_gets_everything(bench: Bench) -> None:
    size = 6_000_000

    def much(sock: socket.socket, number: int) -> None:
        bench.origin.read(sock, number)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    bench.fresh(much)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.settimeout(20)
        client.connect(("127.0.0.1", bench.port))
        client.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        got = 0
        while data := client.recv(20_000):
            got += len(data)
    assert got > size


def test_too_many_connections(tmp_path: Any) -> None:
    with RawOrigin() as origin:
        limits = {"limits": {"max_connections": 3}}
        with GatewayProcess(tmp_path, simple_route(origin.address), limits) as gateway:
            kept = [connect(gateway.proxy) for _ in range(3)]
            for client in kept:
                client.sendall(GET)
                read_until(client, b"ok")
            with connect(gateway.proxy) as late:
                got = read_all(late)
            assert got.startswith(b"HTTP/1.1 503") and b'"overloaded"' in got
            kept.pop().close()
            poll(lambda: get(gateway.proxy, "/", host="foo.example.com").status == 200)
            for client in kept:
                client.close()
