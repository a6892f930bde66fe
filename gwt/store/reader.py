"""Reader: what a store that many share is to those who follow it and write to it: Redis or etcd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from gwt.store.commit import Commit, Revision
from gwt.store.follow import Change, Question, State

#: Hash -> name -> what stands there, None where nothing does.
Found = Mapping[str, Mapping[str, bytes | None]]


class Told(Protocol):
    """Whoever a Reader is for."""

    def follow_from(self) -> None:
        """From now on every change is told of; what came before may have been missed."""

    def heard(self, change: Change) -> None:
        """A change was published."""


class Reader(Protocol):
    """A connection to a store. It calls `follow_from` and `heard` of whom it is told for.

    `counted`: each revision of routes is one more than the one before. `most`: entries that a commit may have.
    """

    counted: bool
    most: int

    def start(self, store: Told) -> None:
        """Connect, and stay so."""

    def stop(self) -> Deferred[Any]:
        """Disconnect."""

    def state(self) -> Deferred[State]:
        """What the store says of itself. Fails where it can't be asked; soon."""

    def read(self, question: Question) -> Deferred[tuple[State, Found]]:
        """What the question asks for, with the state at the same moment."""

    def commit(self, commit: Commit) -> Deferred[int]:
        """Change the store; fires with the new revision. Fails with Conflict, Fenced or StoreError."""

    def history(self) -> Deferred[list[Revision]]:
        """The revisions of routes that are remembered, in order. Fails with StoreError."""

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        """What stands there now. Fails with StoreError."""

    def holds(self, part: str, rev: int, revs: Mapping[str, int]) -> bool:
        """Whether `revs`, which are applied, have in them what a commit to `part` has made revision `rev` of."""

    def expected(self, part: str, revs: Mapping[str, int]) -> int:
        """What to expect of a commit to `part` that is made from what was read with `revs`."""

    def revision(self, revs: Mapping[str, int]) -> int:
        """What all who read the store call the revision of routes, where `revs` are applied."""
