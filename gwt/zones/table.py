"""Tables: slots in shared memory, found by the hash of a key; the one that was not used for longest gives way.

A table is made of sets of 16 slots; a key's hash chooses its set and identifies it there. A set is an array of 64-bit
words: the 16 hashes, the 16 stamps (when a slot was used, 0 = free), 16 of each further word, then the slots' bytes.
So a look-up reads one or two cache lines, and a full set drops its oldest slot: nothing is allocated, ever.

Whoever reads and writes holds the lock. A process may die at any point of that, and leaves each word either old or new.
A hash is therefore written last and removed first, and the other words must be written in an order of which every
beginning makes sense.
"""

from __future__ import annotations

from collections.abc import Callable
from mmap import mmap
from struct import Struct

#: Slots of a set.
WAYS = 16
#: From a slot's index to its stamp, and from there to each of its further words.
STAMP = WAYS
WORD = 2 * WAYS
_HASH = Struct("q").pack


def stride(words: int, room: int) -> int:
    """The words of one set."""
    return WAYS * (2 + words) + WAYS * room // 8


class Table:
    """Slots of `words` numbers and `room` bytes.

    A slot is an index: its hash is `integers[slot]`, its stamp `floats[slot + STAMP]`, its first word
    `floats[slot + WORD]`, the next one `floats[slot + WORD + WAYS]`; `integers` and `floats` are the same memory. Its
    bytes begin at `memory[offset(slot)]`. `lock` and `unlock` are None where no other process sees the table.
    """

    __slots__ = ("_find", "_room", "_sets", "_stride", "_words", "floats", "integers", "lock", "memory", "unlock")

    def __init__(
        self, memory: mmap, sets: int, words: int, room: int,
        lock: Callable[[], object] | None = None, unlock: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        self.memory = memory
        view = memoryview(memory)
        self.integers, self.floats = view.cast("q"), view.cast("d")
        self.lock, self.unlock = lock, unlock
        self._sets, self._words, self._room = sets, words, room
        self._stride = stride(words, room)
        self._find = memory.find

    @property
    def slots(self) -> int:
        """How many there are."""
        return self._sets * WAYS

    def find(self, key: bytes) -> int:
        """The slot of `key`, -1 if it has none."""
        id = hash(key) or 1
        first = id % self._sets * self._stride
        slot = first + (id >> 40 & 15)
        if self.integers[slot] == id:
            return slot
        at = self._find(_HASH(id), first * 8, (first + WAYS) * 8)
        if at < 0:
            return -1
        if at % 8:
            return self._search(id, first)
        return at >> 3

    def _search(self, id: int, first: int) -> int:
        """One by one: the same eight bytes were found astride two hashes."""
        found = self.integers[first : first + WAYS].tolist()
        return first + found.index(id) if id in found else -1

    def claim(self, key: bytes, now: float) -> int:
        """A slot for `key`, which has none: its words are 0, its stamp is `now`, its bytes are anything.

        A free one, else the one of its set with the oldest stamp.
        """
        id = hash(key) or 1
        first = id % self._sets * self._stride
        slot = first + (id >> 40 & 15)
        integers, floats = self.integers, self.floats
        if floats[slot + STAMP] != 0.0:
            stamps = floats[first + STAMP : first + STAMP + WAYS].tolist()
            slot = first + stamps.index(min(stamps))
        integers[slot] = 0
        for word in range(slot + WORD, slot + WORD + self._words * WAYS, WAYS):
            floats[word] = 0.0
        floats[slot + STAMP] = now
        integers[slot] = id
        return slot

    def drop(self, slot: int) -> None:
        """Free a slot."""
        self.integers[slot] = 0
        self.floats[slot + STAMP] = 0.0

    def offset(self, slot: int) -> int:
        """Where the bytes of `slot` begin."""
        first = slot - slot % self._stride
        return (first + (2 + self._words) * WAYS) * 8 + (slot - first) * self._room
