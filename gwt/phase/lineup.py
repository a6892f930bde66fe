"""Lineup: the order in which the methods of a chain's members run, both ways; plain tuples, made once.

On the way in `steps` are all rewrite methods and then all access methods, by priority. On the way back the methods of
those that ran come in the reverse order. Where nobody takes part a tuple is empty, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gwt.phase.edit import Edit, merged
from gwt.phase.member import Member, Method

INWARDS = ("rewrite", "access")


class Stand(NamedTuple):
    """A member and the methods that it runs with now."""

    member: Member
    methods: dict[str, Method]


class Step(NamedTuple):
    """One call on the way in: of the member at `position` of the order, in `phase`."""

    position: int
    phase: str


class Back:
    """The way back over some members: `heads` and `bodies` filter the answer, `logs` see its end.

    `members` are all that ran, in the order of the way back; `logs` are pairs. `filters`: the answer may be changed.
    """

    __slots__ = ("_stands", "bodies", "filters", "heads", "logs", "members")

    def __init__(self, stands: Sequence[Stand]) -> None:
        self._stands = stands
        self.members = tuple(one.member for one in stands)
        self.heads = tuple(one.methods["header_filter"] for one in stands if "header_filter" in one.methods)
        self.bodies = tuple(one.methods["body_filter"] for one in stands if "body_filter" in one.methods)
        self.logs = tuple((one.methods["log"], one.member) for one in stands if "log" in one.methods)
        self.filters = bool(self.heads or self.bodies)

    def owner(self, method: Method) -> Member:
        """Whose filter this is."""
        return next(one.member for one in self._stands if method in one.methods.values())

    def labels(self) -> list[str]:
        """`NAME#PHASE` of every method, phase by phase."""
        phases = ("header_filter", "body_filter", "log")
        return [f"{one.member.name}#{phase}" for phase in phases for one in self._stands if phase in one.methods]

    def after(self, member: Member) -> Back:
        """Those whose turn on the way back comes after that of `member`."""
        return Back(self._stands[self.members.index(member) + 1 :])


class Lineup:
    """`steps` are called in turn; `plan` says of each whose it is.

    `watches`: the way back concerns somebody who must be called; `edit`: what becomes of answers where nobody has to.
    """

    __slots__ = ("_backs", "_stands", "back", "edit", "plan", "steps", "watches")

    def __init__(self, stands: Sequence[Stand]) -> None:
        self._stands = tuple(stands)
        self.plan = tuple(
            Step(position, phase)
            for phase in INWARDS
            for position, one in enumerate(self._stands)
            if phase in one.methods
        )
        self.steps: tuple[Method, ...] = tuple(self._stands[s.position].methods[s.phase] for s in self.plan)
        self.back = Back(self._stands[::-1])
        edits = [method for method in self.back.heads if isinstance(method, Edit)]
        self.watches = bool(len(edits) < len(self.back.heads) or self.back.bodies or self.back.logs)
        self.edit = merged(edits) if edits and not self.watches else None
        self._backs: dict[tuple[int, bool], Back] = {}

    def member(self, index: int) -> Member:
        """Whose step `index` is."""
        return self._stands[self.plan[index].position].member

    def stopped(self, index: int, inclusive: bool) -> Back:
        """The way back from step `index`, over what ran until then; `inclusive`: its own member too.

        In access that is whoever's turn had come, and whoever ran in rewrite.
        """
        key = (index, inclusive)
        if key not in self._backs:
            self._backs[key] = Back(self._ran(index, inclusive)[::-1])
        return self._backs[key]

    def _ran(self, index: int, inclusive: bool) -> list[Stand]:
        stop, phase = self.plan[index]
        return [
            one
            for position, one in enumerate(self._stands)
            if (inclusive if position == stop else position < stop or (phase == "access" and "rewrite" in one.methods))
        ]

    def labels(self, index: int | None, back: Back) -> list[str]:
        """`NAME#PHASE` of what runs for a request that step `index` stopped (None: nothing did)."""
        steps = self.plan if index is None else self.plan[: index + 1]
        return [f"{self._stands[s.position].member.name}#{s.phase}" for s in steps] + back.labels()


def ordered(members: Sequence[Member]) -> list[Member]:
    """Higher priority first; the name decides between equals, so that the order never depends on chance."""
    return sorted(members, key=_rank)


def _rank(member: Member) -> Any:
    return -member.priority, member.name
