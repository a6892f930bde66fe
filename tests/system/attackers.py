"""Clients that mean harm, in a process of their own: `python attackers.py NAME PORT`.

Says `risen` when the attack stands, goes on until its input ends, and then tells how often it struck. An attack that
the gateway should have ended, and did not, ends the process with a traceback.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

PATIENCE = 30.0
HOST = b"Host: foo.example.com\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
CODED = b"Transfer-Encoding: chunked\r\n\r\n"
HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


#: Is never set: who waits for it lets time pass.
PAUSE = threading.Event()


class Attack:
    """What all attacks share: whom they attack, when they end, and how often they struck."""

    def __init__(self, port: int) -> None:
        self.port, self.struck = port, 0
        self.over, self.risen = threading.Event(), threading.Event()
        self.errors: list[BaseException] = []

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def hit(self) -> None:
        self.struck += 1
        self.risen.set()

    def swarm(self, number: int, what: Callable[[socket.socket], None]) -> None:
        """`number` clients do `what` again and again, each time on a new connection."""
        threads = [threading.Thread(target=self._one, args=(what,), daemon=True) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, what: Callable[[socket.socket], None]) -> None:
        try:
            while not self.over.is_set():
                with self.connect() as sock, suppress(ConnectionError):
                    what(sock)
                self.hit()
        except BaseException as error:
            self.errors.append(error)
            self.risen.set()

    def flood(self, sock: socket.socket, data: bytes, before: bytes = b"", times: int | None = None) -> None:
        """Send `before`, then `data` (so often) until it is no longer taken; then see how the gateway ends it."""
        sock.settimeout(2)
        try:
            sock.sendall(before)
            while not self.over.is_set() and times != 0:
                sock.sendall(data)
                self.hit()
                times = times and times - 1
        except (TimeoutError, ConnectionError):
            self.hit()
        self.read(sock)

    def read(self, sock: socket.socket) -> None:
        """Read what comes, to its end."""
        with suppress(TimeoutError):
            while not self.over.is_set() and sock.recv(1 << 20):
                self.risen.set()

    def drip(self, number: int, first: bytes, rest: bytes) -> None:
        """`number` clients send `first`, then `rest` byte by byte: the gateway must end them all before its end."""
        while not (self.struck and self.over.is_set()):
            left = [sock for sock in [self.connect() for _ in range(number)] if _sent(sock, first)]
            for byte in rest:
                left = [sock for sock in left if _sent(sock, bytes((byte,)))]
                self.risen.set()
                if not left or (self.struck and self.over.is_set()):
                    break
                PAUSE.wait(0.05)
            ended = not left
            for sock in left:
                sock.close()
            assert ended or (self.struck and self.over.is_set()), f"{len(left)} connections are still open"
            self.struck += ended


def _sent(sock: socket.socket, data: bytes) -> bool:
    try:
        sock.sendall(data)
    except OSError:
        sock.close()
        return False
    return True


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- slow


def slow_heads(attack: Attack) -> None:
    attack.drip(200, b"GET / HTTP/1.1\r\n", b"X-Slow: " + b"y" * 200)


def slow_bodies(attack: Attack) -> None:
    attack.drip(100, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n", b"y" * 200)


def slow_chunks(attack: Attack) -> None:
    attack.drip(100, b"POST / HTTP/1.1\r\n" + HOST + CODED, b"1\r\nx\r\n" * 40)


def readers_of_nothing(attack: Attack) -> None:
    """Fifty that ask for 60 MB each, and read none of it: the gateway must end them."""

    def what(sock: socket.socket) -> None:
        with suppress(TimeoutError):
            sock.settimeout(0.5)
            sock.sendall((b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n") * 300)
        attack.risen.set()
        ended, until = select.poll(), time.monotonic() + PATIENCE
        ended.register(sock, 0)
        while not ended.poll(100) and not (attack.struck and attack.over.is_set()):
            assert time.monotonic() < until, "the gateway has kept it"

    attack.swarm(50, what)


def readers_of_a_little(attack: Attack) -> None:
    def what(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall((b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n") * 20)
        while not attack.over.wait(0.02) and sock.recv(100):
            attack.hit()

    attack.swarm(50, what)


def unread_gibibytes(attack: Attack) -> None:
    def what(sock: socket.socket) -> None:
        sock.sendall(b"GET /gibibyte HTTP/1.1\r\n" + HOST + b"\r\n")
        attack.hit()
        attack.over.wait(0.5)
        _reset(sock)

    attack.swarm(20, what)


# -- fast


def heads_in_single_bytes(attack: Attack) -> None:
    """As fast as they go, up to the limit."""
    attack.swarm(8, lambda sock: attack.flood(sock, b"x", b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: "))


def refusals(attack: Attack) -> None:
    """Pipelined requests that are refused without an upstream."""
    attack.swarm(30, lambda sock: attack.flood(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3000))


def small_requests(attack: Attack) -> None:
    """Pipelined requests that an upstream answers."""
    attack.swarm(30, lambda sock: attack.flood(sock, GET * 1000))


def bad_requests(attack: Attack) -> None:
    """One malformed request a connection."""
    attack.swarm(30, lambda sock: attack.flood(sock, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", times=1))


def fields(attack: Attack) -> None:
    """50,000 fields without a value."""
    attack.swarm(30, lambda sock: attack.flood(sock, b"GET / HTTP/1.1\r\n" + HOST + b"a:\r\n" * 50_000, times=1))


def full_heads(attack: Attack) -> None:
    """Requests just below every limit, with arguments and cookies that a condition looks at."""
    pairs = b"&".join(b"%x=%%41" % number for number in range(2000))
    cookie = b"Cookie: " + b"; ".join(b"%x=1" % number for number in range(1000)) + b"\r\n"
    plain = b"".join(b"X-F%d: %b\r\n" % (number, b"v" * 20) for number in range(90))
    request = b"GET /conditional?" + pairs + b" HTTP/1.1\r\n" + HOST + cookie + plain + b"\r\n"
    attack.swarm(30, lambda sock: attack.flood(sock, request * 8))


def long_paths(attack: Attack) -> None:
    """Paths with all that has to be normalised."""
    path = b"/a/./b/..//%41%2e" * 1000
    attack.swarm(30, lambda sock: attack.flood(sock, (b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n") * 8))


def costly_regexes(attack: Attack) -> None:
    """Paths as long as a regex of a route takes them, which it goes through from each of their places."""
    path = b"/" + b"a" * 1000
    attack.swarm(30, lambda sock: attack.flood(sock, (b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n") * 8))


def tiny_chunks(attack: Attack) -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + CODED
    attack.swarm(30, lambda sock: attack.flood(sock, b"1\r\nx\r\n" * 20_000, head))


def bodies_nobody_wants(attack: Attack) -> None:
    """More bytes after the refusal of the request that they belong to."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n"
    attack.swarm(10, lambda sock: attack.flood(sock, bytes(1_000_000), head))


