"""Deadlines without a timer for each: what may expire is looked at in turns.

One reactor timer drives a Ticker for all; joining and leaving cost a dict operation.
Members spread over `slots`, one slot a tick, so that 100,000 connections cost each tick little.
"""

from __future__ import annotations

from typing import Protocol


class Ticking(Protocol):
    """What a Ticker looks at."""

    def tick(self, now: float) -> None:
        """`now` is on the monotonic clock; called about once in `slots` ticks."""


class Ticker:
    """Calls `tick(now)` of each member once in every `slots` calls of its own `tick`."""

    __slots__ = ("_join", "_slots", "_turn")

    def __init__(self, slots: int = 1) -> None:
        self._slots: list[dict[Ticking, None]] = [{} for _ in range(slots)]
        self._join = 0
        self._turn = 0

    def join(self, member: Ticking) -> dict[Ticking, None]:
        """Take a member in; returns its slot: `del slot[member]` takes it out again."""
        self._join = (self._join + 1) % len(self._slots)
        slot = self._slots[self._join]
        slot[member] = None
        return slot

    def tick(self, now: float) -> None:
        """Look at the next slot's members."""
        self._turn = (self._turn + 1) % len(self._slots)
        for member in list(self._slots[self._turn]):
            member.tick(now)

    def __len__(self) -> int:
        return sum(map(len, self._slots))


class Waiver:
    """Deadlines are not looked at in a tick that comes late by more than two of them, `every` seconds apart.

    The process stood still, and reactors run timers before they read: an answer that came meanwhile would be taken for
    one that did not. Never twice in a row, so that no load puts deadlines off.
    """

    __slots__ = ("_every", "_last", "_waived")

    def __init__(self, every: float, now: float) -> None:
        self._every, self._last, self._waived = every, now, False

    def waives(self, now: float) -> bool:
        """Whether nothing is looked at in the tick that comes `now`."""
        late, self._last = now - self._last > 3 * self._every, now
        self._waived = late and not self._waived
        return self._waived
