"""Known: what a file store remembers of its files, and which of them it must look at again.

Pure: a Listing comes in, suspects come out; what was read of them is noted. A file is suspect when its Stamp is
another, or when it was read so soon after its last change that a further one could hide behind the same Stamp.
"""

from __future__ import annotations

from dataclasses import dataclass

from gwt.stamps import Stamp, racy
from gwt.store.scan import Listing


@dataclass(frozen=True, slots=True)
class Read:
    """The state in which a file was read: its Stamp before that, the digest of what was read, and whether a
    further change could have the same Stamp.
    """

    stamp: Stamp
    digest: bytes
    racy: bool


#: Files that may have changed, None for those that are gone.
Suspects = dict[str, Stamp | None]


class Known:
    """Files by name relative to the root."""

    def __init__(self) -> None:
        self._read: dict[str, Read] = {}

    def suspects(self, listing: Listing) -> Suspects:
        """The files of `listing` to look at again, and those that it lacks. What it can't see is left alone."""
        found: Suspects = {}
        for name, stamp in listing.files.items():
            read = self._read.get(name)
            if read is None or read.racy or read.stamp != stamp:
                found[name] = stamp
        for name in self._read.keys() - listing.files.keys():
            if not listing.hides(name):
                found[name] = None
        return found

    def digest(self, name: str) -> bytes | None:
        """The digest of what was last read of a file."""
        read = self._read.get(name)
        return None if read is None else read.digest

    def note(self, name: str, stamp: Stamp, digest: bytes, now_ns: int) -> None:
        """`name` was read; its Stamp was `stamp` before that and the wall clock `now_ns`."""
        self._read[name] = Read(stamp, digest, racy(stamp, now_ns))

    def forget(self, name: str) -> None:
        """`name` is gone."""
        self._read.pop(name, None)

    def __len__(self) -> int:
        return len(self._read)
