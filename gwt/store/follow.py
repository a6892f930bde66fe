"""Follow: what to read of a shared store so that nothing half-done is ever seen. Pure: no connection, no clock.

A store counts its changes by parts: `routes` (routes, rules, lists, consumers), `services` and `certificates`, which
have no history, as it would show their keys. Each change names
what it touched; a reader that has heard of every change since the last one it applied reads those names, all in one
transaction, and applies them if the revision that came with them is the one that it has heard of last. Whoever missed
one reads the whole part. Revisions compare only within one store `id`: another one, or one that is gone, says that the
store was emptied or replaced, and what is in force stays until it has been filled again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

#: The hashes of each part.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "routes": ("routes", "rules", "lists", "consumers"),
    "services": ("services",),
    "certificates": ("certificates",),
}

#: Hash -> part.
PART_OF: Final[Mapping[str, str]] = {hash_: part for part, hashes in PARTS.items() for hash_ in hashes}

#: The version of the layout that this gwt reads and writes.
FORMAT: Final = "1"

#: Changes that are waited for, and names that are asked for: whoever is behind by more reads all of it.
MOST: Final = 1000

#: A store of this many entries, less than half of which are left, is looked at twice.
MANY: Final = 20


class Change(NamedTuple):
    """A message: revision `rev` of `part` touched `names`; none: anything may be another."""

    part: str
    rev: int
    names: tuple[str, ...]


def read_change(message: str) -> Change | None:
    """`routes REV NAME...`; None for what is none."""
    part, *words = message.split() or [""]
    if part not in PARTS or not words or not words[0].isdecimal():
        return None
    return Change(part, int(words[0]), tuple(words[1:]))


class State(NamedTuple):
    """What a store says of itself: `id`, `format` (None: not there), and its revisions by part (0: none).

    `id` is "" where something stands there that nobody has given an id, None where nothing does: the store is empty.
    """

    id: str | None
    format: str | None
    revs: Mapping[str, int]


class Question(NamedTuple):
    """What to read of `part`, together with the State: these names of its hashes, or all (None)."""

    part: str
    names: frozenset[str] | None


class Unreadable(Exception):
    """The store says what can't be followed; one line for people."""


class Follower:
    """Knows which revisions are applied and which are heard of. One question at a time is under way."""

    def __init__(self, id_: str | None = None, revs: Mapping[str, int] | None = None) -> None:
        self.id = id_
        self.revs: dict[str, int] = dict(revs or {})
        self._heard: dict[str, dict[int, tuple[str, ...]]] = {part: {} for part in PARTS}
        self._whole: set[str] = set(PARTS) if not revs else set()
        self._emptied = False

    def heard(self, change: Change) -> None:
        """A message came in. Old ones, and those that come again, say nothing new."""
        if change.rev <= self.revs.get(change.part, -1):
            return
        heard = self._heard[change.part]
        heard[change.rev] = change.names
        if not change.names or len(heard) > MOST:
            self._whole.add(change.part)

    def deaf(self) -> None:
        """Messages may have been missed: the subscription was not there."""
        for heard in self._heard.values():
            heard.clear()

    def looked(self, state: State) -> None:
        """What the store says of itself, read by itself (a pull). Raises Unreadable."""
        self._judge(state)
        other = state.id != self.id or not self._continues(state)
        for part in PARTS:
            rev = state.revs.get(part, 0)
            if other or (rev != self.revs.get(part) and self._names(part, rev) is None):
                self._whole.add(part)

    def question(self, without: Collection[str] = ()) -> Question | None:
        """What to read next, of other parts than those `without`; None where nothing new is known."""
        for part in PARTS:
            if part in self._whole and part not in without:
                return Question(part, None)
        for part, heard in self._heard.items():
            if heard and part not in without:
                names = self._names(part, max(heard))
                if names is not None:
                    return Question(part, names if len(names) <= MOST else None)
        return None

    def is_new(self, part: str, state: State) -> bool:
        """Whether nothing of `part` was applied yet of the store that `state` is of."""
        return part not in self.revs or not self._continues(state)

    def waiting(self, part: str) -> int:
        """Changes of `part` that were heard of and are not applied."""
        return len(self._heard[part])

    def answered(self, question: Question, state: State) -> bool:
        """Whether what was read with `state` in one transaction is to be applied. Raises Unreadable."""
        self._judge(state)
        part, rev = question.part, state.revs.get(question.part, 0)
        if question.names is None:
            self._follow(state)
            self._applied(part, rev)
            return True
        if state.id != self.id or not self._continues(state):
            self._whole.add(part)
            return False
        names = self._names(part, rev)
        if names is None or not names <= question.names:
            return False  # there is more already: its message is on its way, or the next pull misses it
        self._applied(part, rev)
        return True

    def _continues(self, state: State) -> bool:
        """Whether `state` is of the store that is followed, as it went on: it may have been given its first id."""
        if self._emptied or (self.id and state.id != self.id):
            return False
        return all(state.revs.get(part, 0) >= rev for part, rev in self.revs.items())

    def _follow(self, state: State) -> None:
        """What is applied next is of the store that `state` is of."""
        if not self._continues(state):
            self.revs.clear()
        elif state.id == self.id:
            return
        self.id, self._emptied, self._whole = state.id, False, set(PARTS)

    def _applied(self, part: str, rev: int) -> None:
        self.revs[part] = rev
        self._whole.discard(part)
        heard = self._heard[part]
        for old in [one for one in heard if one <= rev]:
            del heard[old]

    def _names(self, part: str, rev: int) -> frozenset[str] | None:
        """What has changed up to `rev`; None where a message is missing."""
        heard, begun = self._heard[part], self.revs.get(part)
        if begun is None or rev < begun or rev - begun > MOST:
            return None
        wanted = range(begun + 1, rev + 1)
        if not all(heard.get(one) for one in wanted):
            return None
        return frozenset(name for one in wanted for name in heard[one])

    def _judge(self, state: State) -> None:
        if state.id is None:
            self._emptied = True
            raise Unreadable("the store is empty: what is in force stays until it is filled again")
        if state.format not in (None, FORMAT):
            raise Unreadable(f"the store is of format {state.format}, this gwt reads {FORMAT}")


def shrinks(before: Iterable[str], after: Iterable[str]) -> bool:
    """Whether so much is gone at once that it may be an accident: `before` and `after` are names of entries."""
    had = set(before)
    return len(had) >= MANY and len(had.intersection(after)) * 2 < len(had)
