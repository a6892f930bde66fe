"""The well-behaved client of `system.raw.GoodClient`, and its upstream: run as a child, told what to do by its input.

A line with a port and the pid of the gateway there begins to ask it, and is answered once it is connected; another line
ends it, and is answered by a line of JSON. What others had the processors for counts neither as the gateway's time nor
as a machine that stands still.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

PATIENCE = 30.0
#: Seconds that an answer may take at all, that pass between two requests, and that a connection may be left idle.
ANSWER_WITHIN, PACE, OVERSLEPT = 5.0, 0.02, 1.0
#: How many requests are made at least, however soon the watch is over.
LEAST = 25
#: Seconds between two looks whether the machine stands still, and by how much one is late then (of the threads here one
#: may hold the interpreter for as long).
DOZE, NOTICED = 0.01, 0.005
#: Is never set: who waits for it lets time pass.
PAUSE = threading.Event()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASK = b"GET /good HTTP/1.1\r\nHost: foo.example.com\r\n\r\n"


def accept(server: socket.socket) -> None:
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


def serve(sock: socket.socket) -> None:
    with sock:
        try:
            while data := sock.recv(65536):
                sock.sendall(ANSWER * max(1, data.count(b"\r\n\r\n")))
        except OSError:
            return


def ask(sock: socket.socket) -> bool:
    """One request on a connection that is kept."""
    try:
        sock.sendall(ASK)
        got = b""
        while not got.endswith(b"\r\n\r\nok"):
            data = sock.recv(65536)
            if not data:
                return False
            got += data
    except OSError:
        return False
    return got.startswith(b"HTTP/1.1 200")


class Span:
    """From when it is made on: `seconds()` less those in which one of `tasks`, directories of /proc, wanted a processor
    that somebody else had.

    Where the system does not tell how long they waited for one, all seconds. A task that ends (one connection of the
    upstream does) waits no more.
    """

    def __init__(self, *tasks: Path) -> None:
        self._before = {task: waited for task in tasks if (waited := waited_by(task)) is not None}
        self.began = time.monotonic()

    def seconds(self) -> float:
        after = {task: waited_by(task) for task in self._before}
        waited = sum((after[task] or before) - before for task, before in self._before.items())
        return time.monotonic() - self.began - waited / 1e9


def waited_by(task: Path) -> int | None:
    """Nanoseconds that a task has waited for a processor; None where the system does not tell, or it has ended."""
    try:
        return int((task / "schedstat").read_bytes().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


class Watch:
    """Asks the gateway all the time, and looks when the machine stands still.

    `asked` are (began, ended, seconds) of each request, `stood` the times (from, to) in which a processor stood still.
    """

    def __init__(self, port: int, pid: int) -> None:
        self.asked: list[tuple[float, float, float]] = []
        self.stood: list[tuple[float, float]] = []
        self.failed, self.stop = 0, threading.Event()
        self._port, self._gateway = port, Path(f"/proc/{pid}/task/{pid}")
        self._connect()
        self._threads = [threading.Thread(target=self._ask)]
        self._threads += [threading.Thread(target=self._doze, args=(core,)) for core in os.sched_getaffinity(0)]
        for thread in self._threads:
            thread.start()

    def _connect(self) -> None:
        self._sock = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
        self._sock.settimeout(ANSWER_WITHIN)
        self.failed += not ask(self._sock)  # from now on it is served, and does not wait to be accepted
        self._left = time.monotonic()

    def _ask(self) -> None:
        """Ask, and wait for it: here, in the gateway, and in the upstream's threads, which are this process' own."""
        while not self.stop.wait(PACE) or len(self.asked) < LEAST:
            if time.monotonic() - self._left > OVERSLEPT:
                self._connect()  # this process stood still for so long that the gateway may have thought it gone
            span = Span(self._gateway, *Path("/proc/self/task").iterdir())
            good = ask(self._sock)
            self._left = time.monotonic()
            self.asked.append((span.began, self._left, span.seconds()))
            self.failed += not good
            if self.stop.is_set():
                PAUSE.wait(PACE)
        self._sock.close()

    def _doze(self, core: int) -> None:
        """How late is one woken on this core? A machine that stands still is not the gateway's fault."""
        os.sched_setaffinity(0, {core})  # of this thread
        own = Path(f"/proc/self/task/{threading.get_native_id()}")
        over = False
        while not over:
            span = Span(own)
            over = self.stop.is_set() and len(self.asked) >= LEAST
            PAUSE.wait(DOZE)
            if (late := span.seconds() - DOZE) > NOTICED:
                woken = time.monotonic()
                self.stood.append((woken - late, woken))

    def report(self) -> dict[str, float]:
        """Once `stop` is set: `done`, `failed`, and the `worst` latency less what the machine stood still in it."""
        for thread in self._threads:
            thread.join()
        worst = max(seconds - overlap(self.stood, began, ended) for began, ended, seconds in self.asked)
        return {"worst": worst, "stood": length(self.stood), "done": len(self.asked), "failed": self.failed}


def union(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same times, in order, none of them twice."""
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def length(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds of all of them, none counted twice."""
    return sum(end - begin for begin, end in union(spans))


def overlap(spans: Iterable[tuple[float, float]], begin: float, end: float) -> float:
    """Seconds of `spans` between `begin` and `end`."""
    return length((max(begin, one), min(end, other)) for one, other in spans if one < end and other > begin)


def end(failure: threading.ExceptHookArgs) -> None:
    """A thread that broke has seen nothing, which must not look as if there had been nothing to see."""
    threading.__excepthook__(failure)
    os._exit(1)


def main() -> None:
    threading.excepthook = end
    server = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    print(f"upstream 127.0.0.1:{server.getsockname()[1]}", flush=True)
    for line in sys.stdin:
        port, pid = map(int, line.split())
        watch = Watch(port, pid)
        print("watching", flush=True)
        sys.stdin.readline()
        watch.stop.set()
        print(json.dumps(watch.report()), flush=True)


if __name__ == "__main__":
    main()
