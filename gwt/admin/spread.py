"""Spread: a change is answered once all workers have it, so that whoever is asked next knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from gwt.admin.peers import Peers
from gwt.store.commit import Writable

#: What a worker asks the others.
ASK = "reach"


class Spread:
    """`store` and `settled` as `gwt.admin.observed.Observed` has them."""

    def __init__(
        self, store: Callable[[], Writable | None], settled: Callable[[], Deferred[Any]], peers: Peers
    ) -> None:  # fmt: skip
        self._store, self._settled, self._peers = store, settled, peers

    @inlineCallbacks
    def everywhere(self, part: str, rev: int) -> Any:
        """Fires once that revision of `part` is in force in all workers; whoever is too late is waited for no more.

        This one comes first: the others hear of a change when it does, and are not waited for as long as a store is.
        """
        yield self.here(part, rev)
        yield self._peers.ask({"ask": ASK, "part": part, "rev": rev})

    @inlineCallbacks
    def here(self, part: str, rev: int) -> Any:
        """The same of this process alone."""
        store = self._store()
        if store is not None:
            yield store.reached(part, rev)
            yield self._settled()
