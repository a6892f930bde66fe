"""Lag: how late the event loop comes to what is due."""

from __future__ import annotations

from typing import Any

from gwt.metrics import Metrics

#: Seconds between two looks: a stall longer than this is always seen, a shorter one often.
EVERY = 0.05
#: Looks that make up one figure: the worst of a second.
LOOKS = 20
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Lag:
    """Sets `gwt_event_loop_lag_seconds` once a second and counts it in a histogram, so that no scrape misses one."""

    def __init__(self, clock: Any, metrics: Metrics) -> None:
        """`clock` is IReactorTime."""
        self._clock = clock
        self._gauge = metrics.gauge(
            "gwt_event_loop_lag_seconds", "How late the event loop was at worst in the last second.", "max", 1_000_000
        )
        self._seconds = metrics.histogram(
            "gwt_event_loop_stall_seconds", "The worst lateness of the event loop in each second.", BOUNDS
        )
        self._worst, self._looks, self._call = 0.0, 0, None

    def start(self) -> None:
        self._due = self._clock.seconds() + EVERY
        self._call = self._clock.callLater(EVERY, self._look)

    def stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        late = self._clock.seconds() - self._due
        if late > self._worst:
            self._worst = late
        self._looks += 1
        if self._looks == LOOKS:
            self._gauge.set(int(self._worst * 1_000_000))
            self._seconds.observe(self._worst)
            self._looks, self._worst = 0, 0.0
        self.start()
