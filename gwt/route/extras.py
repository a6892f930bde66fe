"""The entries of a host that the tree of segments can't place: templates, and many that hang at the root.

They are found for each request and put among those that the tree found, in the order in which all of them win.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gwt.route.entry import Entry, is_placeholder


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


class Extras:
    """The templates of a host and its `floating` entries, which may apply to any path."""

    __slots__ = ("_floating", "_ranks", "_templates", "longest")

    def __init__(self, floating: Sequence[Entry]) -> None:
        self._floating = tuple(floating)
        self._ranks: dict[Entry, int] = {}
        self._templates = TemplateNode()
        #: How many segments the longest template has, the empty one before the first slash included.
        self.longest = 0

    def put(self, rank: int, entry: Entry) -> None:
        """Every entry of the host has to be put, with its rank among them."""
        self._ranks[entry] = rank
        if entry.match == "template":
            segments = entry.uri.split(b"/")
            self._templates.descend(segments).entries.append(entry)
            self.longest = max(self.longest, len(segments))

    def among(self, entries: Sequence[Entry], segments: Sequence[bytes]) -> Sequence[Entry]:
        """`entries` with the templates that fit and the floating ones in their places.

        `segments` are those of a path split at no fewer than the first `longest` slashes.
        """
        extras = self._fitting(segments) if self.longest else []
        extras += self._floating
        if not extras:
            return entries
        ranks = self._ranks
        if len(extras) == 1 and (not entries or ranks[extras[0]] < ranks[entries[0]]):
            return (*extras, *entries)  # as mostly: one template, which goes before every prefix
        extras += entries
        extras.sort(key=ranks.__getitem__)
        return extras

    def _fitting(self, segments: Sequence[bytes]) -> list[Entry]:
        if len(segments) > self.longest:
            return []
        nodes = [self._templates]
        for segment in segments:
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
