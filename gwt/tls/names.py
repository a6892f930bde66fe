"""Which of many values a host name means: its own, else that of its wildcard, else the one for any name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from gwt.model.certificate import ANY

V = TypeVar("V")


class Names(Generic[V]):
    """Values by name: two look-ups, however many there are. Of two values for one name the first counts."""

    __slots__ = ("_exact", "_wild", "default")

    def __init__(self, entries: Iterable[tuple[Iterable[str], V]] = ()) -> None:
        self._exact: dict[str, V] = {}
        self._wild: dict[str, V] = {}
        self.default: V | None = None
        for names, value in entries:
            for name in names:
                if name == ANY:
                    self.default = value if self.default is None else self.default
                elif name.startswith("*."):
                    self._wild.setdefault(name[2:], value)
                else:
                    self._exact.setdefault(name, value)

    def known(self, name: str) -> V | None:
        """The value that bears `name` (any case, a trailing dot is ignored) or its wildcard, None without one."""
        name = name.lower().removesuffix(".")
        found = self._exact.get(name)
        if found is not None:
            return found
        first, _, domain = name.partition(".")
        return self._wild.get(domain) if first else None

    def find(self, name: str | None) -> V | None:
        """`known`, else the value for any name."""
        found = None if name is None else self.known(name)
        return self.default if found is None else found
