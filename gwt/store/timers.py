"""Timers: what is to be done later, once, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Timers:
    """On `clock` (IReactorTime)."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._due: dict[str, Any] = {}

    def later(self, what: str, seconds: float, call: Callable[[], None]) -> None:
        """Call it then, unless `what` waits already."""
        if what not in self._due:
            self._due[what] = self._clock.callLater(seconds, self._now, what, call)

    def cancel(self, what: str) -> None:
        """It is no longer to be done, if it was."""
        timer = self._due.pop(what, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Nothing is to be done any more."""
        for what in list(self._due):
            self.cancel(what)

    def _now(self, what: str, call: Callable[[], None]) -> None:
        del self._due[what]
        call()
