"""Nothing is lost while documents change ten times a second and gateway.yaml is read again three times."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
from system.churn import HOSTS, Churn, revisions, routes, upstreams
from system.harness import GatewayProcess, poll
from system.load import LoadLoop

REQUESTS = 10_000
RELOADS = 3
CHANGES = 3


def reload_in_turn(gateway: GatewayProcess, churn: Churn, over: threading.Event) -> None:
    """SIGHUP after SIGHUP, each with another gateway.yaml and after the one before is in force.

    `over` once documents have changed as often, and requests were answered by the changed ones.
    """
    try:
        for number in range(RELOADS):
            seen = len(gateway.lines)
            gateway.configure({"access": {"timeout": 30 + number}})
            gateway.signal(signal.SIGHUP)
            gateway.wait_line("is in force", start=seen)
        poll(lambda: churn.changes >= CHANGES and revisions(gateway) >= CHANGES, step=0.1)
    finally:
        over.set()


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_while_everything_changes(tmp_path: Path, workers: int) -> None:
    with LoadLoop() as loop:
        addresses = [loop.origin() for _ in range(3)]
        documents = [*routes(0), *upstreams(addresses, 0)]
        with GatewayProcess(tmp_path, [], {"workers": workers, "drain": 10}, wait=False) as gateway:
            gateway.write(documents[:2])
            gateway.write(documents[2:], "upstreams.yaml")
            gateway.wait_ready()
            over = threading.Event()
            with Churn(gateway, addresses) as churn:
                reloader = threading.Thread(target=reload_in_turn, args=(gateway, churn, over))
                reloader.start()
                report = loop.run(gateway.proxy, HOSTS, REQUESTS, until=over)
            reloader.join()
            assert not report.failed, report
            assert report.done == report.sent >= REQUESTS
            assert sum("is in force" in line for line in gateway.lines) == RELOADS
            assert churn.changes >= CHANGES
            assert revisions(gateway) >= CHANGES
            assert gateway.stop() == 0
