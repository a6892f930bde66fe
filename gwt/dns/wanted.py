"""Wanted: who is led by which name, and whom it concerns when a name leads elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gwt.dns.message import canonical


class Names(Protocol):
    """Who follows names."""

    def want(self, name: str, wanted: bool) -> None:
        """Follow a name, or do so no more."""

    def seed(self, name: str, addresses: Iterable[str]) -> None:
        """What a name led to when somebody else asked: good until it is answered."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """What a name leads to now."""


class Nowhere:
    """Names that lead nowhere: where nobody resolves them."""

    def want(self, name: str, wanted: bool) -> None:
        """See `Names.want`."""

    def seed(self, name: str, addresses: Iterable[str]) -> None:
        """See `Names.seed`."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """See `Names.addresses`."""
        return ()


class Wanted:
    """By owner the name that it wants of `names`; each name is wanted as long as anybody wants it."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._by_owner: dict[str, str] = {}
        self._owners: dict[str, set[str]] = {}

    def put(self, owner: str, name: str | None) -> None:
        """From now on `owner` wants `name`; None: nothing any more."""
        name = None if name is None else canonical(name)
        before = self._by_owner.pop(owner, None)
        if name is not None:
            self._by_owner[owner] = name
            self._owners.setdefault(name, set()).add(owner)
            if len(self._owners[name]) == 1 and name != before:
                self._names.want(name, True)
        if before is not None and before != name:
            self._owners[before].discard(owner)
            if not self._owners[before]:
                del self._owners[before]
                self._names.want(before, False)

    def owners(self, name: str) -> Iterable[str]:
        """Who wants it."""
        return tuple(sorted(self._owners.get(name, ())))

    def items(self) -> Iterable[tuple[str, str]]:
        """(owner, name) of all."""
        return tuple(self._by_owner.items())
