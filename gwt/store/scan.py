"""Scan: which documents a directory holds and which of them may have changed, from stat() alone.

Every `*.yaml`, `*.yml` and `*.json` at any depth counts. Names that begin with a dot are passed over, files and
directories: so a ConfigMap mount (`key.yaml -> ..data/key.yaml`, `..data -> ..2026_01_01/`) shows each key once,
and the file's inode changes when the kubelet swaps `..data`. Symbolic links are followed, each directory once.

All of this blocks while the file system does, so it is meant for a thread: the calls let go of the GIL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from gwt.stamps import Stamp, stamp_of

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(slots=True)
class Listing:
    """What a scan saw: `files` by name relative to the root (always with `/`), `blind` what could not be read.

    `blind` maps a relative file or directory name (the root is "") to the reason. Nothing is known about what
    lies below a blind directory: it must be taken as unchanged.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    blind: dict[str, str] = field(default_factory=dict)

    def hides(self, name: str) -> bool:
        """True where `name` may still be there, only that it can't be seen now."""
        return any(not folder or name == folder or name.startswith(folder + "/") for folder in self.blind)


def scan(root: str) -> Listing:
    """What `root` holds now."""
    listing = Listing()
    seen: set[tuple[int, int]] = set()
    folders = [""]
    while folders:
        folder = folders.pop()
        for entry in _entries(root, folder, listing, seen):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if _is_folder(entry):
                folders.append(name)
            elif entry.name.endswith(SUFFIXES):
                _look(entry, name, listing)
    return listing


def stamp(path: str) -> Stamp | None:
    """The Stamp of one file; None where there is no such file (any more). Raises OSError where it can't be told."""
    try:
        return stamp_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _entries(root: str, folder: str, listing: Listing, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    path = os.path.join(root, folder) if folder else root
    try:
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:  # a link back to a directory that was listed already
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry
    except FileNotFoundError as error:
        if not folder:
            listing.blind[""] = _reason(error)
    except OSError as error:
        listing.blind[folder] = _reason(error)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a loop of links, or a target that may not be looked at: `_look` says why


def _look(entry: os.DirEntry[str], name: str, listing: Listing) -> None:
    try:
        listing.files[name] = stamp_of(entry.stat())
    except FileNotFoundError:
        return  # vanished since it was listed, or a link that leads nowhere: as good as absent
    except OSError as error:
        listing.blind[name] = _reason(error)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
