"""The paths of one host as a tree of segments, with all choosing done when it is built.

Every node holds, in the order in which they win, the entries that can apply to a path that ends there (`here`)
or goes on where the tree does not (`inside`): its own and those inherited from above, cut behind the first that
takes everything. A look-up walks the path once and tests conditions in that order. Regular expressions hang where
their literal beginning leads; templates have a tree of their own, as a segment may fit both a name and a placeholder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gwt.route.conditions import RequestView
from gwt.route.entry import Entry
from gwt.route.extras import Extras
from gwt.route.regex import literal_prefix
from gwt.steps import Steps

#: More entries than this that hang at the root without taking everything are kept apart, not repeated in every node.
FLOAT = 8

#: Entries, or nodes, that are put in their places between two yields.
STRIDE = 32


class Node:
    """One segment. `inside` and `here` list the ranks (int) of own entries until `Tree._settle` puts entries there."""

    __slots__ = ("here", "inside", "kids")

    def __init__(self) -> None:
        self.kids: dict[bytes, Node] = _NO_KIDS
        self.inside: Any = []
        self.here: Any = []

    def kid(self, segment: bytes) -> Node:
        """The child for `segment`, made if there is none."""
        if self.kids is _NO_KIDS:
            self.kids = {}
        found = self.kids.get(segment)
        if found is None:
            found = self.kids[segment] = Node()
        return found

    def descend(self, segments: Iterable[bytes]) -> Node:
        """The node that `segments` lead to, made if there is none."""
        node = self
        for segment in segments:
            node = node.kid(segment)
        return node


_NO_KIDS: dict[bytes, Node] = {}


class Tree:
    """The compiled entries of one host, all of them in the order in which they win. Empty before it is `grown`."""

    __slots__ = ("_extras", "_splits", "_top", "entries")

    def __init__(self, ordered: Sequence[Entry]) -> None:
        self.entries = tuple(ordered)
        self._top = Node()
        self._splits = 1
        self._extras: Extras | None = None

    def find(self, path: bytes, view: RequestView) -> Any:
        """The target of the first entry that takes the request, or None. Hot."""
        node = self._top
        segments = path.split(b"/", self._splits)
        for segment in segments:
            kid = node.kids.get(segment)
            if kid is None:
                entries = node.inside
                break
            node = kid
        else:
            entries = node.here
        if self._extras is not None:
            entries = self._extras.among(entries, segments)
        for entry in entries:
            regex = entry.regex
            if regex is None or regex.search(path):
                conditions = entry.conditions
                if conditions is None or conditions.holds(view):
                    return entry.target
        return None

    def grown(self) -> Steps[Tree]:
        """Every entry put in its place; only then `find` may be called."""
        templates = False
        for rank, entry in enumerate(self.entries):
            if entry.match == "template":
                templates = True
            else:
                self._insert(rank, entry)
            if rank % STRIDE == 0:
                yield
        floating = self._cut_floating()
        yield from self._settle()
        if templates or floating:
            extras = self._extras = Extras(floating)
            for rank, entry in enumerate(self.entries):
                extras.put(rank, entry)
                if rank % STRIDE == 0:
                    yield
            self._splits = max(self._splits, extras.longest)
        return self

    def _insert(self, rank: int, entry: Entry) -> None:
        segments = _place(entry)
        # One more than the longest has: what is left of a longer path must not pass for its last segment.
        self._splits = max(self._splits, len(segments))
        node = self._top.descend(segments)
        if entry.match == "exact":
            node.here.append(rank)
        else:
            node.inside.append(rank)

    def _cut_floating(self) -> list[Entry]:
        root = self._top.kids.get(b"")
        if root is None:
            return []
        loose = [rank for rank in root.inside if not self.entries[rank].certain]
        if len(loose) <= FLOAT:
            return []
        root.inside = [rank for rank in root.inside if self.entries[rank].certain]
        return [self.entries[rank] for rank in loose]

    def _settle(self) -> Steps[None]:
        """Replace the ranks of every node by the entries that can win there, inherited ones included."""
        waiting: list[tuple[Node, list[int], tuple[Entry, ...]]] = [(self._top, [], ())]
        done = 0
        while waiting:
            node, ranks, inside = waiting.pop()
            ending = node.here
            if node.inside:
                ranks = self._cut(ranks + node.inside)
                inside = tuple([self.entries[rank] for rank in ranks])
            node.inside = node.here = inside
            if ending:
                node.here = tuple([self.entries[rank] for rank in self._cut(ranks + ending)])
            waiting += [(kid, ranks, inside) for kid in node.kids.values()]
            done += 1
            if done % STRIDE == 0:
                yield

    def _cut(self, ranks: list[int]) -> list[int]:
        """`ranks` in order, up to the first whose entry takes every request that comes here."""
        kept = []
        for rank in sorted(ranks):
            kept.append(rank)
            if self.entries[rank].certain:
                break
        return kept


def _place(entry: Entry) -> list[bytes]:
    """The segments (the empty one before the first slash included) of the node where an entry hangs."""
    if entry.match == "exact":
        return entry.uri.split(b"/")
    if entry.match == "prefix":
        return entry.probe.split(b"/")[:-1]
    # Only whole segments count: ^/api/v1 also fits /api/v12, so it hangs at /api.
    return literal_prefix(entry.uri).split(b"/")[:-1] or [b""]
