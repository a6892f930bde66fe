"""The tests' load, elsewhere: what it measures is the gateway, not who else runs where it runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from remote import PATIENCE, Remote
from system.load import LoadLoop, Report


class Loading(LoadLoop):
    """Load that begins and ends when it is told to."""

    def __enter__(self) -> Loading:
        super().__enter__()
        return self

    def begin(self, *arguments: Any) -> None:
        """Go on until `end`: it has the report."""
        self._over, self._reports = threading.Event(), list[Report]()
        self._work = threading.Thread(target=self._until_over, args=arguments, daemon=True)
        self._work.start()

    def _until_over(self, port: int, hosts: Sequence[bytes], rate: float, clients: int) -> None:
        self._reports.append(self.run(port, hosts, 0, clients, 600, until=self._over, rate=rate))

    def end(self) -> Report:
        self._over.set()
        self._work.join(PATIENCE / 2)
        return self._reports[0]

    def first(self, core: int) -> None:
        """Run on `core` from now on, before whatever else does, where that is allowed."""
        os.sched_setaffinity(0, {core})
        self.pin(core)
        with suppress(PermissionError):
            assert self._thread.native_id is not None
            os.sched_setscheduler(self._thread.native_id, os.SCHED_FIFO, os.sched_param(1))


class LoadProcess(Remote):
    """Has those methods of `Loading` that are named here. `with` ends it."""

    def __init__(self) -> None:
        super().__init__(Loading)

    def look_at(self, pid: int) -> None:
        """Reports tell from now on what this process did between a request and its answer."""
        self.ask("look_at", pid)

    def origin(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """The address of one more origin."""
        found: str = self.ask("origin", host, port)
        return found

    def retire(self, address: str) -> None:
        """An origin ends: it refuses connections, and closes those that it has."""
        self.ask("retire", address)

    def run(
        self, port: int, hosts: Sequence[bytes], total: int, rate: float | None = None, clients: int = 64
    ) -> Report:
        """Send `total` requests, `rate` a second at most."""
        report: Report = self.ask("run", port, hosts, total, clients, 120.0, None, rate, patience=180.0)
        return report

    def begin(self, port: int, hosts: Sequence[bytes], rate: float, clients: int = 64) -> None:
        """Send `rate` requests a second until `end`."""
        self.ask("begin", port, hosts, rate, clients)

    def end(self) -> Report:
        report: Report = self.ask("end")
        return report

    def first(self, core: int) -> None:
        """Run on `core` from now on, before whatever else does, where that is allowed."""
        self.ask("first", core)
