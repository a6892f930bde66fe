"""Wrappers that notice what passes through them: looks at a store, connections that are opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from gwt.delta import Delta
from gwt.secure.connect import connect_securely
from gwt.store.base import Apply, Store


class Watched:
    """A Store that tells `looked(changed)` after each pull that was possible."""

    def __init__(self, store: Store, looked: Callable[[bool], None]) -> None:
        self._store, self._looked = store, looked
        self._changed = False

    def start(self, apply: Apply) -> Deferred[None]:
        def pass_on(delta: Delta) -> None:
            self._changed = True
            apply(delta)

        return self._store.start(pass_on)

    def pull(self) -> Deferred[None]:
        self._changed = False
        return self._store.pull().addCallback(self._pulled)

    def _pulled(self, result: None) -> None:
        self._looked(self._changed)

    def stop(self) -> Deferred[None]:
        return self._store.stop()

    def describe(self) -> str:
        return self._store.describe()


class Dialled:
    """The reactor as upstream pools see it: `connects` counts the connections that they open."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.connects = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def connectTCP(self, *arguments: Any, **options: Any) -> Any:
        self.connects += 1
        return self._reactor.connectTCP(*arguments, **options)

    def connectSecurely(self, *arguments: Any) -> Any:
        self.connects += 1
        return connect_securely(self._reactor, *arguments)