def bodies_nobody_reads(attack: Attack) -> None:
    """Bodies for an upstream that reads nothing of them."""
    head = b"POST /hang HTTP/1.1\r\n" + HOST + b"Content-Length: 10000000\r\n\r\n"
    attack.swarm(30, lambda sock: attack.flood(sock, bytes(1_000_000), head))


def noise(attack: Attack) -> None:
    """No HTTP at all."""
    attack.swarm(30, lambda sock: attack.flood(sock, bytes(range(256)) * 256, times=1))


def tunnels(attack: Attack) -> None:
    """Handshakes that get no 101, with bytes behind them."""
    attack.swarm(30, lambda sock: attack.flood(sock, b"GET / HTTP/1.1\r\n" + HOST + HANDSHAKE + bytes(60_000), times=1))


# -- many


def idle_crowd(attack: Attack) -> None:
    """2,000 that connect, say nothing, and leave all at once."""
    while not attack.over.is_set():
        crowd = [attack.connect() for _ in range(2000)]
        attack.hit()
        attack.over.wait(0.5)
        for sock in crowd:
            sock.close()


def resets(attack: Attack) -> None:
    """Clients that ask and are gone, with a reset."""

    def what(sock: socket.socket) -> None:
        sock.sendall(GET)
        _reset(sock)

    attack.swarm(8, what)


def crowd_of_resets(attack: Attack) -> None:
    """2,000 that ask, and reset all at once."""
    while not attack.over.is_set():
        crowd = [attack.connect() for _ in range(2000)]
        asked = [_sent(sock, b"GET /hang HTTP/1.1\r\n" + HOST + b"\r\n") for sock in crowd]
        assert any(asked), "the gateway took none of them"
        attack.hit()
        for sock in crowd:
            _reset(sock)


def hung(attack: Attack) -> None:
    """100 that wait for an upstream that never answers, and ask again."""

    def what(sock: socket.socket) -> None:
        sock.sendall(b"GET /hang HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 504 "), answer

    attack.swarm(100, what)


#: Attacks from the client's side.
ATTACKS: dict[str, Callable[[Attack], None]] = {
    one.__name__: one
    for one in (
        slow_heads, slow_bodies, slow_chunks, readers_of_nothing, readers_of_a_little, unread_gibibytes,
        heads_in_single_bytes, refusals, small_requests, bad_requests, fields, full_heads, long_paths, costly_regexes,
        tiny_chunks, bodies_nobody_wants, bodies_nobody_reads, noise, tunnels,
        idle_crowd, resets, crowd_of_resets, hung,
    )
}  # fmt: skip
#: Upstreams of `villains` that are faulty by themselves, and one that is not there: any client will do.
FAULTS = ("reset", "cut", "stall", "hang", "garbage", "heads", "bytewise", "interim", "chunks", "gibibyte", "dead")


def victims(path: str) -> Callable[[Attack], None]:
    """Eight that ask a faulty upstream, and read what comes for a second at most."""

    def what(attack: Attack) -> None:
        def one(sock: socket.socket) -> None:
            sock.settimeout(1)
            sock.sendall(b"GET /%b HTTP/1.1\r\n" % path.encode() + HOST + b"\r\n")
            until = time.monotonic() + 1
            with suppress(TimeoutError):
                while sock.recv(1 << 20) and time.monotonic() < until and not attack.over.is_set():
                    attack.hit()

        attack.swarm(8, one)

    return what


def main(name: str, port: int) -> None:
    os.nice(19)  # attackers have machines of their own; here they get what the gateway leaves
    attack = Attack(port)
    what = ATTACKS.get(name) or victims(name)

    def run() -> None:
        try:
            what(attack)
        except BaseException as error:
            attack.errors.append(error)
            attack.risen.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert attack.risen.wait(PATIENCE), "the attack has not risen"
    print("risen", flush=True)
    sys.stdin.read()
    attack.over.set()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the attack does not end"
    if attack.errors:
        raise attack.errors[0]
    print(attack.struck, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
