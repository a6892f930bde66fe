"""Cells: 64-bit numbers in mapped memory, integers or floats, and the registry that says what each of them counts.

In memory for a process alone; as two files for a worker among several, so that others can read them, and
still can when the worker is gone: `ID.names` (lines of `family`) and `ID.cells`.
The worker holds a lock on `ID.names` for as long as it lives.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from typing import Protocol

#: Cells of one process. Only what is used takes memory or disk.
CELLS = 1 << 20
#: The first cells are a waste bin: for what has no room elsewhere, and never shown.
WASTE = 64
#: Cells that are made sure of at once: writing to a mapped page for which the disk has no room kills the process.
STEP = 8192


class Cells(Protocol):
    """Where one process counts. `cells` and `floats` are the same memory as signed integers and as doubles."""

    cells: memoryview
    floats: memoryview[float]

    def take(self, count: int) -> int:
        """The first of `count` fresh cells, all 0; of the waste bin if there is no room."""

    def note(self, line: bytes) -> bool:
        """Append a line to the registry; False if there is no room."""


class PrivateCells:
    """Cells that no other process reads. `lines` is the registry."""

    def __init__(self) -> None:
        memory = memoryview(mmap.mmap(-1, CELLS * 8))
        self.cells, self.floats = memory.cast("q"), memory.cast("d")
        self.lines: list[bytes] = []
        self._used = WASTE

    def take(self, count: int) -> int:
        if self._used + count > CELLS:
            return 0
        self._used += count
        return self._used - count

    def note(self, line: bytes) -> bool:
        self.lines.append(line)
        return True


class SharedCells:
    """Cells of one worker in files of `directory`. A full disk loses new label sets, never the process."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        """Raises OSError if the files can't be made."""
        self._names, self._file, self.id = _create(Path(directory))
        os.ftruncate(self._file, CELLS * 8)
        self._used = self._sure = 0
        self.take(WASTE)
        if self._sure == 0:
            raise OSError(f"no room for metrics in {directory}")
        memory = memoryview(mmap.mmap(self._file, CELLS * 8))
        self.cells, self.floats = memory.cast("q"), memory.cast("d")

    def take(self, count: int) -> int:
        first = self._used
        if first + count > self._sure and not self._make_sure(first + count):
            return 0
        self._used += count
        return first

    def _make_sure(self, end: int) -> bool:
        """Have the file system give the blocks up to cell `end` and some more."""
        end = -(-end // STEP) * STEP
        if end > CELLS:
            return False
        zeros = bytes((end - self._sure) * 8)
        try:
            if os.pwrite(self._file, zeros, self._sure * 8) < len(zeros):
                return False
        except OSError:
            return False
        self._sure = end
        return True

    def note(self, line: bytes) -> bool:
        size = os.fstat(self._names).st_size
        try:
            if os.write(self._names, line) == len(line):
                return True
        except OSError:
            return False
        os.ftruncate(self._names, size)  # half a line would swallow the next one
        return False


def _create(directory: Path) -> tuple[int, int, str]:
    """Both files, the first one locked before others can see it: (names, cells, id). An id never comes back."""
    id = f"{os.getpid()}-{os.urandom(6).hex()}"
    cells = os.open(directory / f"{id}.cells", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    hidden = directory / f"{id}.new"
    names = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    fcntl.flock(names, fcntl.LOCK_EX)
    hidden.rename(directory / f"{id}.names")
    return names, cells, id
