"""Sockets without any HTTP library: an upstream that keeps every byte, and clients that send what they like."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from system.harness import PATIENCE, poll

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class RawOrigin:
    """An upstream. `serve(sock, connection)` runs in a thread for each connection; by default every head gets `OK`.

    `received` holds what came on each connection; `closed` is set when a connection has ended, `errors` are those of
    `serve`.
    """

    def __init__(self, serve: Callable[[socket.socket, int], None] | None = None) -> None:
        self._serve = serve or self._answer
        self.received: list[bytes] = []
        self.open: set[socket.socket] = set()
        self.errors: list[BaseException] = []
        self.arrived, self.closed = threading.Event(), threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._server.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.received.append(b"")
            self.open.add(sock)
            threading.Thread(target=self._run, args=(sock, len(self.received) - 1), daemon=True).start()

    def _run(self, sock: socket.socket, number: int) -> None:
        try:
            with sock:
                sock.settimeout(PATIENCE)
                self._serve(sock, number)
        except OSError:
            pass  # the gateway was faster
        except BaseException as error:
            self.errors.append(error)
        finally:
            self.closed.set()
            self.open.discard(sock)

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
        leave(self._server, self._thread)
        assert not self.errors, self.errors


def leave(server: socket.socket, accepting: threading.Thread) -> None:
    """Listen no more. Who waits in `accept` is woken first: it would take another connection, perhaps another's."""
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    accepting.join(PATIENCE)
    server.close()


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
    """Send `raw`, end our side, read all that comes.

    Less the 100s before it: a gateway that waits for an upstream sends one to see whether the client is still there.
    """
    with connect(port) as sock:
        sock.sendall(raw)
        with suppress(OSError):  # the gateway may have ended it already
            sock.shutdown(socket.SHUT_WR)
        got = read_all(sock)
        while got.startswith(CONTINUE):
            got = got.removeprefix(CONTINUE)
        return got


class TooSlow(AssertionError):
    """The good client had to wait too long."""


def one_good_run(run: Callable[[], None], attempts: int = 3) -> None:
    """What a machine that stands still holds up passes in another run; a gateway that stands still never does."""
    for left in reversed(range(attempts)):
        try:
            return run()
        except TooSlow:
            if not left:
                raise


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """TooSlow where what is done takes longer."""
    began = time.monotonic()
    yield
    if (taken := time.monotonic() - began) >= seconds:
        raise TooSlow(taken)


class GoodClient:
    """A well-behaved client beside an attack, and its upstream (`address`), in a process of their own.

    `watch` begins to ask, `report` ends it.
    """

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("beside.py"))],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.address = self._told().split()[1]

    def watch(self, port: int, pid: int) -> None:
        """Ask the gateway `pid` at `port` all the time from now on, over a connection that is there on return."""
        self._say(f"{port} {pid}\n")
        assert self._told() == "watching\n"

    def report(self) -> dict[str, float]:
        """What was seen: `worst` latency, `failed`, `done`, and how long the machine `stood` still.

        Seconds; those in which somebody else had the processor that was needed, or the machine stood still, are not in
        `worst`.
        """
        self._say("stop\n")
        return dict(json.loads(self._told()))

    def _told(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline()

    def _say(self, text: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(text)
        self._child.stdin.flush()

    def __enter__(self) -> GoodClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.communicate()


def resident(pid: int) -> int:
    """Bytes of memory that a process holds (RSS)."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no VmRSS")


def links(pid: int) -> list[str]:
    """What a process has open; nothing once it has ended (of one that nobody has waited for yet: EACCES)."""
    found = []
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
