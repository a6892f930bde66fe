"""FileStore: documents in the files of a directory (`file:DIR`), looked at once a refresh.

A scan tells from stat() which files may have changed; those are read once they hold still, and parsed if their
digest is another. All that changed in one look makes one Delta. A file that can't be read or parsed keeps what it
last said; one that is gone takes its documents with it.

The event loop is never kept waiting: what the file system does happens in a thread, small files are parsed here
between requests, large ones by children.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.task import deferLater

from gwt.model.route import Problem
from gwt.stamps import Stamp
from gwt.steps import Steps
from gwt.store.base import Apply, StoreError
from gwt.store.catalog import Catalog
from gwt.store.known import Known, Suspects
from gwt.store.loading import Fetched, Loaded, fetch, parse
from gwt.store.outside import Outside
from gwt.store.pace import HURRY, Pacer
from gwt.store.scan import Listing, scan, stamp

T = TypeVar("T")

#: Seconds for which a changed file must hold still before it is read: half-written is not what anybody means.
QUIET = 0.05

#: Documents that are handed over together while the first content is still being read.
PORTION = 5000

#: Bytes of a file that is parsed in the serving process: some 2 ms of YAML. Larger ones are parsed outside.
SMALL = 4096

#: Where more than this changed at once it all goes outside; at the start, parsing by two outweighs starting them.
MANY = 128 * 1024


#: Files between two yields.
STRIDE = 20

#: Files that are there, by name.
Present = dict[str, Stamp]


class InThread(Protocol):
    """Calls something that may block, in a thread; fires with what it returns."""

    def __call__(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]: ...


def at_once(function: Callable[..., T], *arguments: Any) -> Deferred[T]:
    """Calls it here and now, where nobody is kept waiting."""
    return maybeDeferred(function, *arguments)


class FileStore:
    """The Store of `root`. `clock` is IReactorTime; `wall` gives the time of file systems in ns."""

    def __init__(
        self,
        root: str,
        clock: Any,
        in_thread: InThread = at_once,
        outside: Outside | None = None,
        quiet: float = QUIET,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Without `in_thread` the file system is asked at once, without `outside` every file is parsed here."""
        self._root, self._clock, self._quiet, self._wall = root, clock, quiet, wall
        self._in_thread, self._outside = in_thread, outside
        self._pacer = Pacer(clock)
        self._catalog = Catalog()
        self._known = Known()
        self._blind: dict[str, str] = {}
        self._apply: Apply | None = None
        self._early: Pacer | None = None
        self._portion: Deferred[None] | None = None

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
        listing, suspects = await self._in_thread(self._scan)
        if "" in listing.blind:
            raise StoreError(f"the store's directory {self._root!r} can't be read: {listing.blind['']}")
        self._note_blind(listing)
        self._early = hurried
        await self._load(suspects, hurried, MANY)
        self._early = None
        if self._portion is not None:
            await self._portion
        await self._hand_over(hurried, always=True)

    async def _look(self) -> None:
        listing, suspects = await self._in_thread(self._scan)
        changed = self._note_blind(listing)
        if suspects:
            await deferLater(self._clock, self._quiet)
            suspects = await self._in_thread(self._still, suspects)
            await self._load(suspects, self._pacer, SMALL)
        if suspects or changed:
            await self._hand_over(self._pacer)

    async def _hand_over(self, pacer: Pacer, always: bool = False) -> None:
        delta = await pacer.run(self._catalog.settle())
        if self._apply is not None and (delta or always):
            self._apply(delta)

    def _scan(self) -> tuple[Listing, Suspects]:
        listing = scan(self._root)
        return listing, self._known.suspects(listing)

    def _still(self, suspects: Suspects) -> Suspects:
        """Those that are as they were a moment ago; the others are looked at again with the next pull."""
        still: Suspects = {}
        for name, before in suspects.items():
            try:
                if stamp(self._path(name)) == before:
                    still[name] = before
            except OSError:
                continue  # the next scan says that it is blind there
        return still

    async def _load(self, suspects: Suspects, pacer: Pacer, small: int) -> None:
        """Read what changed, and parse it: here where it is `small` and not much, else outside."""
        now = self._wall()
        present, away = await pacer.run(self._part(suspects, small, now, pacer))
        fetched = await self._in_thread(self._fetch, present)
        await pacer.run(self._parse(fetched, present, now))
        await gatherResults(away, consumeErrors=True)

    def _part(
        self, suspects: Suspects, small: int, now: int, pacer: Pacer
    ) -> Steps[tuple[Present, list[Deferred[None]]]]:
        """Forget what is gone, send away what is large: (what is left to do here, what is under way)."""
        much = sum(seen[1] for seen in suspects.values() if seen is not None) > MANY
        here: Present = {}
        away = []
        for number, (name, seen) in enumerate(suspects.items()):
            if seen is None:
                self._known.forget(name)
                self._catalog.remove(name)
            elif self._outside is not None and (much or seen[1] > small):
                away.append(self._load_outside(name, seen, now, pacer))
            else:
                here[name] = seen
            if number % STRIDE == 0:
                yield
        return here, away

    def _load_outside(self, name: str, seen: Stamp, now: int, pacer: Pacer) -> Deferred[None]:
        assert self._outside is not None
        loading = self._outside.load(self._path(name), name, self._known.digest(name), pacer)
        return loading.addCallback(self._take, name, seen, now).addCallback(self._hand_over_early)

    def _hand_over_early(self, _: None) -> None:
        """At the start: what has been read is compiled here while children parse the rest."""
        if self._early is not None and self._portion is None and self._catalog.waiting >= PORTION:
            self._portion = Deferred.fromCoroutine(self._hand_over(self._early))
            self._portion.addBoth(self._handed_over)

    def _handed_over(self, result: T) -> T:
        self._portion = None
        return result

    def _fetch(self, present: Iterable[str]) -> dict[str, Fetched]:
        return {name: fetch(self._path(name), self._known.digest(name)) for name in present}

    def _parse(self, fetched: Mapping[str, Fetched], present: Present, now: int) -> Steps[None]:
        for name, one in fetched.items():
            self._take(parse(one, name), name, present[name], now)
            yield

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
