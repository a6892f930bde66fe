"""Zones in one process's memory, for tests; several Rigs with the same Zones are workers of one node."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from gwt.phase.tools import Zone


class MemoryZone:
    """See gwt.phase.tools.Zone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.held: dict[bytes, tuple[float, int | bytes]] = {}

    def get(self, key: bytes) -> bytes | None:
        until, value = self.held.get(key, (0.0, 0))
        if until <= self.clock():
            return None
        return value if isinstance(value, bytes) else b"%d" % value

    def set(self, key: bytes, value: bytes, ttl: float | None = None) -> None:
        self.held[key] = (self._until(ttl), value)

    def add(self, key: bytes, value: bytes, ttl: float | None = None) -> bool:
        if self.get(key) is not None:
            return False
        self.set(key, value, ttl)
        return True

    def incr(self, key: bytes, by: int = 1, ttl: float | None = None) -> int:
        until, value = self.held[key] if self.get(key) is not None else (self._until(ttl), 0)
        total = int(value) + by
        self.held[key] = (until, total)
        return total

    def expire(self, key: bytes, ttl: float) -> bool:
        there = self.get(key) is not None
        if there:
            self.held[key] = (self._until(ttl), self.held[key][1])
        return there

    def delete(self, key: bytes) -> bool:
        there = self.get(key) is not None
        self.held.pop(key, None)
        return there

    def _until(self, ttl: float | None) -> float:
        return inf if ttl is None else self.clock() + ttl


class Zones:
    """`Rig(shared=zones)`; `now` is set by the test, or follows the Rig that it `follows`."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = lambda: 1000.0
        self.zones: dict[str, MemoryZone] = {}

    def __call__(self, name: str) -> Zone:
        return self.zones.setdefault(name, MemoryZone(lambda: self.clock()))
