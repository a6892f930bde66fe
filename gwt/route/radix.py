"""The paths of one host as a tree of segments, with all choosing done when it is built.

Every node holds, in the order in which they win, the entries that can apply to a path that ends there (`here`)
or goes on where the tree does not (`inside`): its own and those inherited from above, cut behind the first that
takes everything. A look-up walks the path once and tests conditions in that order. Regular expressions hang where
their literal beginning leads; templates have a tree of their own, as a segment may fit both a name and a placeholder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge
from typing import Any

from gwt.route.conditions import RequestView
from gwt.route.entry import Entry, is_placeholder
from gwt.route.regex import literal_prefix

#: More entries than this that hang at the root without taking everything are kept apart, not repeated in every node.
FLOAT = 8


class Node:
    """One segment. `inside` and `here` hold ranks (int) while the tree is built, entries afterwards."""

    __slots__ = ("here", "inside", "kids")

    def __init__(self) -> None:
        self.kids: dict[bytes, Node] = _NO_KIDS
        self.inside: Sequence[Any] = ()
        self.here: Sequence[Any] = ()

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


class TemplateNode:
    """One segment of templates: named children, the placeholder's child, and the entries that end here."""

    __slots__ = ("any", "entries", "kids")

    def __init__(self) -> None:
        self.kids: dict[bytes, TemplateNode] = {}
        self.any: TemplateNode | None = None
        self.entries: list[Entry] = []

    def descend(self, segments: Iterable[bytes]) -> TemplateNode:
        """The node that `segments` lead to, made if there is none."""
        node = self
        for segment in segments:
            if not is_placeholder(segment):
                node = node.kids.setdefault(segment, TemplateNode())
                continue
            if node.any is None:
                node.any = TemplateNode()
            node = node.any
        return node


class Tree:
    """The compiled entries of one host. `entries` are all of them in the order in which they win."""

    __slots__ = ("_extras", "_floating", "_ranks", "_splits", "_template_splits", "_templates", "_top", "entries")

    def __init__(self, ordered: Sequence[Entry]) -> None:
        self.entries = tuple(ordered)
        self._top = Node()
        self._splits = 1
        self._templates = TemplateNode()
        self._template_splits = 0
        for rank, entry in enumerate(self.entries):
            self._insert(rank, entry)
        self._floating = self._cut_floating()
        self._settle()
        self._extras = bool(self._floating or self._template_splits)
        self._ranks = {entry: rank for rank, entry in enumerate(self.entries)} if self._extras else {}

    def find(self, path: bytes, view: RequestView) -> Any:
        """The target of the first entry that takes the request, or None. Hot."""
        node = self._top
        for segment in path.split(b"/", self._splits):
            kid = node.kids.get(segment)
            if kid is None:
                entries = node.inside
                break
            node = kid
        else:
            entries = node.here
        if self._extras:
            entries = self._with_extras(path, entries)
        for entry in entries:
            regex = entry.regex
            if regex is None or regex.search(path):
                conditions = entry.conditions
                if conditions is None or conditions.holds(view):
                    return entry.target
        return None

    def _with_extras(self, path: bytes, entries: Sequence[Entry]) -> Sequence[Entry]:
        """`entries` with the templates that fit and the floating ones in their places."""
        extras = self._fitting_templates(path) if self._template_splits else []
        extras += self._floating
        if not extras:
            return entries
        extras += entries
        extras.sort(key=self._ranks.__getitem__)
        return extras

    def _fitting_templates(self, path: bytes) -> list[Entry]:
        nodes = [self._templates]
        for segment in path.split(b"/", self._template_splits):
            following = []
            for node in nodes:
                kid = node.kids.get(segment)
                if kid is not None:
                    following.append(kid)
                if node.any is not None and segment:
                    following.append(node.any)
            if not following:
                return []
            nodes = following
        return [entry for node in nodes for entry in node.entries]

    def _insert(self, rank: int, entry: Entry) -> None:
        if entry.match == "template":
            segments = entry.uri.split(b"/")
            self._templates.descend(segments).entries.append(entry)
            # One split more than the longest has: what is left over fits no placeholder by mistake.
            self._template_splits = max(self._template_splits, len(segments))
            return
        segments = _place(entry)
        self._splits = max(self._splits, len(segments))
        node = self._top.descend(segments)
        if entry.match == "exact":
            node.here = [*node.here, rank]
        else:
            node.inside = [*node.inside, rank]

    def _cut_floating(self) -> list[Entry]:
        root = self._top.kids.get(b"")
        if root is None:
            return []
        loose = [rank for rank in root.inside if not self.entries[rank].certain]
        if len(loose) <= FLOAT:
            return []
        root.inside = [rank for rank in root.inside if self.entries[rank].certain]
        return [self.entries[rank] for rank in loose]

    def _settle(self) -> None:
        """Replace the ranks of every node by the entries that can win there, inherited ones included."""
        waiting: list[tuple[Node, list[int], tuple[Entry, ...]]] = [(self._top, [], ())]
        while waiting:
            node, ranks, inside = waiting.pop()
            own_here = node.here
            if node.inside:
                ranks = self._cut(merge(ranks, node.inside))
                inside = tuple([self.entries[rank] for rank in ranks])
            node.inside = node.here = inside
            if own_here:
                node.here = tuple([self.entries[rank] for rank in self._cut(merge(ranks, own_here))])
            waiting += [(kid, ranks, inside) for kid in node.kids.values()]

    def _cut(self, ranks: Iterable[int]) -> list[int]:
        """`ranks` up to the first whose entry takes every request that comes here."""
        kept = []
        for rank in ranks:
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
