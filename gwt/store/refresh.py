"""Refresher: follows a store. Pulls once a refresh, works Deltas into Snapshots beside the traffic, swaps them in.

Deltas that come while one is being worked in coalesce into one. Whatever fails, the Snapshot in force stays: a Delta
that could not be compiled is kept and tried again with the next one, so none is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from gwt.compile import compile_delta
from gwt.delta import Delta
from gwt.snapshot import Current, Snapshot
from gwt.store.base import Store
from gwt.store.heap import Heap
from gwt.store.pace import BUDGET, HURRY, Pacer
from gwt.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class RefreshEvent:
    """Something to count and to log. `kind`: applied, pull_failed or compile_failed.

    Of `applied`: `seconds` from the Delta to the swap, `slice` the longest that the event loop was kept.
    """

    kind: str
    revision: int
    seconds: float = 0.0
    slice: float = 0.0
    failure: Failure | None = None


Observe = Callable[[RefreshEvent], None]


class Refresher:
    """Keeps `current` at what `store` says. `clock` is IReactorTime, `interval` in seconds."""

    def __init__(
        self, store: Store, current: Current, surroundings: Surroundings, clock: Any, interval: float, observe: Observe
    ) -> None:
        self._store, self._current, self._observe = store, current, observe
        self._surroundings = surroundings
        self._clock, self.interval = clock, interval
        self._pacer = Pacer(clock, HURRY)
        self._pending: Delta | None = None
        self._work: Deferred[Any] | None = None
        self._soon: Any = None
        self._told = current.snapshot.revision
        self._busy = self._stopped = False
        self._waiting: list[Deferred[None]] = []
        self._heap = Heap()
        self._loop = LoopingCall(self._pull)
        self._loop.clock = clock

    def start(self) -> Deferred[None]:
        """Fires when the first Snapshot is in force; fails with StoreError. Pulls from then on."""
        self._heap.loading()
        started = self._store.start(self.apply)
        started.addCallback(lambda _: self.settled())
        started.addBoth(self._loaded)
        return started.addCallback(self._follow)

    def stop(self) -> Deferred[None]:
        """Pull no more and let go of the store. The Snapshot in force stays."""
        self._stopped = True
        if self._loop.running:
            self._loop.stop()
        if self._soon is not None:
            self._soon.cancel()
        if self._work is not None:
            self._work.cancel()
        return self._store.stop()

    def apply(self, delta: Delta) -> None:
        """Put `delta` in force as soon as may be."""
        self._told = delta.revision
        self._pending = delta if self._pending is None else self._pending.merged(delta)
        if not self._loop.running:
            self._next()
        elif self._soon is None:  # requests have their turn after the work that it took to read the Delta
            self._soon = self._clock.callLater(0, self._begin)

    def _begin(self) -> None:
        self._soon = None
        self._next()

    def reconfigure(self, surroundings: Surroundings) -> Deferred[None]:
        """Compile everything again in other surroundings; fires when that is in force."""
        self._surroundings = surroundings
        self.apply(Delta(self._told))
        return self.settled()

    def settled(self) -> Deferred[None]:
        """Fires when nothing is under way: at once, or after the swap (or failure) that is."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        self._release()
        return done

    def _loaded(self, result: Any) -> Any:
        self._heap.settled(0)  # also where the start failed: collection is on again
        return result

    def _follow(self, _: None) -> None:
        self._pacer.budget = BUDGET
        self._loop.start(self.interval, now=False)

    def _next(self) -> None:
        if self._busy or self._pending is None or self._stopped:
            self._release()
            return
        delta, self._pending, self._busy = self._pending, None, True
        self._pacer.longest = 0.0
        begun = self._clock.seconds()
        self._work = self._pacer.run(compile_delta(self._current.snapshot, delta, self._surroundings))
        self._work.addCallback(self._swap, delta, begun)
        self._work.addErrback(self._failed, delta)
        self._work.addBoth(self._finish)

    def _swap(self, snapshot: Snapshot, delta: Delta, begun: float) -> bool:
        self._heap.settled(len(delta.routes) + len(delta.services))
        self._current.swap(snapshot)
        took = self._clock.seconds() - begun
        self._observe(RefreshEvent("applied", delta.revision, took, self._pacer.longest))
        return True

    def _failed(self, failure: Failure, delta: Delta) -> bool:
        self._pending = delta if self._pending is None else delta.merged(self._pending)
        if not self._stopped:
            self._observe(RefreshEvent("compile_failed", delta.revision, failure=failure))
        return False

    def _finish(self, done: bool | Failure) -> None:
        self._busy, self._work = False, None
        if done is True:
            self._next()
        else:
            self._release()  # what failed waits for the next Delta or pull

    def _release(self) -> None:
        if not self._busy and self._soon is None:
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)

    def _pull(self) -> Deferred[None]:
        self._surroundings.registry.expire()
        self._next()  # what failed before is tried again
        return self._store.pull().addErrback(self._pull_failed)

    def _pull_failed(self, failure: Failure) -> None:
        self._observe(RefreshEvent("pull_failed", self._current.snapshot.revision, failure=failure))
