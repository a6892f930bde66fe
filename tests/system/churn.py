"""Documents that change all the time: routes and upstreams in turn, each swapped in whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from system.harness import GatewayProcess

HOSTS = [b"foo.example.com", b"bar.example.com", b"foo-test.example.com"]
BALANCES = ["round_robin", "least_conn", "p2c"]


def routes(generation: int) -> list[dict[str, Any]]:
    """A route that keeps sending everything to the same service, by other paths, balancing and limits."""
    balance = BALANCES[generation % len(BALANCES)]
    paths: list[dict[str, Any]] = [{"uri": "/", "access": {"timeout": 20 + generation % 7}}]
    if generation % 2:
        paths.insert(0, {"uri": "/echo"})
    service = {"name": "foo-service", "port": 8080, "namespace": "foo", "balance": balance, "paths": paths}
    return [
        {"name": "changing", "hosts": ["foo.example.com", "foo-test.example.com"], "services": [service]},
        {"name": f"turn-{generation % 2}", "hosts": ["bar.example.com"], "services": [service]},
    ]


def upstreams(addresses: Sequence[str], generation: int) -> list[dict[str, Any]]:
    """All but one of `addresses`, another one each time."""
    gone = generation % len(addresses)
    return [{"upstreams": {"foo/foo-service:8080": [*addresses[:gone], *addresses[gone + 1 :]]}}]


class Churn:
    """Changes the documents of `gateway` every `interval` seconds, from a thread; `changes` counts. `with` ends it."""

    def __init__(self, gateway: GatewayProcess, addresses: Sequence[str], interval: float = 0.1) -> None:
        self._gateway, self._addresses, self._interval = gateway, addresses, interval
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.changes = 0
        self._error: BaseException | None = None

    def write(self, number: int) -> None:
        """Change `number`."""
        if number % 2:
            self._gateway.write(upstreams(self._addresses, number // 2), "upstreams.yaml")
        else:
            self._gateway.write(routes(number // 2))

    def _run(self) -> None:
        try:
            while not self._over.wait(self._interval):
                self.changes += 1
                self.write(self.changes)
        except BaseException as error:
            self._error = error

    def __enter__(self) -> Churn:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error


def revisions(gateway: GatewayProcess) -> int:
    """How many different revisions have answered requests, by the access log."""
    return len({json.loads(line)["revision"] for line in gateway.log_lines()})
