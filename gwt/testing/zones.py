"""Zones of shared memory for tests: dictionaries that live as long as the gateway, on its clock."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

Value = int | float | bytes | str


class MemoryZone:
    """Keys are text or bytes; values int, float, bytes or text; `ttl` in seconds, None: for ever.

    `held` has (value, when its time is over) by key.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.held: dict[bytes, tuple[Value, float]] = {}

    def get(self, key: str | bytes, default: Value | None = None) -> Value | None:
        """The value of `key`; `default` without one, or once its time is over."""
        name = _name(key)
        value, end = self.held.get(name, (b"", -inf))
        if self._clock() < end:
            return value
        self.held.pop(name, None)
        return default

    def set(self, key: str | bytes, value: Value, ttl: float | None = None) -> None:
        """Keep `value`."""
        if not isinstance(value, int | float | bytes | str):
            raise TypeError(f"a zone keeps numbers, bytes and text, not {type(value).__name__}")
        self.held[_name(key)] = value, self._end(ttl)

    def add(self, key: str | bytes, value: Value, ttl: float | None = None) -> bool:
        """`set`, unless there is one: then False."""
        if self.get(key) is not None:
            return False
        self.set(key, value, ttl)
        return True

    def incr(
        self, key: str | bytes, by: int | float = 1, init: int | float = 0, ttl: float | None = None
    ) -> int | float:
        """The number after adding `by`; one that begins does so at `init`, and has `ttl`."""
        there = self.get(key)
        if isinstance(there, bytes | str):
            raise TypeError(f"{key!r} is no number")
        total = (init if there is None else there) + by
        self.held[_name(key)] = total, self._end(ttl) if there is None else self.held[_name(key)][1]
        return total

    def expire(self, key: str | bytes, ttl: float | None) -> bool:
        """From now on it lasts `ttl` seconds; False where there is none."""
        there = self.get(key)
        if there is not None:
            self.set(key, there, ttl)
        return there is not None

    def ttl(self, key: str | bytes) -> float | None:
        """The seconds that are left of its time; None where there is none."""
        return None if self.get(key) is None else self.held[_name(key)][1] - self._clock()

    def delete(self, key: str | bytes) -> bool:
        """Whether there was one."""
        there = self.get(key) is not None
        self.held.pop(_name(key), None)
        return there

    def _end(self, ttl: float | None) -> float:
        return inf if ttl is None else self._clock() + ttl

    def __len__(self) -> int:
        return len(self.held)


def _name(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
