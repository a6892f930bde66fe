"""Mirror: what stands below the prefix of an etcd, kept up to date by a watch. Pure.

Each part counts the changes that came, so that a Follower may ask for what they name; the revision of routes, which all
gateways call the same, is etcd's own: that of the last change to any of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from gwt.etcd.messages import KeyValue
from gwt.store.follow import PART_OF, PARTS, Change, Question, State

#: Counts of each part of which is remembered where they stood.
MOST: Final = 1000


class Mark(NamedTuple):
    """Where a count of a part stood: what it counts is there at revision `at`; `routes_rev` is that of routes."""

    at: int
    routes_rev: int


#: Of a count that is not remembered, or was made by another process.
UNKNOWN: Final = Mark(0, 0)


class Mirror:
    """Keys below `prefix`, as `fill` and `follow` tell of them. `at` is the revision that it stands at."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}/"
        self.at = 0
        self.keys: dict[str, KeyValue] = {}
        self._found: dict[str, dict[str, bytes]] = {hash_: {} for hash_ in PART_OF}
        self._revs = dict.fromkeys(PARTS, 0)
        self._marks: dict[str, dict[int, Mark]] = {part: {} for part in PARTS}
        self.routes_rev = 0

    def fill(self, keys: Iterable[KeyValue], at: int) -> None:
        """Everything that stands there at revision `at`."""
        self.keys.clear()
        for found in self._found.values():
            found.clear()
        self.routes_rev = 0
        for one in keys:
            self._put(one)
        self.at = at
        for part in PARTS:
            self._revs[part] += 1
        self._mark()

    def follow(self, events: Iterable[KeyValue]) -> list[Change]:
        """What a message of the watch told of, as changes, one a part; what is known already says nothing."""
        names: dict[str, list[str]] = {}
        begun = self.at
        for one in events:
            if one.rev <= begun:
                continue
            hash_, name = self._put(one)
            if hash_ in PART_OF:
                names.setdefault(PART_OF[hash_], []).append(name)
            self.at = max(self.at, one.rev)
        changes = []
        for part, changed in names.items():
            self._revs[part] += 1
            changes.append(Change(part, self._revs[part], tuple(changed)))
        self._mark()
        return changes

    def mark(self, part: str, count: int) -> Mark:
        """Where `count` of `part` stood."""
        return self._marks[part].get(count, UNKNOWN)

    def named(self, prefix: str) -> list[KeyValue]:
        """What stands below `prefix` of ours, the oldest first."""
        found = [one for key, one in self.keys.items() if key.startswith(self._prefix + prefix)]
        return sorted(found, key=lambda one: one.rev)

    @property
    def state(self) -> State:
        """What the store says of itself."""
        id_, format_ = (self.keys.get(self._prefix + name) for name in ("id", "format"))
        nameless = "" if any(self._found.values()) else None
        return State(_text(id_) if id_ else nameless, _text(format_), dict(self._revs))

    def read(self, question: Question) -> dict[str, dict[str, bytes | None]]:
        """What the question asks for."""
        found = {hash_: self._found[hash_] for hash_ in PARTS[question.part]}
        if question.names is None:
            return {hash_: dict(entries) for hash_, entries in found.items()}
        return {hash_: {name: entries.get(name) for name in question.names} for hash_, entries in found.items()}

    def _mark(self) -> None:
        for part, marks in self._marks.items():
            marks[self._revs[part]] = Mark(self.at, self.routes_rev)
            if len(marks) > MOST:
                del marks[next(iter(marks))]

    def _put(self, one: KeyValue) -> tuple[str, str]:
        hash_, _, name = one.key.removeprefix(self._prefix).partition("/")
        if one.value is None:
            self.keys.pop(one.key, None)
        else:
            self.keys[one.key] = one
        if hash_ in PART_OF and name:
            if one.value is None:
                self._found[hash_].pop(name, None)
            else:
                self._found[hash_][name] = one.value
        if PART_OF.get(hash_) == "routes" or (hash_ == "rev" and not name):
            self.routes_rev = max(self.routes_rev, one.rev)
        return hash_, name


def _text(one: KeyValue | None) -> str | None:
    return None if one is None or one.value is None else one.value.decode("utf-8", "replace")
