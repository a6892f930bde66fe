"""Sockets without any HTTP library: an upstream that keeps every byte, and clients that send what they like."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from system.harness import PATIENCE, get, poll

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class RawOrigin:
    """An upstream. `serve(sock, connection)` runs in a thread for each connection; by default every head gets `OK`.

    `received` holds what came on each connection; `closed` is set when a connection has ended.
    """

    def __init__(self, serve: Callable[[socket.socket, int], None] | None = None) -> None:
        self._serve = serve or self._answer
        self.received: list[bytes] = []
        self.open: set[socket.socket] = set()
        self.arrived, self.closed = threading.Event(), threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._server.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.received.append(b"")
            threading.Thread(target=self._run, args=(sock, len(self.received) - 1), daemon=True).start()

    def _run(self, sock: socket.socket, number: int) -> None:
        self.open.add(sock)
        with sock:
            sock.settimeout(PATIENCE)
            try:
                self._serve(sock, number)
            except OSError:
                pass
        self.open.discard(sock)
        self.closed.set()

    def drop(self) -> None:
        """End our side of every connection, and wait until they are closed."""
        for sock in list(self.open):
            with suppress(OSError):  # it may be closed already
                sock.shutdown(socket.SHUT_WR)
        poll(lambda: not self.open)

    def read(self, sock: socket.socket, number: int) -> bytes:
        """More bytes, kept; b"" at the end."""
        data = sock.recv(65536)
        self.received[number] += data
        self.arrived.set()
        return data

    def _answer(self, sock: socket.socket, number: int) -> None:
        buffer = b""
        while data := self.read(sock, number):
            buffer += data
            while b"\r\n\r\n" in buffer:
                _, _, buffer = buffer.partition(b"\r\n\r\n")
                sock.sendall(OK)

    @property
    def everything(self) -> bytes:
        """All that came, over all connections."""
        return b"".join(self.received)

    def __enter__(self) -> RawOrigin:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def connect(port: int) -> socket.socket:
    """A connection to the gateway."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def read_all(sock: socket.socket) -> bytes:
    """All that comes until the other side ends (an abort counts as an end)."""
    got = b""
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            return got
        if not data:
            return got
        got += data


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    """What comes, up to and with `mark`."""
    got = b""
    while mark not in got:
        data = sock.recv(65536)
        assert data, f"the connection ended; it gave {got!r}"
        got += data
    return got


def talk(port: int, raw: bytes) -> bytes:
    """Send `raw`, end our side, read all that comes."""
    with connect(port) as sock:
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


class GoodClient:
    """A well-behaved client beside an attack: asks all the time; `worst` latency in seconds, `failed` requests."""

    def __init__(self, port: int, host: str = "foo.example.com") -> None:
        self._port, self._host = port, host
        self.worst, self.done, self.failed = 0.0, 0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            began = time.monotonic()
            try:
                good = get(self._port, "/good", host=self._host, timeout=5).status == 200
            except OSError:
                good = False
            self.worst = max(self.worst, time.monotonic() - began)
            self.done += 1
            self.failed += not good

    def __enter__(self) -> GoodClient:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds (RSS)."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no VmRSS")


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
