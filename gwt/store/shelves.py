"""Shelves: the parts of all documents by kind, each shelf knowing what it last gave out.

`put` and `drop` only note; `settle` yields often and ends in what changed on the shelf since it was last asked:
key -> new value, None where nothing stands there any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from gwt.delta import quarantine_key
from gwt.model.route import Problem, Quarantined, Route, Rule, Stream
from gwt.steps import Steps, in_order
from gwt.store.claims import Claim, Claims, Place

V = TypeVar("V")

#: Keys settled between two yields, some 100 µs.
STRIDE = 8


class Shelf(Generic[V]):
    """Values that need a unique key. The first claim holds; what becomes of the others is the business of the kind."""

    def __init__(self) -> None:
        self.claims: Claims[V] = Claims()
        self.given: dict[str, V] = {}
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self._dirty: set[str] = set()

    def put(self, key: str, place: Place, value: V) -> None:
        """`value` stands at `place` and wants `key`."""
        self.claims.put(key, place, value)
        self._dirty.add(key)

    def drop(self, key: str, place: Place) -> None:
        """What stood at `place` wants `key` no more."""
        self.claims.drop(key, place)
        self._dirty.add(key)

    def settle(self) -> Steps[dict[str, V | None]]:
        """Work in what was noted."""
        changed: dict[str, V | None] = {}
        dirty, self._dirty = self._dirty, set()
        for number, key in enumerate(dirty):
            self._settle(key, self.claims.holders(key), changed)
            if number % STRIDE == 0:
                yield
        return changed

    def _settle(self, key: str, held: list[Claim[V]], changed: dict[str, V | None]) -> None:
        self.give(key, held[0].value if held else None, changed)
        if len(held) > 1:
            self.problems[key] = tuple(self.double(key, claim, held[0]) for claim in held[1:])
        else:
            self.problems.pop(key, None)

    def give(self, key: str, value: V | None, changed: dict[str, V | None]) -> None:
        """Note `value` in `changed` unless it is what was given out before."""
        if value is None:
            if self.given.pop(key, None) is not None:
                changed[key] = None
        elif self.given.get(key) != value:
            self.given[key] = value
            changed[key] = value

    def double(self, key: str, claim: Claim[V], holder: Claim[V]) -> Problem:
        """What to say of `claim`, which came too late."""
        late, first = claim.place, holder.place
        where = f"{first.source}:{first.line}" if first.line else first.source
        message = f"{key!r} is defined already at {where}; the first by file name and position holds"
        return Problem(late.source, late.line, 1 if late.line else 0, message, name=key)


class RouteShelf(Shelf[Route | Quarantined]):
    """Routes by name and bad documents by `quarantine_key`. The second holder of a name is quarantined."""

    def __init__(self) -> None:
        super().__init__()
        self._losers: dict[str, set[str]] = {}

    def _settle(
        self, key: str, held: list[Claim[Route | Quarantined]], changed: dict[str, Route | Quarantined | None]
    ) -> None:
        super()._settle(key, held, changed)
        late = {self._late_key(key, claim): self._quarantined(claim, held[0]) for claim in held[1:]}
        for gone in self._losers.pop(key, set()).difference(late):
            self.give(gone, None, changed)
        for loser, value in late.items():
            self.give(loser, value, changed)
        if late:
            self._losers[key] = set(late)

    def _late_key(self, key: str, claim: Claim[Route | Quarantined]) -> str:
        # The name is part of it: a document that turns from a double into a bad one changes keys, in any order.
        return quarantine_key(f"{claim.place.identity} {key}")

    def _quarantined(self, claim: Claim[Route | Quarantined], holder: Claim[Route | Quarantined]) -> Quarantined:
        value = claim.value
        problem = self.double(value.name or "", claim, holder)
        stream = value.stream.listener if isinstance(value.stream, Stream) else value.stream
        return Quarantined(value.name, value.hosts, (problem,), value.source, stream)

    def double(self, key: str, claim: Claim[Route | Quarantined], holder: Claim[Route | Quarantined]) -> Problem:
        late, first = claim.value.source, holder.value.source
        where = f"{first.file}:{first.line}" if first.line else first.file
        message = f"the name {key!r} is taken already by the Route at {where}; this one is out of force"
        return Problem(late.file, late.line, 1 if late.line else 0, message, name=key)


class RuleShelf:
    """All rules in the order of their places."""

    def __init__(self) -> None:
        self._rules: dict[Place, tuple[Rule, ...]] = {}
        self.given: tuple[Rule, ...] = ()

    def put(self, place: Place, rules: tuple[Rule, ...]) -> None:
        """`rules` stand at `place`."""
        self._rules[place] = rules

    def drop(self, place: Place) -> None:
        """No rules at `place` any more."""
        self._rules.pop(place, None)

    def settle(self) -> tuple[Rule, ...] | None:
        """All rules, None where they are those of the last time."""
        rules = tuple(rule for place in sorted(self._rules) for rule in self._rules[place])
        if rules == self.given:
            return None
        self.given = rules
        return rules


class TableShelf(Shelf[V]):
    """A shelf that is given out whole: lists, consumers, certificates."""

    def settle_whole(self) -> Steps[Mapping[str, V] | None]:
        """All values in the order of their keys, so that all who follow a store have one; None: nothing changed."""
        changed = yield from self.settle()
        if not changed:
            return None
        items = yield from in_order(list(self.given.items()), lambda item: item[0])
        return dict(items)


def all_problems(*shelves: Shelf[Any]) -> Iterator[Problem]:
    """What is wrong on these shelves, in a stable order."""
    for shelf in shelves:
        for key in sorted(shelf.problems):
            yield from shelf.problems[key]
