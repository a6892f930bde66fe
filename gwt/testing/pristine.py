"""Pristine: what a plugin's class and module hold is put back, so that one try of a law knows nothing of others.

Containers are put back with what was in them, names with what they meant; caches of functions are emptied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from gwt.phase.plugin import Plugin

_CONTAINERS = (dict, list, set, bytearray, deque)


def _copied(value: Any) -> Any:
    """A copy of plain containers, all the way down; everything else as it is."""
    found: Any
    if isinstance(value, dict):
        found = value.copy()
        for key, item in found.items():
            found[key] = _copied(item)
        return found
    if isinstance(value, list | deque):
        found = value.copy()
        for number, item in enumerate(found):
            found[number] = _copied(item)
        return found
    return value.copy() if isinstance(value, set | bytearray) else value


def _refill(value: Any, content: Any) -> None:
    value.clear()
    if isinstance(value, dict | set):
        value.update(content)
    else:
        value.extend(content)


def _places(cls: type[Plugin]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """(what sets a name, names) of the classes up to Plugin and of the modules in which they were written."""
    modules: dict[int, dict[str, Any]] = {}
    for one in cls.__mro__:
        if issubclass(one, Plugin) and one is not Plugin:
            yield one, dict(vars(one))
            for method in vars(one).values():
                found = getattr(method, "__globals__", None)
                if found is not None and found.get("__name__") == one.__module__:
                    modules[id(found)] = found
    for found in modules.values():
        yield found, dict(found)


class Pristine:
    """The state of `cls` now. `restore` puts it back."""

    def __init__(self, cls: type[Plugin]) -> None:
        self._kept: list[tuple[Any, str, Any, Any]] = []
        for place, names in _places(cls):
            for name, value in names.items():
                if not name.startswith("__") and not isinstance(value, property | classmethod | staticmethod):
                    content = _copied(value) if isinstance(value, _CONTAINERS) else None
                    self._kept.append((place, name, value, content))

    def restore(self) -> None:
        """As it was."""
        for place, name, value, content in self._kept:
            if content is not None and value != content:
                _refill(value, _copied(content))
            if hasattr(value, "cache_clear"):
                value.cache_clear()
            if isinstance(place, dict):
                if place.get(name) is not value:
                    place[name] = value
            elif vars(place).get(name) is not value:
                setattr(place, name, value)
