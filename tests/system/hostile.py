"""Attacks over HTTP/2, by name: `python hostile.py PORT SECONDS NAME` makes one again and again, and says how it went.

The line of JSON has how many connections the gateway has `closed`, and how many were `left` when time was up.
`hostile.py told PORT NAME` makes it once for each line of input: it says `begun`, and `closed` when it was shown out.
`hostile.py origin` is whom they ask.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

if __name__ == "__main__":
    for folder in (Path(__file__).parents[2], Path(__file__).parents[1]):
        sys.path.insert(0, str(folder))

from system.harness import PATIENCE, ready

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.frames import CONTINUATION, HEADERS, frame

FIELDS = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"foo.example.com"))
GET = hpack.encode(FIELDS)
POST = hpack.encode([(b":method", b"POST"), *FIELDS[1:]])
LARGE = hpack.encode([*FIELDS[:2], (b":path", b"/large"), FIELDS[3]])
ODD = range(1, 1 << 30, 2)


def asked(number: int, block: bytes = GET, ended: bool = True) -> bytes:
    return frames.headers(number, block, ended, 16384)


def each(make: Callable[[int], bytes]) -> Iterator[bytes]:
    """`make` for one stream after the other, a hundred at a time."""
    for start in count(0, 100):
        yield b"".join([make(ODD[start + index]) for index in range(100)])


def again(data: bytes, first: bytes = b"") -> Iterator[bytes]:
    yield first
    while True:
        yield data


#: A cookie of 16 KiB, as it stands in a field block.
BIG = b"\x0f\x11\x7f\x81\x7f" + b"y" * 16384
BOMB = frame(HEADERS, 5, 1, b"\x82\x86\x84\x41\x0ffoo.example.com\x40\x01x\x7f\xe9\x1d" + b"y" * 3944 + b"\xbe" * 7)
#: What each attacker sends, for as long as it may.
ATTACKS: dict[str, Callable[[], Iterator[bytes]]] = {
    "rapid reset": lambda: each(lambda n: asked(n) + frames.reset(n, 8)),
    "MadeYouReset": lambda: each(lambda n: asked(n) + frames.window(n, 0)),
    "CONTINUATION flood": lambda: again(frame(CONTINUATION, 0, 1, b"\0\1x\1y" * 1000), frame(HEADERS, 1, 1, GET)),
    "empty CONTINUATION flood": lambda: again(frame(CONTINUATION, 0, 1) * 10, frame(HEADERS, 1, 1, GET)),
    "HPACK bomb": lambda: each(lambda n: frame(HEADERS, 5, n, b"\x82\x86\x84\xbf" + b"\xbe" * 3000)),
    "HTTP/2 bomb": lambda: iter([
        frames.settings([(4, 0)]), *(asked(n, GET + b"\x0f\x11\x01a" * 900) for n in range(1, 400, 2))]),
    "settings flood": lambda: again(frames.settings([(4, 100), (4, 65535)]) * 100),
    "ping flood": lambda: again(frames.ping(bytes(8)) * 500),
    "priority flood": lambda: again(frame(2, 0, 1, bytes(5)) * 500),
    "empty DATA flood": lambda: again(frame(0, 0, 1) * 500, asked(1, POST, False)),
    "oversized headers": lambda: each(lambda n: asked(n, GET + BIG * 5)),
    "heads that are refused": lambda: each(lambda n: asked(n, GET + BIG * 2)),
    "data dribble": lambda: again(frames.window(1, 1) * 10, frames.settings([(4, 0)]) + asked(1, LARGE)),
    "window flood": lambda: again(frames.window(0, 1) * 500),
    "windows of zero": lambda: iter([frames.settings([(4, 0)]) + b"".join(asked(n, LARGE) for n in range(1, 1600, 2))]),
    "nothing is read": lambda: iter([
        frames.settings([(4, (1 << 31) - 1)]) + frames.window(0, 1 << 30) + asked(1, LARGE) + asked(3, LARGE)]),
    "a slow field block": lambda: iter([frame(HEADERS, 1, 1, GET[:3])]),
    "a slow frame": lambda: iter([asked(1)[:12]]),
    "stream ids": lambda: iter([asked(5) + asked(3)]),
    "an even stream": lambda: iter([asked(2)]),
    "half a preface": lambda: iter([]),
}  # fmt: skip
#: These do not read what they are sent.
DEAF = ("nothing is read",)
#: These take their time: they are all at once.
SLOW = ("HTTP/2 bomb", "windows of zero", "nothing is read", "a slow field block", "a slow frame", "half a preface")


def serve(sock: socket.socket, number: int) -> None:
    """/large is 4 MiB; all else is ok."""
    buffer = b""
    while data := sock.recv(65536):
        buffer += data
        while b"\r\n\r\n" in buffer:
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            body = bytes(4 << 20) if head.startswith(b"GET /large") else b"ok"
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


class Attacker(threading.Thread):
    """Sends until it is shown out. `closed`: it was."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(daemon=True)
        self.port, self.attack, self.sent = port, name, 0
        self.closed = threading.Event()

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as sock:
            try:
                if self.attack == "half a preface":
                    sock.sendall(frames.PREFACE[:20])
                else:
                    sock.sendall(frames.PREFACE + frames.settings([]))
                    if self.attack == "HPACK bomb":
                        sock.sendall(BOMB)
                self._send(sock)
            except (ConnectionError, TimeoutError):
                pass
            self._wait(sock)
            self.closed.set()

    def _send(self, sock: socket.socket) -> None:
        for piece in ATTACKS[self.attack]():
            sock.sendall(piece)
            self.sent += len(piece)
            assert self.sent < 64 << 20, "nobody stops this"
            while self.attack not in DEAF and ready(sock):
                if not sock.recv(1 << 20):
                    return

    def _wait(self, sock: socket.socket) -> None:
        """Until the gateway has closed."""
        if self.attack in DEAF:
            assert ready(sock, PATIENCE, events=0)
            return
        try:
            while sock.recv(1 << 20):
                pass
        except ConnectionError:
            pass


def main(port: int, seconds: float, name: str, pause: float = 1.0) -> None:
    """One attacker that comes again `pause` after it was shown out."""
    os.nice(19)  # attackers have machines of their own; here they get what the others leave
    over = time.monotonic() + seconds
    closed = left = 0
    while time.monotonic() < over:
        attacker = Attacker(port, name)
        attacker.start()
        if attacker.closed.wait(max(0.0, over - time.monotonic())):
            closed += 1
            time.sleep(pause)
        else:
            left += 1
    print(json.dumps({"closed": closed, "left": left}), flush=True)


def told(port: int, name: str) -> None:
    """One attacker that comes when it is told to."""
    os.nice(19)
    print("here", flush=True)
    for _ in sys.stdin:
        print("begun", flush=True)
        Attacker(port, name).run()
        print("closed", flush=True)


def origin() -> None:
    """Whom the attackers ask, until its input ends; its port is its output."""
    os.nice(19)
    server = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(server.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            sock, _ = server.accept()
            threading.Thread(target=answer, args=(sock,), daemon=True).start()

    def answer(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            serve(sock, 0)

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["origin"]:
            origin()
        case ["told", port, name]:
            told(int(port), name)
        case [port, seconds, name]:
            main(int(port), float(seconds), name)
    os._exit(0)
