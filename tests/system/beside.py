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
from pathlib import Path
from typing import BinaryIO

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


class Own:
    """Seconds that pass while all of `tasks`, directories of /proc, have a processor or want none.

    Where the system does not tell how long they waited for one, all seconds. A task that ends (one connection of the
    upstream does) waits no more.
    """

    def __init__(self, *tasks: Path) -> None:
        self._waits = [(open_wait(task), 0) for task in tasks]

    def __call__(self) -> float:
        self._waits = [(file, waited_by(file, before)) for file, before in self._waits]
        return time.monotonic() - sum(waited for _, waited in self._waits) / 1e9


def open_wait(task: Path) -> BinaryIO | None:
    """Where the system tells how long a task has waited; None where it does not, or the task has ended."""
    try:
        return open(task / "schedstat", "rb", buffering=0)
    except (FileNotFoundError, ProcessLookupError):
        return None


def waited_by(file: BinaryIO | None, before: int) -> int:
    """Nanoseconds that a task has waited for a processor; those `before`, where it has ended."""
    if file is None:
        return before
    try:
        file.seek(0)
        return int(file.read().split()[1])
    except ProcessLookupError:
        return before


def watch(sock: socket.socket, others: list[Path], stop: threading.Event, seen: dict[str, float]) -> None:
    """Ask, and wait for it: here, or in one of the `others`, which serve what is asked."""
    own = Own(Path(f"/proc/self/task/{threading.get_native_id()}"), *others)
    while not stop.wait(0.02):
        began = own()
        good = ask(sock)
        seen["worst"] = max(seen["worst"], own() - began)
        seen["done"] += 1
        seen["failed"] += not good
    sock.close()


def doze(core: int, stop: threading.Event, seen: dict[str, float]) -> None:
    """How late is one woken on this core? A machine that stands still is not the gateway's fault."""
    os.sched_setaffinity(0, {core})  # of this thread
    own = Own(Path(f"/proc/self/task/{threading.get_native_id()}"))
    began = own()
    while not stop.wait(0.01):
        woken = own()
        seen["hiccup"] = max(seen["hiccup"], woken - began - 0.01)
        began = woken


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
        stop, seen = threading.Event(), {"worst": 0.0, "hiccup": 0.0, "done": 0, "failed": 0}
        port, pid = map(int, line.split())
        sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        seen["failed"] += not ask(sock)  # from now on it is served, and does not wait to be accepted
        others = [Path(f"/proc/{pid}/task/{pid}"), *Path("/proc/self/task").iterdir()]  # those that doze come later
        threads = [threading.Thread(target=watch, args=(sock, others, stop, seen))]
        threads += [threading.Thread(target=doze, args=(core, stop, seen)) for core in os.sched_getaffinity(0)]
        for thread in threads:
            thread.start()
        print("watching", flush=True)
        sys.stdin.readline()
        stop.set()
        for thread in threads:
            thread.join()
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
