"""Installed: the plugins that there are, at one look; immutable. What changes is another Installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gwt.phase.plugintype import PluginType


class Broken(NamedTuple):
    """Something that looked like a plugin and is none: where, and why. `name` where it is known."""

    place: str
    why: str
    name: str = ""


class Installed:
    """`types` by name; of two with one name the first holds, and the other is `broken`."""

    __slots__ = ("broken", "types")

    def __init__(self, types: Iterable[PluginType] = (), broken: Iterable[Broken] = ()) -> None:
        found: dict[str, PluginType] = {}
        bad = list(broken)
        for one in types:
            if found.setdefault(one.name, one).cls is not one.cls:
                bad.append(Broken(one.place, f"the name {one.name!r} is taken by {found[one.name].place}", one.name))
        self.types: Mapping[str, PluginType] = found
        self.broken = tuple(bad)

    def changed_from(self, before: Installed) -> frozenset[str]:
        """The names that mean something else than in `before`, come or gone."""
        names = self.types.keys() | before.types.keys()
        return frozenset(name for name in names if self.types.get(name) is not before.types.get(name))


NOTHING = Installed()
