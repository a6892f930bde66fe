"""Book: the names that are followed: which to ask for now, when the next, and what has changed by an answer. Pure.

Whoever wants a name, and how often: it is asked for once. No more than so many are asked for at a time; the others
wait their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final, NamedTuple

from gwt.dns.message import askable, canonical
from gwt.dns.permits import Permits, literal
from gwt.dns.resolution import Answers, Resolution

#: Names that are asked for at the same time; each takes two questions.
AT_ONCE: Final = 32

#: Of these, names for which the asking begins in one turn of the event loop: a millisecond or two.
A_TURN: Final = 4

#: Refused addresses of a name that a line names, and characters of what is no name.
SHOWN: Final = 3
LONGEST: Final = 100


class Change(NamedTuple):
    """The addresses of a name are others; `gone`: one that was there is no more."""

    gone: bool


class _Followed:
    """A name: what is known, when it is due (None: while it is asked for, and where nothing is to be asked)."""

    __slots__ = ("due", "refused", "resolution", "said")

    def __init__(self, resolution: Resolution) -> None:
        self.resolution = resolution
        self.due: float | None = None
        self.said = ""
        self.refused: frozenset[str] = frozenset()


class Book:
    """`chance` gives floats in [0, 1); `tell` gets lines for operators, each when it becomes true. Times in seconds."""

    def __init__(
        self, permits: Permits, chance: Callable[[], float], tell: Callable[[str], None], at_once: int = AT_ONCE
    ) -> None:
        self._permits, self._chance, self._tell, self._room = permits, chance, tell, at_once
        self._followed: dict[str, _Followed] = {}
        self._queue: list[tuple[float, str]] = []
        self._open = self.unresolved = self.refused = 0

    # -- what is wanted

    def want(self, name: str, now: float) -> None:
        """Follow a name from now on."""
        name = canonical(name)
        if name in self._followed:
            return
        one = self._followed[name] = _Followed(Resolution(self._permits))
        why = self._unaskable(name, one.resolution, now)
        if why is None:
            self._plan(name, one, now)
        else:
            one.resolution.answered = one.resolution.certain = True
            one.resolution.why = why
            self._report(name, one)
        self._count(one, 1)

    def _unaskable(self, name: str, resolution: Resolution, now: float) -> str | None:
        """Why there is nothing to ask, "" where that is good: an address is its own answer."""
        if not self._permits.admits(name):
            return "external_name.allow does not admit it"
        if literal(name) is not None:
            resolution.seed((name,), now)
            return ""
        return None if askable(name) else "this is no name of the DNS"

    def drop(self, name: str) -> None:
        """Nobody wants the name any more."""
        one = self._followed.pop(canonical(name), None)
        if one is not None:
            self._count(one, -1)

    def seed(self, name: str, addresses: Iterable[str], now: float) -> Change | None:
        """What a followed name led to when somebody else asked, good until an answer says otherwise.

        None: that is no change; what we know ourselves goes before.
        """
        one = self._followed.get(canonical(name))
        if one is None or one.resolution.addresses or not self._permits.admits(canonical(name)):
            return None
        self._count(one, -1)
        one.resolution.seed(addresses, now)
        self._count(one, 1)
        return Change(False) if one.resolution.addresses else None

    # -- questions and answers

    def due(self, now: float) -> list[str]:
        """Names to ask for now, A_TURN at most; each is to be `answered` some time."""
        found: list[str] = []
        while len(found) < A_TURN and self._queue and self._room > 0 and self._queue[0][0] <= now:
            at, name = heappop(self._queue)
            one = self._followed.get(name)
            if one is not None and one.due == at:
                one.due = None
                self._room -= 1
                found.append(name)
        return found

    def next_at(self) -> float | None:
        """When to look for names that are due; None: when a name is wanted, or answered."""
        return self._queue[0][0] if self._queue and self._room > 0 else None

    def answered(self, name: str, answers: Answers, now: float) -> Change | None:
        """What came of it; None where its addresses are what they were."""
        self._room += 1
        one = self._followed.get(name)
        if one is None or one.due is not None:  # not wanted any more, or wanted anew meanwhile
            return None
        before = one.resolution.addresses
        self._count(one, -1)
        self._plan(name, one, now + one.resolution.take(answers, now, self._chance()))
        self._count(one, 1)
        self._report(name, one)
        after = one.resolution.addresses
        return None if after == before else Change(not set(before) <= set(after))

    def _plan(self, name: str, one: _Followed, at: float) -> None:
        one.due = at
        heappush(self._queue, (at, name))

    # -- what is known

    def addresses(self, name: str) -> tuple[str, ...]:
        """What a name leads to now, IPv4 first; none where that is not known, or nowhere."""
        one = self._followed.get(canonical(name))
        return () if one is None else one.resolution.addresses

    @property
    def settled(self) -> bool:
        """Whether each name has been answered, one way or another."""
        return not self._open

    def __len__(self) -> int:
        """Names that are followed; `unresolved` of them can't be resolved now, `refused` addresses are denied."""
        return len(self._followed)

    def _count(self, one: _Followed, by: int) -> None:
        self._open += 0 if one.resolution.answered else by
        self.unresolved += by if one.resolution.why else 0
        self.refused += by * len(one.resolution.refused)

    def _report(self, name: str, one: _Followed) -> None:
        """Tell what has become true: that a name can't be resolved once, though why may be another each time."""
        resolution = one.resolution
        shown = name if askable(name) else repr(name[:LONGEST])
        held = len(resolution.addresses)
        state = "" if not resolution.why else "kept" if held else "nowhere"
        if state != one.said:
            one.said = state
            kept = f"; what it led to holds ({held} addresses)" if held else ""
            self._tell(
                f"external name {shown} "
                + (f"can't be resolved: {resolution.why}{kept}" if state else "is resolved again")
            )
        refused = frozenset(resolution.refused)
        if refused - one.refused:
            self._tell(f"external name {shown} leads to {_named(resolution.refused)}, left out:"
                       " external_name.deny_addresses denies that")  # fmt: skip
        one.refused = refused


def _named(addresses: tuple[str, ...]) -> str:
    more = f" and {len(addresses) - SHOWN} more" if len(addresses) > SHOWN else ""
    return f"{', '.join(addresses[:SHOWN])}{more}"
