"""Memory: what was found out before, by bytes, bounded in entries and in size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

#: Bytes that an entry takes besides its key's and its value's own: in the dict, and the key's header.
_ENTRY = 150


class Memory(Generic[T]):
    """Two generations: what is in use is in the young one, what nobody asked for goes with the old one, all at once.

    Holds at most `entries` entries and about `size` bytes; `weigh` says what a value takes. What was used lately is
    found by one look-up in the dict `young` (another dict after a while: don't keep it).
    """

    __slots__ = ("_entries", "_old", "_size", "_taken", "_weigh", "young")

    def __init__(self, entries: int, size: int, weigh: Callable[[T], int]) -> None:
        self._entries, self._size, self._weigh = max(1, entries // 2), size // 2, weigh
        self.young: dict[bytes, T] = {}
        self._old: dict[bytes, T] = {}
        self._taken = 0

    def __len__(self) -> int:
        """Entries held."""
        return len(self.young) + len(self._old)

    def get(self, key: bytes) -> T | None:
        """What is held for `key`, which is young from now on."""
        found = self.young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is not None:
                self._keep(key, found)
        return found

    def put(self, key: bytes, value: T) -> None:
        """Hold `value`; not at all what alone would take a quarter of the room."""
        self.discard(key)
        self._keep(key, value)

    def discard(self, key: bytes) -> None:
        """Hold nothing for `key`."""
        self._old.pop(key, None)
        value = self.young.pop(key, None)
        if value is not None:
            self._taken -= self._weight(key, value)

    def _weight(self, key: bytes, value: T) -> int:
        return _ENTRY + len(key) + self._weigh(value)

    def _keep(self, key: bytes, value: T) -> None:
        weight = self._weight(key, value)
        if weight * 2 > self._size:
            return
        if len(self.young) >= self._entries or self._taken + weight > self._size:
            self._old, self.young, self._taken = self.young, {}, 0
        self.young[key] = value
        self._taken += weight
