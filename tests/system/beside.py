"""The well-behaved client of `system.raw.GoodClient`, and its upstream: run as a child, told what to do by its input.

A line with a port begins to ask the gateway there, and is answered once it is connected; another line ends it, and is
answered by a line of JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time

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


def watch(sock: socket.socket, stop: threading.Event, seen: dict[str, float]) -> None:
    while not stop.wait(0.02):
        began = time.monotonic()
        good = ask(sock)
        seen["worst"] = max(seen["worst"], time.monotonic() - began)
        seen["done"] += 1
        seen["failed"] += not good
    sock.close()


def doze(core: int, stop: threading.Event, seen: dict[str, float]) -> None:
    """How late is one woken on this core? A machine that stands still, or is overrun, is not the gateway's fault."""
    os.sched_setaffinity(0, {core})  # of this thread
    began = time.monotonic()
    while not stop.wait(0.01):
        woken = time.monotonic()
        seen["hiccup"] = max(seen["hiccup"], woken - began - 0.01)
        began = woken


def main() -> None:
    server = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    print(f"upstream 127.0.0.1:{server.getsockname()[1]}", flush=True)
    for line in sys.stdin:
        stop, seen = threading.Event(), {"worst": 0.0, "hiccup": 0.0, "done": 0, "failed": 0}
        sock = socket.create_connection(("127.0.0.1", int(line)), timeout=5)
        seen["failed"] += not ask(sock)  # from now on it is served, and does not wait to be accepted
        threads = [threading.Thread(target=watch, args=(sock, stop, seen))]
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
