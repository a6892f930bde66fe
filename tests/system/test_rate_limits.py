"""`rate_limits` in a real gateway, over real sockets: over all workers, through edits and reloads, and what is told."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from limiter.cluster import Asked, needless, sure_excess
from system.harness import GatewayProcess, Origin, get, poll, simple_route
from system.test_supervised import children

HOST = "foo.example.com"


class Client(threading.Thread):
    """Asks again and again, each time on a new connection: whichever worker takes it. `asked` by status."""

    def __init__(self, port: int, until: float, pause: float) -> None:
        super().__init__()
        self.port, self.until, self.pause = port, until, pause
        self.asked: dict[int, list[Asked]] = {}
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            while time.monotonic() < self.until:
                self._ask()
                time.sleep(self.pause)
        except BaseException as error:
            self.error = error

    def _ask(self) -> None:
        began = time.monotonic()
        answer = get(self.port, "/", host=HOST)
        self.asked.setdefault(answer.status, []).append((began, time.monotonic()))
        assert answer.status == 200 or int(answer.headers["retry-after"]) >= 1


def offered(port: int, seconds: float, clients: int = 4, pause: float = 0.005) -> dict[int, list[Asked]]:
    """What was asked, by status."""
    until = time.monotonic() + seconds
    threads = [Client(port, until, pause) for _ in range(clients)]
    for one in threads:
        one.join()
    assert [one.error for one in threads if one.error] == []
    statuses = set().union(*(one.asked for one in threads))
    return {status: [asked for one in threads for asked in one.asked.get(status, [])] for status in statuses}


def limited(address: str, *limits: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return simple_route(address, access={"rate_limits": list(limits)})


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("rate", "burst"), [(2, 3), (60, 10)])
def test_all_workers_keep_one_limit(tmp_path: Path, workers: int, rate: int, burst: int) -> None:
    with Origin() as origin:
        documents = limited(origin.address, {"rate": rate, "burst": burst, "selectors": ["ip"]})
        with GatewayProcess(tmp_path, documents, {"workers": workers}) as gateway:
            asked = offered(gateway.proxy, 3.0)
    assert set(asked) == {200, 429}
    assert sure_excess(asked[200], rate) <= burst + 1
    assert needless(asked[429], asked[200], rate, burst) == []


class Visitor:
    """Asks one by one, and remembers what was let through."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.passed: list[Asked] = []

    def ask(self) -> bool:
        """Whether one more request is let through."""
        began = time.monotonic()
        passed = get(self.port, "/", host=HOST).status == 200
        if passed:
            self.passed.append((began, time.monotonic()))
        return passed

    def use_up(self, until: int) -> None:
        """Ask until so many were let through in all, and then until one is refused."""
        poll(lambda: self.ask() and len(self.passed) >= until, step=0.0)
        while self.ask():
            pass


def test_edits_reloads_and_dying_workers_neither_reset_a_limit_nor_shut_it(tmp_path: Path) -> None:
    limit = {"rate": 1, "burst": 30}
    with Origin() as origin:
        documents = limited(origin.address, limit)
        with GatewayProcess(tmp_path, documents, {"workers": 2, "drain": 1}) as gateway:
            visitor = Visitor(gateway.proxy)
            visitor.use_up(31)
            gateway.write(
                limited(origin.address, {"rate": 1000, "burst": 9, "selectors": ["ip"]}, {**limit, "burst": 50})
            )
            visitor.use_up(51)
            for worker in children(gateway):
                os.kill(worker, signal.SIGKILL)
            poll(lambda: get(gateway.proxy, "/", host=HOST).status == 429)
            said = len(gateway.lines)
            gateway.configure({"drain": 2})
            gateway.signal(signal.SIGHUP)
            gateway.wait_line("is in force", said)
            visitor.use_up(len(visitor.passed) + 1)
    assert sure_excess(visitor.passed, 1) <= 51


def test_a_worker_alone_keeps_its_limits_over_a_reload(tmp_path: Path) -> None:
    with Origin() as origin, GatewayProcess(tmp_path, limited(origin.address, {"rate": 1, "burst": 20})) as gateway:
        visitor = Visitor(gateway.proxy)
        visitor.use_up(21)
        said = len(gateway.lines)
        gateway.configure({"access": {"timeout": 7}})
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force", said)
        visitor.use_up(len(visitor.passed) + 1)
    assert sure_excess(visitor.passed, 1) <= 21


def test_what_is_said_of_a_limit(tmp_path: Path) -> None:
    with Origin() as origin:
        documents = limited(origin.address, {"rate": 0, "selectors": ["ip"]}, {"rate": 5, "selectors": ["user"]})
        with GatewayProcess(tmp_path, documents) as gateway:
            answer = get(gateway.proxy, "/", host=HOST)
            assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (429, "rate_limit", "86400")
            told = get(gateway.admin, f"/v1/explain?url=http://{HOST}/").json()
            assert gateway.stop() == 0
            assert '"code":"rate_limit"' in "".join(gateway.log_lines()).replace(" ", "")
    limits = [one for one in told["winner"]["plugins"] if one["name"] == "rate_limits"]
    assert [(one["priority"], one["state"]) for one in limits] == [(2900, "runs"), (1001, "runs")]
    assert all("path / (routes.yaml" in one["set_by"] for one in limits)
