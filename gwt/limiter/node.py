"""The limiter of a node that asks nobody: exact over all of its workers, which share the buckets.

A request makes all its bids at once: either all of them pass, or none is taken. Where several gateways are known of,
a node lets its part of each limit through; what is kept are levels of the whole limit.
"""

from __future__ import annotations

from collections.abc import Sequence

from gwt.limit.gcra import Part, drained, part, wait
from gwt.limit.selectors import Limit
from gwt.limiting import Bid
from gwt.zones.arena import Arena
from gwt.zones.table import STAMP, WORD

#: Buckets that are kept; with a million in use hardly any is lost early.
SLOTS = 2_000_000


class NodeLimiter:
    """Buckets in memory that all workers of this node share. A bucket is its level; its stamp says when.

    `gateways` is how many nodes share the limits (set it as they come and go; at least 1).
    """

    def __init__(self, arena: Arena, slots: int = SLOTS) -> None:
        """Raises ArenaError."""
        self._table = arena.table("limits", slots, 1)
        self._levels = self._table.floats
        self.gateways = 1

    def admit(self, key: bytes, limit: Limit, now: float) -> float:
        """As Limiter has it, always at once."""
        table, levels = self._table, self._levels
        rate, burst, whole = part(limit.rate, limit.burst, self.gateways)
        if table.lock is not None:
            table.lock()
        try:
            slot = table.find(key)
            level = drained(levels[slot + WORD] / whole, levels[slot + STAMP], rate, burst, now) if slot >= 0 else 0.0
            seconds = wait(level, rate, burst)
            if not seconds:
                if slot < 0:
                    slot = table.claim(key, now)
                levels[slot + STAMP] = now
                levels[slot + WORD] = (level + 1.0) * whole
            return seconds
        finally:
            if table.unlock is not None:
                table.unlock()

    def admit_all(self, bids: Sequence[Bid], now: float) -> float:
        """As Limiter has it, always at once."""
        if len(bids) == 1:
            return self.admit(*bids[0], now)
        table = self._table
        if table.lock is not None:
            table.lock()
        try:
            seconds, found = 0.0, []
            for key, limit in bids:
                mine = part(limit.rate, limit.burst, self.gateways)
                slot, level = self._level(key, mine, now)
                found.append((key, slot, (level + 1.0) * mine.whole))
                seconds = max(seconds, wait(level, mine.rate, mine.burst))
            if not seconds:
                self._add(found, now)
            return seconds
        finally:
            if table.unlock is not None:
                table.unlock()

    def _level(self, key: bytes, mine: Part, now: float) -> tuple[int, float]:
        """The slot of a bucket (-1: none yet) and its level."""
        slot = self._table.find(key)
        if slot < 0:
            return slot, 0.0
        levels = self._levels
        return slot, drained(levels[slot + WORD] / mine.whole, levels[slot + STAMP], mine.rate, mine.burst, now)

    def _add(self, found: Sequence[tuple[bytes, int, float]], now: float) -> None:
        """Give all of these buckets the level that they have with a request more. A new one takes the place of another
        only once none of these can be that other.
        """
        levels = self._levels
        for _, slot, level in found:
            if slot >= 0:
                levels[slot + STAMP] = now
                levels[slot + WORD] = level
        for key, slot, level in found:
            if slot < 0:
                levels[self._table.claim(key, now) + WORD] = level
