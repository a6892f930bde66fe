"""Arenas: the memory of a node, in which tables have names.

`PrivateArena` is for a process that works alone: nothing is locked. `SharedArena` is for workers: the supervisor makes
one memory file, every worker inherits its descriptor, and whoever asks for a table first makes it. The file takes
memory only where it was written to, has no name anywhere and goes with the last process.

Its lock is flock on a description of each worker's own: the kernel releases it when a worker dies, however it dies.
What a worker writes under the lock is ordered so that it may die between any two writes (see `gwt.zones.table`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from functools import partial
from mmap import PAGESIZE, mmap
from struct import Struct
from typing import NamedTuple, Protocol
from weakref import finalize

from gwt.zones.table import WAYS, Table, stride

#: The file begins with: magic, hash of PROBE, how many tables, where the last one ends.
_HEAD = Struct("8s q q q")
_MAGIC = b"gwtzone1"
_PROBE = b"every worker must hash alike"
#: Then one of these for each table: its name, offset, sets, words a slot, bytes a slot.
_ENTRY = Struct("48s q q q q")
_HEAD_SIZE = 8192
MAX_TABLES = (_HEAD_SIZE - _HEAD.size) // _ENTRY.size
MAX_NAME = 48


class ArenaError(Exception):
    """A table can't be had; the text says why."""


class Memory(NamedTuple):
    """What a supervisor makes and every worker inherits: the descriptor of a file that has no name, and the
    PYTHONHASHSEED of them all, since they find each other's slots by `hash`.
    """

    descriptor: int
    seed: str

    @classmethod
    def make(cls) -> Memory:
        """Raises OSError."""
        descriptor = os.memfd_create("gwt-zones", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, _HEAD_SIZE)
        return cls(descriptor, str(1 + int.from_bytes(os.urandom(4), "little") % (2**32 - 1)))


class Arena(Protocol):
    """Where tables are had by name."""

    def table(self, name: str, slots: int, words: int, room: int = 0) -> Table:
        """The table called `name`; made if it is not there yet.

        Of at least `slots` slots, each with `words` numbers and `room` bytes. Raises ArenaError if it is there with
        another shape, or if there is no place for it.
        """


class PrivateArena:
    """Tables that no other process sees."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[tuple[int, int, int], Table]] = {}

    def table(self, name: str, slots: int, words: int, room: int = 0) -> Table:
        """As Arena has it."""
        shape = _shape(slots, words, room)
        if name not in self._tables:
            _check(name)
            self._tables[name] = shape, Table(mmap(-1, _size(shape)), *shape)
        _same(name, self._tables[name][0], shape)
        return self._tables[name][1]


class SharedArena:
    """Tables that all holders of one memory file see, each in its own process."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` is that of a Memory; it is not needed afterwards.

        Raises OSError; ArenaError if this process hashes unlike the others.
        """
        # A lock belongs to a description: it must not be one that a parent or a sibling has as well.
        self._file = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
        self._lock: Callable[[], object] = partial(fcntl.flock, self._file, fcntl.LOCK_EX)
        self._unlock: Callable[[], object] = partial(fcntl.flock, self._file, fcntl.LOCK_UN)
        # The last table goes with its lock.
        finalize(self._lock, os.close, self._file).atexit = False
        self._head = mmap(self._file, _HEAD_SIZE)
        self._tables: dict[str, tuple[tuple[int, int, int], Table]] = {}
        self._lock()
        try:
            self._begin()
        finally:
            self._unlock()

    def _begin(self) -> None:
        magic, probe, *_ = _HEAD.unpack_from(self._head)
        if magic != _MAGIC:
            _HEAD.pack_into(self._head, 0, _MAGIC, hash(_PROBE), 0, _HEAD_SIZE)
        elif probe != hash(_PROBE):
            raise ArenaError("workers that share memory need the same PYTHONHASHSEED, and this one has another")

    def table(self, name: str, slots: int, words: int, room: int = 0) -> Table:
        """As Arena has it."""
        shape = _shape(slots, words, room)
        if name not in self._tables:
            _check(name)
            self._lock()
            try:
                self._tables[name] = self._find(name) or self._make(name, shape)
            finally:
                self._unlock()
        _same(name, self._tables[name][0], shape)
        return self._tables[name][1]

    def _find(self, name: str) -> tuple[tuple[int, int, int], Table] | None:
        _, _, count, _ = _HEAD.unpack_from(self._head)
        for number in range(count):
            known, offset, *shape = _ENTRY.unpack_from(self._head, _HEAD.size + number * _ENTRY.size)
            if known.rstrip(b"\0") == name.encode():
                return self._map(offset, (shape[0], shape[1], shape[2]))
        return None

    def _make(self, name: str, shape: tuple[int, int, int]) -> tuple[tuple[int, int, int], Table]:
        magic, probe, count, end = _HEAD.unpack_from(self._head)
        if count == MAX_TABLES:
            raise ArenaError(f"no place for the zone {name!r}: there are {MAX_TABLES} already")
        os.ftruncate(self._file, end + _size(shape))
        made = self._map(end, shape)
        _ENTRY.pack_into(self._head, _HEAD.size + count * _ENTRY.size, name.encode(), end, *shape)
        # Written last: until then the table is not there.
        _HEAD.pack_into(self._head, 0, magic, probe, count + 1, end + _size(shape))
        return made

    def _map(self, offset: int, shape: tuple[int, int, int]) -> tuple[tuple[int, int, int], Table]:
        memory = mmap(self._file, _size(shape), offset=offset)
        return shape, Table(memory, *shape, lock=self._lock, unlock=self._unlock)


def _check(name: str) -> None:
    if not 0 < len(name.encode()) <= MAX_NAME:
        raise ArenaError(f"the name of a zone has 1 to {MAX_NAME} bytes, this one has not: {name!r}")


def _shape(slots: int, words: int, room: int) -> tuple[int, int, int]:
    """(sets, words, room in whole words)."""
    return max(1, -(-slots // WAYS)), words, -(-room // 8) * 8


def _size(shape: tuple[int, int, int]) -> int:
    sets, words, room = shape
    return -(-sets * stride(words, room) * 8 // PAGESIZE) * PAGESIZE


def _same(name: str, known: tuple[int, int, int], asked: tuple[int, int, int]) -> None:
    if known != asked:
        raise ArenaError(
            f"the zone {name!r} has {known[0] * WAYS} slots of {known[1]} numbers and {known[2]} bytes, and can't be "
            f"had with {asked[0] * WAYS} of {asked[1]} and {asked[2]}: name another"
        )
