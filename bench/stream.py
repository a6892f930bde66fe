"""CPU that a GiB of a stream costs, and a connection, beside nginx stream: `python bench/stream.py --nginx MODULE`.

Client and upstream are one process of their own; the gateway (uvloop and epoll) and nginx are charged for what they use
between the first byte and the last. `--nginx` is the path of ngx_stream_module.so where nginx has it as a module.
Both directions are sent one after the other over `--connections` connections.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from load import GatewayProcess
from system.harness import free_port, poll

GIB = 1 << 30
CHUNK = bytes(1 << 20)
NGINX = """\
{load}daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{upstream}; proxy_half_close on; }} }}
"""


class Upstream:
    """Takes what comes, or sends as much as its client's first eight bytes say."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = connection.recv(8, socket.MSG_WAITALL)
            if len(head) == 8:
                send(connection, int.from_bytes(head))
                connection.shutdown(socket.SHUT_WR)
                drain(connection)


def send(connection: socket.socket, size: int) -> None:
    view = memoryview(CHUNK)
    while size > 0:
        size -= connection.send(view[: min(size, len(CHUNK))])


def drain(connection: socket.socket) -> int:
    buffer, taken = bytearray(1 << 20), 0
    while size := connection.recv_into(buffer):
        taken += size
    return taken


def transfer(port: int, up: int, down: int) -> None:
    """So many bytes to the upstream, so many back."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(down.to_bytes(8))
        if not down:
            send(connection, up)
        connection.shutdown(socket.SHUT_WR)
        assert drain(connection) == down


def at_once(port: int, connections: int, up: int, down: int) -> None:
    workers = [threading.Thread(target=transfer, args=(port, up, down)) for _ in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def cpu(pid: int) -> float:
    """Seconds of user and system time of a process and its children that live."""
    total = 0.0
    for one in [pid, *children(pid)]:
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def gateway(reactor: str, upstream: int) -> Iterator[tuple[int, int]]:
    """Port and process id."""
    port = free_port()
    documents = [{"stream": "tcp", "services": [{"upstream": "up"}]}, {"upstreams": {"up": [f"127.0.0.1:{upstream}"]}}]
    listeners = {"proxy": None, "admin": None, "stream": {"tcp": f"tcp:{port}:interface=127.0.0.1"}}
    with tempfile.TemporaryDirectory() as directory:
        with GatewayProcess(Path(directory), documents, {"listeners": listeners}, reactor=reactor) as process:
            yield port, process.popen.pid


@contextmanager
def nginx(module: str, upstream: int) -> Iterator[tuple[int, int]]:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        load = f"load_module {module};\n" if module else ""
        file = Path(directory) / "nginx.conf"
        file.write_text(NGINX.format(load=load, directory=directory, port=port, upstream=upstream))
        process = subprocess.Popen(["nginx", "-c", str(file), "-p", directory], stderr=subprocess.DEVNULL)
        try:
            poll(lambda: reachable(port))
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def measured(port: int, pid: int, gib: float, connections: int) -> dict[str, float]:
    """CPU seconds a GiB each way, and milliseconds a short connection."""
    share = int(gib * GIB) // connections
    at_once(port, connections, share // 16, 0)
    result = {}
    for name, up, down in (("to the upstream", share, 0), ("to the client", 0, share)):
        before, began = cpu(pid), time.monotonic()
        at_once(port, connections, up, down)
        result[f"s a GiB {name}"] = (cpu(pid) - before) / gib
        result[f"GiB/s {name}"] = gib / (time.monotonic() - began)
    before = cpu(pid)
    for _ in range(100):
        at_once(port, 10, 100, 0)
    result["ms a connection"] = cpu(pid) - before
    return {key: round(value, 3) for key, value in result.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--nginx", default="")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    upstream = Upstream()
    subjects = [("gwt uvloop", gateway("uvloop", upstream.port)), ("gwt epoll", gateway("epoll", upstream.port))]
    if shutil.which("nginx"):
        subjects.insert(0, ("nginx stream", nginx(arguments.nginx, upstream.port)))
    for name, subject in subjects:
        if arguments.only not in name:
            continue
        with subject as (port, pid):
            for _ in range(arguments.rounds):
                print(f"{name:14}", json.dumps(measured(port, pid, arguments.gib, arguments.connections)), flush=True)


if __name__ == "__main__":
    main()
