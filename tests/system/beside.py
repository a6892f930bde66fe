"""The well-behaved client of `system.raw.GoodClient`, and its upstream: run as a child, told what to do by its input.

A line with a port begins to ask the gateway there; another line ends it, and is answered by a line of JSON.
"""

from __future__ import annotations

import json
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


def watch(port: int, stop: threading.Event, seen: dict[str, float]) -> None:
    sock = socket.create_connection(("127.0.0.1", port), timeout=5)
    while not stop.is_set():
        began = time.monotonic()
        stop.wait(0.02)
        woken = time.monotonic()
        good = ask(sock)
        seen["hiccup"] = max(seen["hiccup"], woken - began - 0.02)
        seen["worst"] = max(seen["worst"], time.monotonic() - woken)
        seen["done"] += 1
        seen["failed"] += not good
    sock.close()


def main() -> None:
    server = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    print(f"upstream 127.0.0.1:{server.getsockname()[1]}", flush=True)
    for line in sys.stdin:
        stop, seen = threading.Event(), {"worst": 0.0, "hiccup": 0.0, "done": 0, "failed": 0}
        thread = threading.Thread(target=watch, args=(int(line), stop, seen))
        thread.start()
        sys.stdin.readline()
        stop.set()
        thread.join()
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
