"""The host table: which tree of paths a host has, and what wins in it. Immutable; a change shares all the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gwt.route.conditions import RequestView
from gwt.route.entry import END, KINDS, Entry, order, shape
from gwt.route.explain import Candidate, candidates
from gwt.route.hosts import wildcard_suffixes
from gwt.route.radix import Tree
from gwt.steps import Steps, finish, in_order

#: A host with at most this many literal patterns is a plain tuple: as fast to walk as a tree, and far smaller.
SMALL = 3
_LITERAL = (KINDS[0], KINDS[3])

HostTree = tuple[Entry, ...] | Tree


def build(entries: Sequence[Entry]) -> Steps[HostTree]:
    """Compile the entries of one host; of equals the first given wins."""
    ordered = yield from in_order(entries, order)
    if len(ordered) <= SMALL and all(entry.match in _LITERAL for entry in ordered):
        return tuple(ordered)
    return (yield from Tree(ordered).grown())


def _entries(tree: HostTree) -> tuple[Entry, ...]:
    return tree if isinstance(tree, tuple) else tree.entries


class Router:
    """Host patterns (exact names, `*.suffix`, `*`) and the entries of each. `Router()` is empty and routes nothing.

    `exact` (only to be read) has the exact names: what stands there is a canonical host.
    """

    __slots__ = ("_rest", "_wild", "exact")

    def __init__(self) -> None:
        self.exact: dict[bytes, HostTree] = {}
        self._wild: dict[bytes, HostTree] = {}  # by suffix, the dot included
        self._rest: HostTree | None = None

    def match(self, host: bytes, path: bytes, view: RequestView) -> Any:
        """The target that wins, or None. `host` is normalised, `path` normalised and without params. Hot."""
        tree = self.exact.get(host)
        if tree is None:
            tree = self._elsewhere(host)
            if tree is None:
                return None
        if tree.__class__ is tuple:
            probe = path + END
            for entry in tree:
                if probe.startswith(entry.probe):
                    conditions = entry.conditions
                    if conditions is None or conditions.holds(view):
                        return entry.target
            return None
        return tree.find(path, view)  # type: ignore[union-attr]

    def _elsewhere(self, host: bytes) -> HostTree | None:
        if self._wild:
            for suffix in wildcard_suffixes(host):
                tree = self._wild.get(suffix)
                if tree is not None:
                    return tree
        return self._rest

    def pattern_of(self, host: bytes) -> str | None:
        """The pattern that `host` is routed by: itself, a wildcard, `*`, or None where nothing takes it."""
        if host in self.exact:
            return host.decode("ascii")
        for suffix in wildcard_suffixes(host):
            if suffix in self._wild:
                return "*" + suffix.decode("ascii")
        return None if self._rest is None else "*"

    def explain(self, host: bytes, path: bytes, view: RequestView) -> list[Candidate]:
        """Every entry of the chosen host, in the order in which they are tried, and why each lost."""
        chosen = self.pattern_of(host)
        return [] if chosen is None else candidates(self.entries_of(chosen), path, view)

    def entries_of(self, pattern: str) -> tuple[Entry, ...]:
        """The entries of one pattern in the order in which they are tried; empty for an unknown pattern."""
        if pattern == "*":
            tree = self._rest
        elif pattern.startswith("*"):
            tree = self._wild.get(pattern[1:].encode("ascii"))
        else:
            tree = self.exact.get(pattern.encode("ascii"))
        return () if tree is None else _entries(tree)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every (host pattern, entry)."""
        for host, tree in self.exact.items():
            for entry in _entries(tree):
                yield host.decode("ascii"), entry
        for suffix, tree in self._wild.items():
            for entry in _entries(tree):
                yield "*" + suffix.decode("ascii"), entry
        for entry in () if self._rest is None else _entries(self._rest):
            yield "*", entry

    def ambiguous(self, pattern: str) -> list[tuple[Entry, Entry]]:
        """(winner, loser) for every entry of `pattern` that loses to another by its name or place alone."""
        first: dict[tuple[Any, ...], Entry] = {}
        found = []
        for entry in self.entries_of(pattern):
            winner = first.setdefault(shape(entry), entry)
            if winner is not entry:
                found.append((winner, entry))
        return found

    def with_hosts(self, changes: Mapping[str, Sequence[Entry]]) -> Router:
        """A router in which each pattern of `changes` has these entries (none: is gone); all else is shared."""
        return finish(self.with_hosts_in_steps(changes))

    def with_hosts_in_steps(self, changes: Mapping[str, Sequence[Entry]]) -> Steps[Router]:
        """`with_hosts` for a caller that must not be kept long: yields often, ends in the router.

        Patterns are those of `hosts.host_pattern`.
        """
        router = Router()
        router.exact, router._wild, router._rest = self.exact.copy(), self._wild, self._rest
        if any(pattern.startswith("*.") for pattern in changes):
            router._wild = self._wild.copy()
        for pattern, entries in changes.items():
            tree = (yield from build(entries)) if entries else None
            if pattern == "*":
                router._rest = tree
            elif pattern.startswith("*"):
                _put(router._wild, pattern[1:].encode("ascii"), tree)
            else:
                _put(router.exact, pattern.encode("ascii"), tree)
            yield
        return router


def _put(table: dict[bytes, HostTree], key: bytes, tree: HostTree | None) -> None:
    if tree is None:
        table.pop(key, None)
    else:
        table[key] = tree
