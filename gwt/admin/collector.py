"""Collector: fills the metrics that nothing has to count because it is known already: read off, not added up.

`publish` is cheap and runs once a second, so that other workers' scrapes see figures of now; `survey` looks at every
endpoint and document, in slices, and runs when somebody scrapes.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterator

import twisted
from gwt import __version__
from gwt.admin.observed import Observed
from gwt.admin.peers import Heard
from gwt.admin.survey import Surveys
from gwt.admin.tally import Tally
from gwt.admin.watched import Dialled
from gwt.steps import Steps

#: Buckets for the time that a change takes to come into force.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MICRO = 1_000_000


class Collector:
    """The figures of one process. `dialled` counts connections to endpoints."""

    def __init__(self, observed: Observed, dialled: Dialled, reactor_name: str) -> None:
        self._observed, self._dialled = observed, dialled
        self.surveys = Surveys()
        metrics = observed.meters.metrics
        self._tally = Tally(observed.meters, observed.clock)
        gauge, counter = metrics.gauge, metrics.counter
        self._active = gauge("gwt_requests_active", "Requests on their way to an endpoint or back.")
        self._retries = counter("gwt_retries_total", "Further tries of requests that an endpoint did not answer.")
        self._connects = counter("gwt_upstream_connects_total", "Connections opened to endpoints.")
        self._reuses = counter("gwt_upstream_reuses_total", "Tries on a connection that was kept alive.")
        self._age = gauge("gwt_snapshot_age_seconds", "Seconds for which the snapshot has been in force.", "max", 1000)
        self._failing = gauge(
            "gwt_store_failing_seconds", "Seconds for which the store could not be read; 0 while it can.", "max", 1000
        )
        self._workers = gauge("gwt_workers", "Processes that serve.")
        self._ready = gauge("gwt_workers_ready", "Processes that take new traffic.")
        self._routes = gauge("gwt_routes", "Routes in force.", "max")
        self._upstreams = gauge("gwt_upstreams", "Services that are known.", "max")
        self._endpoints = gauge("gwt_endpoints", "Endpoints that are known.", "max")
        self._endpoints_ready = gauge("gwt_endpoints_ready", "Endpoints that are ready.", "max")
        self._problems = {
            severity: gauge("gwt_problems", "Problems in documents.", "max", severity=severity)
            for severity in ("error", "warning")
        }
        self.refresh_seconds = metrics.histogram(
            "gwt_refresh_duration_seconds", "From a change that was read to its coming into force.", SECONDS
        )
        self._cpu = counter("gwt_process_cpu_seconds_total", "Processor time of the processes that serve.", MICRO)
        self._memory = gauge("gwt_process_resident_memory_bytes", "Memory of the processes that serve.")
        self._descriptors = gauge("gwt_process_open_fds", "Descriptors that are open in the processes that serve.")
        self._began(reactor_name)

    def _began(self, reactor_name: str) -> None:
        gauge = self._observed.meters.metrics.gauge
        info = gauge(
            "gwt_build_info", "1, and what runs here.", "max",
            version=__version__, python=platform.python_version(), twisted=twisted.__version__, reactor=reactor_name,
        )  # fmt: skip
        info.set(1)
        gauge("gwt_start_time_seconds", "When the oldest worker began.", "min").set(int(time.time()))
        self._workers.set(1)

    def publish(self) -> None:
        """What can be read off at once."""
        observed, meters = self._observed, self._observed.meters
        factories, health, now = observed.factories.values(), observed.health, observed.clock()
        meters.connections_active.set(sum(factory.connections for factory in factories))
        _set(meters.connections_accepted, sum(factory.accepted for factory in factories))
        _set(meters.connections_refused, sum(factory.refused for factory in factories))
        _set(meters.http2_accepted, sum(factory.framed for factory in factories))
        _set(meters.http2_calmed, sum(factory.calmed for factory in factories))
        self._active.set(observed.proxy.live)
        _set(self._retries, observed.proxy.retries)
        _set(self._connects, self._dialled.connects)
        self._ready.set(health.serving)
        if health.refreshed_at is not None:
            self._age.set(int((now - health.refreshed_at) * 1000))
        self._failing.set(0 if health.failing_since is None else int((now - health.failing_since) * 1000))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _set(self._cpu, int((usage.ru_utime + usage.ru_stime) * MICRO))

    def survey(self) -> Steps[None]:
        """What takes a look at everything, and then `publish`."""
        snapshot = self._observed.current.snapshot
        survey = yield from self.surveys.get(snapshot)
        self._observed.meters.quarantined(survey.quarantined)
        self._problems["error"].set(survey.errors)
        self._problems["warning"].set(survey.warnings)
        self._routes.set(len(snapshot.book.branches) - len(survey.closed))
        tally = self._tally
        yield from tally.take(snapshot.upstreams)
        self._upstreams.set(tally.upstreams)
        self._endpoints.set(tally.endpoints)
        self._endpoints_ready.set(tally.ready)
        self._memory.set(_resident())
        self._descriptors.set(_open())
        self.publish()
        # Tries are added up after connections have been opened for some of them: never less than before.
        _set(self._reuses, max(self._reuses.value, tally.tries - self._dialled.connects))


def answered_gauge(heard: Heard) -> Iterator[str]:
    """The gauge that belongs to one scrape alone: it is of no process, so it is not kept but written behind them."""
    name = "gwt_workers_answered"
    yield f"# HELP {name} Processes whose figures of now are in this answer.\n# TYPE {name} gauge\n"
    yield f"{name} {1 + heard.answered}\n"


def _set(counter: object, value: int) -> None:
    counter.cells[counter.index] = value  # type: ignore[attr-defined]


def _resident() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _open() -> int:
    try:
        return len(os.listdir("/proc/self/fd")) - 1
    except OSError:
        return 0
