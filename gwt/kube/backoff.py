"""Backoff: how long to wait before the next attempt, by the numbers that Kubernetes' own clients use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST: Final = 0.8
LONGEST: Final = 30.0

#: The longest where nobody answered at all: that loads no server, and it may be back at any moment.
UNREACHABLE: Final = 0.6

#: Seconds of health after which everything is forgiven.
FORGIVEN: Final = 120.0


class Backoff:
    """0.8 s, doubled up to 30 s, each times 1 to 2 by `chance` (0 to 1). Times are in seconds on one clock."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._next = FIRST
        self._last: float | None = None

    def failed(self, now: float, at_least: float = 0.0, longest: float = LONGEST) -> float:
        """Something went wrong: wait for so long; at least for what the server asks for."""
        if self._last is not None and now - self._last > FORGIVEN + self._next:
            self._next = FIRST
        self._last = now
        delay, self._next = min(self._next, longest), min(self._next * 2, longest)
        return max(delay, at_least) * (1 + self._chance())
