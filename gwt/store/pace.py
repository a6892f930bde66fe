"""Pace: runs Steps beside a live event loop, a few milliseconds a turn.

A slice ends at the first yield after its time is up: it is as long as the budget and the longest stretch between
two yields.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred

from gwt.steps import Steps
from gwt.store.heap import Heap

T = TypeVar("T")

#: Seconds a turn: beside requests, no more than some of them take; and while nothing is served yet, still
#: so few that neither a child that waits for its answer to be taken, nor whoever asks how it stands, has to wait.
BUDGET: Final = 0.00005
HURRY: Final = 0.002


class Pacer:
    """Runs Steps on `clock` (IReactorTime): at most about `budget` seconds a turn, `now` is a fine monotonic clock."""

    def __init__(self, clock: Any, budget: float = BUDGET, now: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._now = clock, now
        self.budget = budget
        self.longest = 0.0
        self._heap = Heap()

    def run(self, steps: Steps[T]) -> Deferred[T]:
        """Start now; fires with what the generator returns, or fails with what it raises. Cancelling closes it."""
        work = _Work(self, steps)
        work.turn()
        return work.done

    def slice(self, steps: Steps[T]) -> None:
        """Run until the budget is used up. StopIteration and errors of the work pass through."""
        begun = self._now()
        until = begun + self.budget
        try:
            while True:
                next(steps)
                if self._now() >= until:
                    return
        finally:
            took = self._now() - begun
            self.longest = max(self.longest, took)
            self._heap.worked(begun, took)

    def later(self, turn: Callable[[], None]) -> Any:
        """Let the loop serve everybody else, then go on with `turn`."""
        return self._clock.callLater(0, turn)


class _Work:
    """One generator under way."""

    def __init__(self, pacer: Pacer, steps: Steps[Any]) -> None:
        self._pacer, self._steps, self._call = pacer, steps, None
        self.done: Deferred[Any] = Deferred(self._cancel)

    def turn(self) -> None:
        self._call = None
        try:
            self._pacer.slice(self._steps)
        except StopIteration as stop:
            self.done.callback(stop.value)
        except Exception:
            self.done.errback()
        else:
            self._call = self._pacer.later(self.turn)

    def _cancel(self, _done: Deferred[Any]) -> None:
        if self._call is not None:
            self._call.cancel()
        self._steps.close()
