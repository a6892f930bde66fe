"""House: all plugins of one process, looked at again and again: what came, what changed, what is gone.

Whatever can't be used leaves what there was in force, and is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gwt.phase.installed import NOTHING, Broken, Installed
from gwt.phase.plugintype import BadPlugin, PluginType
from gwt.plugging.distributed import distributed
from gwt.plugging.generation import load

#: Nanoseconds for which a changed file must hold still before it is read: half-written is not what anybody means.
QUIET = 50_000_000

#: What begins so in plugin_path is not meant to be a plugin.
_OTHERS = (".", "_", "test_", "conftest.")

#: mtime in ns, size, inode.
Stamp = tuple[int, int, int]


class Kept(NamedTuple):
    """A file of plugin_path: `kind` is the last that could be used, `broken` why the present text can't be."""

    stamp: Stamp
    kind: PluginType | None
    broken: Broken | None


def _may_be_one(path: Path) -> bool:
    return path.suffix == ".py" and not path.name.startswith(_OTHERS)


def welcome(kind: PluginType) -> str | None:
    """Nothing speaks against a plugin."""
    return None


class House:
    """`installed` is what there is since the last `look`. `paths` are the directories of `plugin_path`.

    `objection(kind)` may say why a plugin that is new must not be used.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        objection: Callable[[PluginType], str | None] = welcome,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.paths = tuple(paths)
        self.objection = objection
        self._wall = wall
        self._files: dict[Path, Kept] = {}
        self._packaged: tuple[list[PluginType], list[Broken]] = ([], [])
        self._blind: tuple[Broken, ...] = ()
        self.installed: Installed = NOTHING

    def look(self, thorough: bool = True) -> frozenset[str]:
        """Look again; the names that mean something else now.

        `thorough` asks Python's packages too and takes files that were written just now; else only plugin_path.
        """
        if thorough:
            self._packaged = distributed({kind.cls: kind for kind in self._packaged[0]})
        before, blind = self._files, self._blind
        self._blind = ()
        self._files = {
            path: self._read(path, stamp, before.get(path), thorough) for path, stamp in self._listed(before)
        }
        if not thorough and self._files == before and self._blind == blind:
            return frozenset()
        kept = self._files.values()
        types = [*self._packaged[0], *(one.kind for one in kept if one.kind is not None)]
        broken = [*self._packaged[1], *self._blind, *(one.broken for one in kept if one.broken is not None)]
        last, self.installed = self.installed, Installed(types, broken)
        return self.installed.changed_from(last)

    def elsewhere(self, paths: Sequence[Path]) -> House:
        """A House that looks in other directories and knows what this one has read."""
        other = House(paths, self.objection, self._wall)
        other._files, other._packaged, other.installed = self._files, self._packaged, self.installed
        return other

    def _listed(self, before: Mapping[Path, Kept]) -> Iterable[tuple[Path, Stamp]]:
        """Every file of the directories, in the order of plugin_path and then by name."""
        for directory in self.paths:
            try:
                files = sorted(path for path in directory.iterdir() if _may_be_one(path))
            except OSError as error:
                self._blind += (Broken(str(directory), f"plugin_path can't be read: {error.strerror}"),)
                yield from ((path, kept.stamp) for path, kept in before.items() if path.parent == directory)
                continue
            for path in files:
                try:
                    found = path.stat()
                except OSError:
                    continue  # gone since it was listed
                yield path, (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self, path: Path, stamp: Stamp, last: Kept | None, thorough: bool) -> Kept:
        if last is not None and last.stamp == stamp:
            return last
        kind = None if last is None else last.kind
        if not thorough and self._wall() - stamp[0] < QUIET:
            return last or Kept((0, 0, 0), None, None)
        try:
            new = load(path)
            why = self.objection(new)
        except (BadPlugin, OSError) as error:
            why = str(error)
        if why is None:
            return Kept(stamp, new, None)
        stays = "; what was there before stays in force" if kind is not None else ""
        return Kept(stamp, kind, Broken(str(path), why + stays, "" if kind is None else kind.name))
