"""A gateway of several processes: this one binds and supervises, its children serve."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from gwt import startup
from gwt.configuration import Configuration, load
from gwt.metrics import Meters, Metrics, fold
from gwt.process.common import Reloads, announce, check_certificates, log, wanted, worker_count
from gwt.sockets import Binder, bind
from gwt.supervisor import Plan, Supervisor
from gwt.workers import Assignment, WorkerDied
from gwt.zones.arena import Memory


class Supervised:
    """A process that keeps workers."""

    def __init__(self, reactor: Any, configuration: Configuration, binder: Binder, log_format: str) -> None:
        self._reactor, self._began = reactor, time.monotonic()
        self._configuration, self._binder, self._log_format = configuration, binder, log_format
        self._metrics_directory = tempfile.mkdtemp(prefix="gwt-", dir=_shared_memory())
        self._memory = Memory.make()
        self._tickets = secrets.token_hex(32)
        self._meters = Meters(Metrics.shared(self._metrics_directory))
        self.supervisor = Supervisor(reactor, binder, self._plan(configuration))
        self.supervisor.on_restart = self._restarted
        self._reloads = Reloads(self._reload)

    def _plan(self, configuration: Configuration) -> Plan:
        settings = configuration.settings
        assignment = Assignment(
            index=0,
            config=str(configuration.path or ""),
            text=configuration.text,
            metrics=self._metrics_directory,
            log_format=self._log_format,
            tickets=self._tickets,
        )
        return Plan(
            count=worker_count(configuration),
            assignment=assignment,
            memory=self._memory,
            drain=settings.drain,
            drain_delay=settings.drain_delay,
            reactor=reactor_module(self._reactor),
            systemd=_systemd_count(),
        )

    @inlineCallbacks
    def start(self) -> Any:
        """Start the workers, and say so when all are ready."""
        try:
            reports = yield self.supervisor.start()
        except WorkerDied:
            self.supervisor.stopping = True
            self.supervisor.kill()
            raise
        first = reports[0]
        figures = startup.Figures(**first["figures"])
        count = self.supervisor.plan.count
        announce(self._configuration, first["listeners"], figures, self._reactor, self._began, count)

    def _restarted(self) -> None:
        self._meters.worker_restarted()
        fold(self._metrics_directory)

    def drain(self) -> Deferred[Any]:
        log.info("stopping {n} workers", n=len(self.supervisor.workers))
        return self.supervisor.drain()

    def hurry(self) -> None:
        self.supervisor.kill()

    def stop(self) -> Deferred[Any]:
        self.supervisor.kill()
        shutil.rmtree(self._metrics_directory, ignore_errors=True)
        os.close(self._memory.descriptor)
        return succeed(None)

    def reload(self) -> None:
        self._reloads.ask()

    @inlineCallbacks
    def _reload(self) -> Any:
        configuration = load(self._configuration.path)
        check_certificates(configuration)
        before = set(self._binder.held)
        shares, self._binder.shares = self._binder.shares, worker_count(configuration)
        try:
            keys = [key for role, texts in wanted(configuration).items() for text in texts
                    for key in bind(self._binder, role, text)]  # fmt: skip
            yield self.supervisor.replace(self._plan(configuration))
        except Exception:
            self._binder.shares = shares
            self._binder.keep(before)
            raise
        if self.supervisor.stopping:
            return
        self._configuration = configuration
        self._binder.keep(keys)
        log.info("{file} is in force in {n} workers", file=configuration.describe(), n=len(self.supervisor.slots))


def _shared_memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 (mkdtemp makes it ours alone)


def _systemd_count() -> int:
    """How many descriptors systemd has handed to this process."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return 0
    return int(os.environ.get("LISTEN_FDS") or 0)


def reactor_module(reactor: Any) -> str:
    """The module whose `install` makes a reactor like this one."""
    module = type(reactor).__module__
    return "gwt.reactor" if module.startswith("gwt.reactor") else module
