"""CPU a request with 100,000 routes against 10: `python bench/many_routes.py [ROUTES] [ROUNDS] [REQUESTS A ROUND]`.

Two gateways in one run, in turn on the same core, requests spread over all hosts (so nothing that was matched before
helps the one with many); least of all rounds. Also the time from the start of the process until 100,000 routes, in a
file store of 1,000 a file, are in force.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from load import GatewayProcess, LoadLoop, Subject, compare, cores, pin, rss, spent, write_documents

A_FILE = 1000
#: Over which one request's host is another one's neighbour: coprime to any number of routes that people choose.
STRIDE = 7919
SERVICES = 10
ROUTE = """name: r{0}
hosts: [r{0}.example.com]
namespace: n
services:
- name: s{1}
  port: 80
  paths:
  - uri: /
"""


def hosts(routes: int) -> list[bytes]:
    return [b"r%d.example.com" % (number * STRIDE % routes) for number in range(routes)]


def gateway(directory: Path, routes: int, address: str) -> GatewayProcess:
    """A gateway with so many routes, ready."""
    store = directory / "routes"
    for first in range(0, routes, A_FILE):
        texts = [ROUTE.format(number, number % SERVICES) for number in range(first, min(first + A_FILE, routes))]
        write_documents(store, "---\n".join(texts), f"{first:06d}.yaml")
    write_documents(store, [{"upstreams": {f"n/s{number}:80": [address] for number in range(SERVICES)}}], "up.yaml")
    began = time.monotonic()
    process = GatewayProcess(directory, [], {"refresh": 1, "access_log": None}, wait=False)
    process.wait_ready(120)
    took = time.monotonic() - began
    here, children = spent(process.popen.pid)
    print(
        f"{routes:>7} routes: {took:5.1f} s from the start of the process to ready (CPU: {here:.1f} s, children that"
        f" parse {children:.1f} s; load of the machine {os.getloadavg()[0]:.1f}); {rss(process.popen.pid):.0f} MiB"
    )
    return process


def main(routes: str = "100000", rounds: str = "6", requests: str = "20000") -> None:
    here, there = cores()
    with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root, LoadLoop() as loop:
        address = loop.origin()
        subjects = []
        try:
            for count in (10, int(routes)):
                directory = Path(root) / str(count)
                subjects.append(Subject(f"{count} routes", gateway(directory, count, address), hosts(count)))
            for subject in subjects:
                subject.settle(here)
            pin(os.getpid(), there)
            compare(loop, subjects[0], subjects[1], int(rounds), int(requests), 1.2)
        finally:
            for subject in subjects:
                subject.gateway.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
