"""Snapshot: everything that a request reads, immutable; Current: the one live pointer to it.

A request takes `current.snapshot` once and keeps it to its end; a change builds a new Snapshot beside the old
one and swaps it in by one assignment. What must outlive a Snapshot (in-flight counts, cursors) is keyed by
address and lives in the registry that the upstreams share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gwt.balance.upstream import Upstream
from gwt.fitting import Outermost
from gwt.model.certificate import Certificate
from gwt.model.route import Problem
from gwt.route.router import Router
from gwt.sharded import Sharded
from gwt.streams import StreamTable


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """`router.match(...)` gives a Leaf; `upstreams.get(leaf.upstream)` the balanced service behind it, if there is one.

    `upstreams` is keyed by service key and, where the port has a name, by `namespace/name:portname` too.
    `guarded` holds the host patterns (as in the router) of which any path has login, auth plugins or IP lists.
    `outermost` is what gateway.yaml makes of a path of which no document says anything.
    `errors` counts the problems that are more than warnings, `certificates` are those of documents, by name.
    `services_revision` and `certificates_revision` are None where the store has one revision for all. `streams` says by
    listener where connections go. `book` belongs to the compiler: what it needs to make the next from this one.
    """

    revision: int
    router: Router
    upstreams: Sharded[Upstream]
    guarded: frozenset[str]
    escaped_slashes: str
    merge_slashes: bool
    lists: Mapping[str, tuple[str, ...]]
    consumers: Mapping[str, Any]
    book: Any
    outermost: Outermost
    document_problems: tuple[Problem, ...] = ()
    compile_problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    errors: int = 0
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    services_revision: int | None = None
    certificates_revision: int | None = None
    streams: Mapping[str, StreamTable] = field(default_factory=dict)

    def keeps_escaped_slash(self, host: bytes) -> bool:
        """False where %2F in a path of this (normalised) host is refused with 400."""
        if self.escaped_slashes != "auto":
            return self.escaped_slashes == "keep"
        return not self.guarded or self.router.pattern_of(host) not in self.guarded

    @property
    def services_keep_escaped_slash(self) -> bool:
        """The same for the service proxy, whose paths are all under gateway.yaml alone."""
        if self.escaped_slashes != "auto":
            return self.escaped_slashes == "keep"
        return not self.outermost.verdict.guarded

    def problems(self) -> Iterator[Problem]:
        """What is wrong now: with documents first, then what only became clear when they were put together."""
        yield from self.document_problems
        for name in sorted(self.compile_problems):
            yield from self.compile_problems[name]


class Current:
    """The one live pointer of the data plane. Whoever needs to follow changes registers with `watch`."""

    __slots__ = ("_watchers", "snapshot")

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._watchers: list[Callable[[Snapshot], None]] = []

    def watch(self, watcher: Callable[[Snapshot], None]) -> None:
        """Call `watcher(new)` after each swap. It must be quick and must not raise."""
        self._watchers.append(watcher)

    def swap(self, snapshot: Snapshot) -> None:
        """Put `snapshot` in force for every request that begins from now on."""
        self.snapshot = snapshot
        for watcher in self._watchers:
            watcher(snapshot)
