"""Stamps: what tells two states of a file apart without reading it, and for how long that can't be relied on."""

from __future__ import annotations

from os import stat_result
from typing import Final

#: A file's mtime in ns, size, inode and device. A bare tuple, because the garbage collector forgets those of numbers
#: at once, and there is one a file and look.
Stamp = tuple[int, int, int, int]

#: A change this soon after another may leave the same mtime: file systems count in ticks, some in two seconds.
RACY_NS: Final = 2_000_000_000


def stamp_of(status: stat_result) -> Stamp:
    """The Stamp of what was asked for."""
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)


def racy(stamp: Stamp, now_ns: int) -> bool:
    """Whether a further change could hide behind `stamp`, of a file that is read when the wall clock says `now_ns`."""
    return now_ns - stamp[0] < RACY_NS
