"""The memory of a worker: `python bench/memory.py [SERVICES] [ENDPOINTS A SERVICE]`.

5,000 services of 10 endpoints each, one document and one file a service with a Route for each, in a gateway of one
process and in one of two workers; then all endpoints of a tenth of the services change. RSS is what a process has in
memory, PSS its part of what it shares.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from load import GatewayProcess, connections, members, pss, rss, write_documents
from system.harness import get, poll
from system.raw import connect

DOCUMENT = """hosts: [h{0}.example.com]
services:
- {{name: s{0}, port: 80, namespace: ns, paths: [{{uri: /}}]}}
---
upstreams:
  ns/s{0}:80:
"""


def write(store: Path, number: int, endpoints: int, generation: int) -> None:
    """The file of one service, with addresses of this generation."""
    first = number * endpoints
    addresses = [f"10.{first + one >> 14 & 127 | generation << 7}.{first + one >> 7 & 127}.{first + one & 127}"
                 for one in range(endpoints)]  # fmt: skip
    text = DOCUMENT.format(number) + "".join(f"  - {address}:80\n" for address in addresses)
    write_documents(store, text, f"s{number}.yaml")


def serving(gateway: GatewayProcess) -> list[int]:
    """The processes that serve: those that a client can be connected to."""
    found: set[int] = set()
    clients = [connect(gateway.proxy) for _ in range(40)]
    for pid in members(gateway.popen.pid):
        if connections(pid, gateway.proxy):
            found.add(pid)
    for client in clients:
        client.close()
    return sorted(found)


def known(gateway: GatewayProcess) -> int:
    """The revision in force everywhere."""
    text = get(gateway.admin, "/metrics").body.decode()
    return int(next(line for line in text.splitlines() if line.startswith("gwt_snapshot_revision")).split()[-1])


def show(what: str, pids: list[int]) -> float:
    most = max(rss(pid) for pid in pids)
    shown = ", ".join(f"{rss(pid):.0f} ({pss(pid):.0f})" for pid in pids)
    print(f"{what:>30}  RSS (PSS) of each process that serves, MiB: {shown}")
    return most


def measure(root: Path, workers: int, services: int, endpoints: int) -> float:
    store = root / "routes"
    for number in range(services):
        write(store, number, endpoints, 0)
    gateway = GatewayProcess(root, [], {"workers": workers, "access_log": None}, wait=False)
    with gateway:
        gateway.wait_ready(120)
        pids = poll(lambda: found if len(found := serving(gateway)) == workers else None)
        most = show(f"workers: {workers}, loaded", pids)
        before = known(gateway)
        for number in range(0, services, 10):
            write(store, number, endpoints, 1)
        poll(lambda: known(gateway) > before)
        most = max(most, show("after a tenth has changed", pids))
        gateway.stop()
    return most


def main(services: str = "5000", endpoints: str = "10") -> None:
    most = 0.0
    for workers in (1, 2):
        with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root:
            most = max(most, measure(Path(root), workers, int(services), int(endpoints)))
    print(f"{services} services of {endpoints} endpoints: {most:.0f} MiB at most (at most 200)")


if __name__ == "__main__":
    main(*sys.argv[1:])
