"""CPU a request with `workers: 2` against one: `python bench/workers.py [ROUNDS] [REQUESTS A ROUND] [pinned]`.

Two gateways in one run, in turn; the CPU is that of all processes of each, supervisor and spare included; least of all
rounds. The workers may use every core, as they would; `pinned`: both gateways have one core. Also how 64 connections
spread over two workers, 20 times.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from load import GatewayProcess, LoadLoop, Subject, compare, connections, cores, members, pin
from system.harness import simple_route
from system.raw import connect

CLIENTS = 64
HOSTS = [b"foo.example.com"]


def gateway(directory: Path, address: str, workers: int) -> GatewayProcess:
    return GatewayProcess(directory, simple_route(address), {"workers": workers, "access_log": None})


def spread(process: GatewayProcess) -> list[int]:
    """How many of 64 connections that are open at the same time each worker has, sorted."""
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            sock = stack.enter_context(connect(process.proxy))
            sock.sendall(b"GET / HTTP/1.1\r\nHost: foo.example.com\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        counts = [connections(pid, process.proxy) for pid in members(process.popen.pid)]
    return sorted(count for count in counts if count)


def main(rounds: str = "8", requests: str = "20000", pinned: str = "") -> None:
    here, there = cores()
    with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root, LoadLoop() as loop:
        address = loop.origin()
        with gateway(Path(root) / "1", address, 1) as one, gateway(Path(root) / "2", address, 2) as two:
            subjects = [Subject("workers: 1", one, HOSTS), Subject("workers: 2", two, HOSTS)]
            if pinned:
                pin(os.getpid(), there)
                for subject in subjects:
                    subject.settle(here)
            seen = Counter(tuple(spread(two)) for _ in range(20))
            compare(loop, subjects[0], subjects[1], int(rounds), int(requests), 1.1)
            worst = max(max(counts) for counts in seen) / CLIENTS
            shown = ", ".join("+".join(map(str, counts)) for counts in sorted(seen))
            print(f"{CLIENTS} connections, 20 times: {shown}: {worst:.0%} at most (at most 65 %)")
            for subject in subjects:
                subject.gateway.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
