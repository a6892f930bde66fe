"""FileStore: documents in the files of a directory (`file:DIR`), looked at once a refresh.

A scan tells from stat() which files may have changed; those are read once they hold still, and parsed if their
digest is another. All that changed in one look makes one Delta. A file that can't be read or parsed keeps what it
last said; one that is gone takes its documents with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import deferLater

from gwt.model.route import Problem
from gwt.steps import Steps
from gwt.store.base import Apply, StoreError
from gwt.store.catalog import Catalog
from gwt.store.known import Known, Suspects
from gwt.store.loading import Loaded, load
from gwt.store.outside import Outside
from gwt.store.pace import Pacer
from gwt.store.scan import Listing, Stamp, scan, stamp

#: Seconds for which a changed file must hold still before it is read: half-written is not what anybody means.
QUIET = 0.05

#: Seconds a turn while nothing is served yet.
HURRY = 0.5

#: Bytes of a file that is parsed in the serving process: some 2 ms of YAML. Larger ones are parsed outside.
SMALL = 4096

#: Where more than this changed at once it all goes outside; at the start, parsing by two outweighs starting them.
MANY = 128 * 1024


class FileStore:
    """The Store of `root`. `clock` is IReactorTime; `wall` gives the time of file systems in ns."""

    def __init__(
        self,
        root: str,
        clock: Any,
        outside: Outside | None = None,
        quiet: float = QUIET,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Without `outside` every file is parsed here, whatever its size."""
        self._root, self._clock, self._quiet, self._wall = root, clock, quiet, wall
        self._outside = outside
        self._pacer = Pacer(clock)
        self._catalog = Catalog()
        self._known = Known()
        self._blind: dict[str, str] = {}
        self._apply: Apply | None = None

    def start(self, apply: Apply) -> Deferred[None]:
        """See `Store.start`. Fails with StoreError where the directory can't be read."""
        self._apply = apply
        return Deferred.fromCoroutine(self._first())

    def pull(self) -> Deferred[None]:
        """See `Store.pull`."""
        return Deferred.fromCoroutine(self._look())

    def stop(self) -> Deferred[None]:
        """See `Store.stop`."""
        self._apply = None
        return succeed(None) if self._outside is None else self._outside.close()

    def describe(self) -> str:
        """The directory and how much was found there."""
        return f"file:{self._root} ({len(self._known)} files)"

    async def _first(self) -> None:
        hurried = Pacer(self._clock, HURRY)
        listing = await hurried.run(scan(self._root))
        if "" in listing.blind:
            raise StoreError(f"the store's directory {self._root!r} can't be read: {listing.blind['']}")
        self._note_blind(listing)
        suspects = await hurried.run(self._known.suspects(listing))
        await self._load(suspects, hurried, MANY)
        await self._hand_over(hurried, always=True)

    async def _look(self) -> None:
        listing = await self._pacer.run(scan(self._root))
        changed = self._note_blind(listing)
        suspects = await self._pacer.run(self._known.suspects(listing))
        if suspects:
            await deferLater(self._clock, self._quiet)
            suspects = await self._pacer.run(self._still(suspects))
            await self._load(suspects, self._pacer, SMALL)
        if suspects or changed:
            await self._hand_over(self._pacer)

    async def _hand_over(self, pacer: Pacer, always: bool = False) -> None:
        delta = await pacer.run(self._catalog.settle())
        if self._apply is not None and (delta or always):
            self._apply(delta)

    def _still(self, suspects: Suspects) -> Steps[Suspects]:
        """Those that are as they were a moment ago; the others are looked at again with the next pull."""
        still: Suspects = {}
        for name, before in suspects.items():
            try:
                if stamp(self._path(name)) == before:
                    still[name] = before
            except OSError:
                continue  # the next scan says that it is blind there
            yield
        return still

    async def _load(self, suspects: Suspects, pacer: Pacer, small: int) -> None:
        """Read what changed: here where it is `small` and not much, else outside."""
        present = {name: seen for name, seen in suspects.items() if seen is not None}
        for name in suspects.keys() - present.keys():
            self._known.forget(name)
            self._catalog.remove(name)
        large = []
        if self._outside is not None:
            much = sum(seen.size for seen in present.values()) > MANY
            large = [name for name, seen in present.items() if much or seen.size > small]
        away = [self._load_outside(name, present.pop(name), pacer) for name in large]
        await pacer.run(self._load_here(present))
        await gatherResults(away, consumeErrors=True)

    def _load_here(self, present: Mapping[str, Stamp]) -> Steps[None]:
        for name, seen in present.items():
            now = self._wall()
            self._take(load(self._path(name), name, self._known.digest(name)), name, seen, now)
            yield

    def _load_outside(self, name: str, seen: Stamp, pacer: Pacer) -> Deferred[None]:
        assert self._outside is not None
        loading = self._outside.load(self._path(name), name, self._known.digest(name), pacer)
        return loading.addCallback(self._take, name, seen, self._wall())

    def _take(self, loaded: Loaded, name: str, seen: Stamp, now: int) -> None:
        if loaded.error is not None:
            self._catalog.fail(name, Problem(name, 0, 0, f"can't be read: {loaded.error}; what it said last holds"))
            return
        self._known.note(name, seen, loaded.digest, now)
        if loaded.content is None:
            self._catalog.heal(name)
        else:
            self._catalog.put(name, loaded.content)

    def _note_blind(self, listing: Listing) -> bool:
        """Report what can't be seen; True where that is not what it was."""
        if listing.blind == self._blind:
            return False
        for name in self._blind.keys() - listing.blind.keys():
            self._catalog.heal(f"{name}/")
        for name, reason in listing.blind.items():
            problem = Problem(name or self._root, 0, 0, f"can't be read: {reason}; what it said last holds")
            self._catalog.fail(f"{name}/", problem)
        self._blind = listing.blind
        return True

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)
