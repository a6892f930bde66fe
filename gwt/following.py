"""Following: the store of a gateway, and what it has in common with others that follow it; they change together."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, TimeoutError, inlineCallbacks, succeed
from twisted.logger import Logger

from gwt.configuration import Configuration
from gwt.dns.book import Book
from gwt.dns.permits import Permits
from gwt.dns.system import server_of
from gwt.limiter.node import NodeLimiter
from gwt.limiting import Limiter
from gwt.metrics import Metrics
from gwt.model.secret import reveal
from gwt.model.settings import Settings
from gwt.resolver.names import Names
from gwt.resolver.resolver import Resolver
from gwt.store.base import Store, StoreError
from gwt.store.commit import Writable
from gwt.store.memory import MemoryStore
from gwt.store.open import SHARED, open_store
from gwt.store.refresh import Refresher
from gwt.store.resolved import ResolvedStore
from gwt.store.shared import SharedStore
from gwt.zones.arena import Arena

if TYPE_CHECKING:
    from gwt.sharing import Sharing

#: Seconds for which a reload waits for the first content of another shared store.
PATIENCE = 15.0


@dataclass(frozen=True)
class Place:
    """Where a gateway runs: `arena` is the memory that all processes of this node share, `node` its id.

    `documents` is the text of a `memory:` store (the demo).
    """

    reactor: Any
    clock: Callable[[], float]
    arena: Arena
    node: str
    documents: str = ""
    metrics: Metrics = field(default_factory=Metrics.private)


class Following:
    """`store`, not started yet, and the `limiter` that counts as it says. Raises StoreError."""

    log = Logger("gwt.store")

    def __init__(self, place: Place, settings: Settings, base: Path) -> None:
        self._reactor = place.reactor
        url = reveal(settings.store)
        store = open_store(url, place.reactor, str(base), settings.shrink_hold)
        if isinstance(store, MemoryStore) and place.documents:
            store.put("demo-routes.yaml", place.documents)
        #: Of a shared store the controller has resolved the names, for all its gateways.
        self.store: Store = (
            store if isinstance(store, SharedStore) else ResolvedStore(store, self._names(place, settings))
        )
        self._sharing = _sharing(place, url)
        self.limiter: Limiter = NodeLimiter(place.arena) if self._sharing is None else self._sharing.limiter

    def _names(self, place: Place, settings: Settings) -> Names:
        external = settings.external_name
        permits = Permits(external.allow, external.deny_addresses)
        book = Book(permits, random.random, lambda line: self.log.warn("{line}", line=line))
        resolver = Resolver(place.reactor, tuple(map(server_of, external.servers)))
        return Names(place.reactor, book, resolver.lookup, place.metrics)

    @property
    def writable(self) -> Writable | None:
        """The store, where it takes changes."""
        return self.store if isinstance(self.store, SharedStore) else None

    def refit(self, settings: Settings) -> None:
        """What may change of a store while it is followed: one that is followed anew would believe what it finds."""
        if isinstance(self.store, SharedStore):
            self.store.hold(settings.shrink_hold)

    @inlineCallbacks
    def begin(self, refresher: Refresher) -> Any:
        """Start `refresher`, made for this store, beside another one; StoreError where that can't be done in time."""
        started = refresher.start()
        if self.writable is not None:
            started.addTimeout(PATIENCE, self._reactor)
        try:
            yield started
        except TimeoutError:
            yield refresher.stop()
            raise StoreError(f"the store has not been read within {PATIENCE:g} s") from None
        except StoreError:
            yield refresher.stop()
            raise

    def share(self) -> None:
        """From now on this gateway counts, and is counted, with the others."""
        if self._sharing is not None:
            self._sharing.start()

    def part(self) -> Deferred[Any]:
        """It does no more: the limiter decides by itself for requests that still have it. (The store is stopped by
        its refresher.)"""
        return succeed(None) if self._sharing is None else self._sharing.stop()


def follows(configuration: Configuration) -> tuple[Any, ...]:
    """What a store is followed by: where this differs, another Following is needed."""
    settings = configuration.settings
    return reveal(settings.store), configuration.base, settings.refresh, settings.external_name


def _sharing(place: Place, url: str) -> Sharing | None:
    if url.partition(":")[0] not in SHARED:
        return None
    from gwt.sharing import sharing  # txredisapi takes the reactor that is installed by then

    try:
        return sharing(place.reactor, place.arena, place.clock, url, place.node)
    except (ValueError, OSError) as error:
        raise StoreError(f"store: {error}") from None
