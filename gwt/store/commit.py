"""Commit: one change of a shared store, as it is asked for, and what becomes of it; Revision: one that was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from gwt.store.follow import PARTS

#: Revisions that a store remembers.
REMEMBERED: Final = 100

_OTHERS = tuple(f"{hash_}/" for hash_ in PARTS["routes"])


@dataclass(frozen=True, slots=True)
class Commit:
    """`entries` by hash and name, each the text of an Entry or None (gone), all of one part.

    `expected`: the revision that it was made for; another one is a Conflict (None: whatever it is). `epoch` is that of
    the controller that writes: a lower one than the store has seen is Fenced (None: whoever writes is no controller).
    `actor` and `reason` are for the history; `time` is in seconds since the epoch, of Unix.
    """

    part: str
    entries: Mapping[str, Mapping[str, str | None]]
    actor: str
    reason: str = ""
    time: float = 0.0
    expected: int | None = None
    epoch: int | None = None

    def label(self, hash_: str, name: str) -> str:
        """What the history calls an entry."""
        return label_of(hash_, name)

    @property
    def labels(self) -> list[str]:
        """What the history calls its entries, sorted."""
        return sorted(label_of(hash_, name) for hash_, names in self.entries.items() for name in names)


class Writable(Protocol):
    """A store that takes changes. `counted`: each revision of routes is one more than the one before."""

    @property
    def counted(self) -> bool: ...

    @property
    def revision(self) -> int:
        """Of routes, as far as is known here."""

    def commit(self, commit: Commit) -> Deferred[int]:
        """Fires with the new revision. Fails with Conflict, Fenced or StoreError."""

    def reached(self, part: str, rev: int) -> Deferred[int]:
        """Fires with `rev` once that revision of `part` is handed over here, or `REACH` of gwt.store.reach has
        passed."""

    def whole(self, part: str) -> Deferred[tuple[int, Mapping[str, Mapping[str, bytes | None]]]]:
        """What stands in the hashes of `part` now, and the revision that a commit made from it expects. Fails with
        StoreError."""

    def history(self) -> Deferred[list[Revision]]:
        """The revisions that are remembered, in order. Fails with StoreError."""

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        """What stands there now. Fails with StoreError."""


class Conflict(Exception):
    """The store is at another revision, `rev`, than was expected."""

    def __init__(self, rev: int) -> None:
        super().__init__(f"the store is at revision {rev} by now")
        self.rev = rev


class Fenced(Exception):
    """Another controller has taken over, with `epoch`."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"another controller writes here, of epoch {epoch}")
        self.epoch = epoch


@dataclass(frozen=True, slots=True)
class Revision:
    """A change that was made: `changed` by label, each (before, after) as JSON, None where nothing stood or stands."""

    rev: int
    time: float = 0.0
    actor: str = ""
    reason: str = ""
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def read_revision(raw: bytes | str) -> Revision:
    """Raises ValueError where it is none."""
    value = json.loads(raw)
    try:
        changed = {str(label): (before, after) for label, (before, after) in value["changed"].items()}
        return Revision(int(value["rev"]), float(value["time"]), str(value["actor"]), str(value["reason"]), changed)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no revision: {error!r}") from None


def label_of(hash_: str, name: str) -> str:
    """What the history calls an entry: a route by its name, all others `HASH/NAME`."""
    return name if hash_ == "routes" and not name.startswith(_OTHERS) else f"{hash_}/{name}"


def entry_of(label: str) -> tuple[str, str]:
    """The hash and name that a label means."""
    hash_, slash, name = label.partition("/")
    return (hash_, name) if slash and hash_ in PARTS["routes"] else ("routes", label)
