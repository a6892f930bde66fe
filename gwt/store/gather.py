"""Gather: of changes that come one upon the other, how long the next read waits for more. Pure: times are passed in.

Each read costs the gateway, one that finds ten changes little more than one that finds one. So a store that
changes faster than it is read is read less often, down to five times a second, and often again soon after; network
cards moderate their interrupts the same way. The first change after a rest is read at once.
"""

from __future__ import annotations

from math import inf
from typing import Final

#: Seconds between two reads: where changes come one by one, and where they never stop.
SHORTEST, LONGEST = 0.02, 0.2

#: Names that are no more than one read should ask for: these wait for no more.
ENOUGH: Final = 256


class Gather:
    """Decides when to read what was told of. Times are in seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._read_at = -inf
        self._rest = SHORTEST

    def wait(self, now: float, changes: int, names: int) -> float:
        """Seconds until it is to be asked again, 0 where it is to be read now: `changes` of so many `names` wait."""
        rest = SHORTEST if names >= ENOUGH else self._rest
        left = self._read_at + rest - now
        if left > 0.0:
            return min(left, SHORTEST)
        self._read_at = now
        self._rest = min(2.0 * self._rest, LONGEST) if changes > 1 else max(self._rest / 2.0, SHORTEST)
        return 0.0

    def missed(self) -> None:
        """What was read could not be used: it is read again soon."""
        self._rest = SHORTEST
