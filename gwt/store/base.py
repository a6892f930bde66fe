"""What every store is to the rest of gwt: a source of Deltas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from gwt.delta import Delta

#: Takes a Delta over. Returns at once; what it means is worked out beside the traffic.
Apply = Callable[[Delta], None]


class StoreError(Exception):
    """The store can't be used at all; the message is one line for people."""


class Store(Protocol):
    """A place where documents live. Deltas are handed over in order, and never one that says nothing."""

    def start(self, apply: Apply) -> Deferred[None]:
        """Read everything; fires when the first complete content was handed over, fails with StoreError.

        It may come in several Deltas: until then nothing is complete, and nothing is to be served.
        """

    def pull(self) -> Deferred[None]:
        """Look for changes and hand them over. Fails where that was not possible: what is in force stays so."""

    def stop(self) -> Deferred[None]:
        """Let go of connections and processes; no Delta comes after it was called."""

    def describe(self) -> str:
        """One line for the start-up message; holds no secret."""
