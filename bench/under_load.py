"""Requests that fail while everything changes: `python bench/under_load.py [REQUESTS] [CHANGES A SECOND]`.

100,000 requests of 64 clients on kept connections, with one worker and with two, while routes and upstreams change in
turn ten times a second and gateway.yaml three times, each time with SIGHUP. Every answer is checked; the access log
shows how many revisions were in force meanwhile.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from pathlib import Path

from load import GatewayProcess, LoadLoop
from system.churn import HOSTS, Churn, revisions, routes, upstreams
from system.load import Report

RELOADS = 3


class Reloads:
    """SIGHUP with another gateway.yaml each time a quarter of the requests has been sent, from a thread."""

    def __init__(self, gateway: GatewayProcess, loop: LoadLoop, requests: int) -> None:
        self._gateway, self._loop, self._requests = gateway, loop, requests
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done = 0
        self.over = threading.Event()
        self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        for number in range(RELOADS):
            while self._loop.sent < self._requests * (number + 1) // (RELOADS + 1):
                pause.wait(0.05)
            seen = len(self._gateway.lines)
            self._gateway.configure({"access": {"timeout": 30 + number}})
            self._gateway.signal(signal.SIGHUP)
            self._gateway.wait_line("is in force", start=seen)
            self.done += 1
        self.over.set()


def run(workers: int, requests: int, changes: float) -> Report:
    with tempfile.TemporaryDirectory(prefix="gwt-bench-") as root, LoadLoop() as loop:
        addresses = [loop.origin() for _ in range(3)]
        gateway = GatewayProcess(Path(root), [], {"workers": workers, "drain": 10}, wait=False)
        with gateway:
            gateway.write(routes(0))
            gateway.write(upstreams(addresses, 0), "upstreams.yaml")
            gateway.wait_ready()
            with Churn(gateway, addresses, 1 / changes) as churn:
                reloads = Reloads(gateway, loop, requests)
                report = loop.run(gateway.proxy, HOSTS, requests, until=reloads.over, timeout=240)
            print(
                f"{workers:>7} {report.sent:>9} {report.failed.total():>7} {report.seconds:>8.1f} {churn.changes:>8}"
                f" {revisions(gateway):>10} {reloads.done:>7} {report.connections:>12} {report.worst * 1e3:>10.0f}"
            )
            for reason, count in report.failed.most_common():
                print(f"    {count} x {reason}")
            gateway.stop()
            return report


def main(requests: str = "100000", changes: str = "10") -> None:
    print("workers  requests  failed  seconds  changes  revisions  SIGHUPs  connections  worst (ms)")
    for workers in (1, 2):
        run(workers, int(requests), float(changes))


if __name__ == "__main__":
    main(*sys.argv[1:])
