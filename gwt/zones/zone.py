"""Zone: a dict that all workers of a node share, bounded, atomic, its oldest entries the first to go.

What OpenResty calls a shared dict. Keys are text or bytes; values int (64 bits), float, bytes or text. Every operation
is one step for all workers. It blocks for a microsecond or two where another worker is in the middle of one, so it is
for the reactor's thread, and for small things: the room of an entry is fixed when the zone is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Any

from gwt.zones.arena import Arena
from gwt.zones.table import STAMP, WAYS, WORD, Table

Value = int | float | bytes | str

SLOTS, ROOM = 16384, 112
#: Slots of a zone that is had by its name alone.
PLENTY = 262_144

#: Further words of a slot: when it expires, what it is, and the value itself if it is a number.
_EXPIRES, _WHAT, _NUMBER = WORD, WORD + WAYS, WORD + 2 * WAYS
_WORDS = 3
_INT, _FLOAT, _BYTES, _TEXT = range(1, 5)
_LEAST, _MOST = -(2**63), 2**63 - 1


class ZoneError(ValueError):
    """What does not fit into a zone, or can't be counted up; the text says why."""


class Zone:
    """A shared dict. `clock` is monotonic and the same for all workers; times to live (`ttl`) are in seconds."""

    def __init__(self, table: Table, room: int, name: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._table, self._room, self.name, self._clock = table, room, name, clock
        self._lock = table.lock or _nothing
        self._unlock = table.unlock or _nothing

    @classmethod
    def of(
        cls, arena: Arena, name: str, slots: int = SLOTS, room: int = ROOM,
        clock: Callable[[], float] = time.monotonic,
    ) -> Zone:  # fmt: skip
        """The zone called `name`.

        It keeps the newest `slots` entries (give it a third more than you need: it is full in parts before it is as a
        whole), each with `room` bytes for its key and, unless it is a number, its value. Raises ArenaError.
        """
        return cls(arena.table(f"zone {name}", slots, _WORDS, room), -(-room // 8) * 8, name, clock)

    def get(self, key: str | bytes, default: Value | None = None) -> Value | None:
        """The value of `key`; `default` where there is none."""
        name = key.encode() if isinstance(key, str) else key
        self._lock()
        try:
            now = self._clock()
            slot = self._live(name, now)
            if slot < 0:
                return default
            self._table.floats[slot + STAMP] = now
            return self._read(slot)
        finally:
            self._unlock()

    def set(self, key: str | bytes, value: Value, ttl: float | None = None) -> None:
        """Put `value` there, for `ttl` seconds or for as long as there is room. Raises ZoneError if it does not fit."""
        name, what, content = self._packed(key, value)
        self._lock()
        try:
            self._write(name, what, content, value, ttl)
        finally:
            self._unlock()

    def add(self, key: str | bytes, value: Value, ttl: float | None = None) -> bool:
        """As `set`, unless `key` has a value: then nothing is done, and it returns False."""
        name, what, content = self._packed(key, value)
        self._lock()
        try:
            if self._live(name, self._clock()) >= 0:
                return False
            self._write(name, what, content, value, ttl)
            return True
        finally:
            self._unlock()

    def incr(
        self, key: str | bytes, by: int | float = 1, init: int | float = 0, ttl: float | None = None
    ) -> int | float:
        """Add `by` to a number, and return what it is then. Where there is none, `init` is put first, for `ttl`.

        Raises ZoneError if there is something else than a number, or the sum does not fit into 64 bits.
        """
        name = key.encode() if isinstance(key, str) else key
        self._lock()
        try:
            now = self._clock()
            slot = self._live(name, now)
            if slot < 0:
                total = init + by
                name, what, content = self._packed(name, total)
                self._write(name, what, content, total, ttl)
                return total
            return self._increase(slot, by, now)
        finally:
            self._unlock()

    def expire(self, key: str | bytes, ttl: float | None) -> bool:
        """Let `key` live for `ttl` seconds from now (None: for as long as there is room). False if it is not there."""
        name = key.encode() if isinstance(key, str) else key
        self._lock()
        try:
            now = self._clock()
            slot = self._live(name, now)
            if slot >= 0:
                self._table.floats[slot + _EXPIRES] = inf if ttl is None else now + ttl
            return slot >= 0
        finally:
            self._unlock()

    def ttl(self, key: str | bytes) -> float | None:
        """The seconds for which `key` has its value still (inf: for as long as there is room); None without one."""
        name = key.encode() if isinstance(key, str) else key
        self._lock()
        try:
            now = self._clock()
            slot = self._live(name, now)
            return None if slot < 0 else self._table.floats[slot + _EXPIRES] - now
        finally:
            self._unlock()

    def delete(self, key: str | bytes) -> bool:
        """Remove `key`. False if it is not there."""
        name = key.encode() if isinstance(key, str) else key
        self._lock()
        try:
            slot = self._live(name, self._clock())
            if slot >= 0:
                self._table.drop(slot)
            return slot >= 0
        finally:
            self._unlock()

    # -- all that follows is for the holder of the lock

    def _live(self, name: bytes, now: float) -> int:
        """The slot of a key that has not expired; -1 if it has none."""
        table = self._table
        slot = table.find(name)
        if slot < 0 or table.floats[slot + _EXPIRES] <= now:
            return -1
        begin = table.offset(slot)
        size = table.integers[slot + _WHAT] >> 8 & 0xFFFFFF
        return slot if table.memory[begin : begin + size] == name else -1

    def _read(self, slot: int) -> Value:
        table = self._table
        what = table.integers[slot + _WHAT]
        kind = what & 0xFF
        if kind == _INT:
            return int(table.integers[slot + _NUMBER])
        if kind == _FLOAT:
            return float(table.floats[slot + _NUMBER])
        begin = table.offset(slot) + (what >> 8 & 0xFFFFFF)
        content = table.memory[begin : begin + (what >> 32)]
        return content if kind == _BYTES else content.decode()

    def _write(self, name: bytes, what: int, content: bytes, value: Value, ttl: float | None) -> None:
        """Put a whole entry. It counts as expired while it is being written: nobody ever finds half of one."""
        table, now = self._table, self._clock()
        slot = table.find(name)
        if slot < 0:
            slot = table.claim(name, now)
        table.floats[slot + _EXPIRES] = 0.0
        table.floats[slot + STAMP] = now
        table.integers[slot + _WHAT] = what
        self._put_number(slot, what & 0xFF, value)
        begin = table.offset(slot)
        table.memory[begin : begin + len(content)] = content
        table.floats[slot + _EXPIRES] = inf if ttl is None else now + ttl

    def _put_number(self, slot: int, kind: int, value: Any) -> None:
        if kind == _INT:
            self._table.integers[slot + _NUMBER] = value
        elif kind == _FLOAT:
            self._table.floats[slot + _NUMBER] = value

    def _increase(self, slot: int, by: int | float, now: float) -> int | float:
        value = self._read(slot)
        if not isinstance(value, int | float):
            raise ZoneError(f"zone {self.name!r}: what is there is no number, and can't be counted up")
        total = value + by
        kind = _kind(total)
        if kind != _kind(value):
            raise ZoneError(f"zone {self.name!r}: {value} can't become {total}: use {float(value)} from the start")
        self._put_number(slot, kind, total)
        self._table.floats[slot + STAMP] = now
        return total

    def _packed(self, key: str | bytes, value: Value) -> tuple[bytes, int, bytes]:
        """The key, what the entry is in one word (kind, size of the key, size of the value), and its bytes."""
        name = key.encode() if isinstance(key, str) else key
        kind = _kind(value)
        content = b"" if kind in (_INT, _FLOAT) else value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[arg-type]
        if len(name) + len(content) > self._room:
            raise ZoneError(
                f"zone {self.name!r}: a key of {len(name)} and a value of {len(content)} bytes, and there is room for "
                f"{self._room} together: make it with a larger `room`"
            )
        return name, kind | len(name) << 8 | len(content) << 32, name + content


class Zones(dict[str, Zone]):
    """The zones of `arena` by name, each made when it is first asked for: `zones["sessions"]`. Raises ArenaError.

    Each keeps 262,144 entries, which is 40 MB once it is full.
    """

    def __init__(self, arena: Arena) -> None:
        super().__init__()
        self._arena = arena

    def __missing__(self, name: str) -> Zone:
        zone = self[name] = Zone.of(self._arena, name, PLENTY)
        return zone


def _kind(value: object) -> int:
    """Raises ZoneError for what a zone can't keep."""
    if type(value) is int:
        if _LEAST <= value <= _MOST:
            return _INT
        raise ZoneError(f"{value} does not fit into 64 bits")
    kind = {float: _FLOAT, bytes: _BYTES, str: _TEXT}.get(type(value))
    if kind is None:
        raise ZoneError(f"a zone keeps int, float, bytes and str, not {type(value).__name__}")
    return kind


def _nothing() -> None:
    """There is nobody to lock out."""
