"""Round robin, plain and weighted.

Both keep one order of turns. Where weights are equal it is a queue: whoever is picked goes to the back.
So any two endpoints take strict turns for as long as both can be picked, whatever happens to the others.
With weights it is a timetable: an endpoint of weight w is due w times a lap, evenly spread.
An endpoint that is passed over, because it was tried already, stays first in line.

A turn is carried over a change as a *phase*: how much of the time between two picks of
an endpoint has still to pass, from 0 (now) to 1 (was just picked).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import Protocol

from gwt.balance.endpoint import Endpoint


class Picker(Protocol):
    """Chooses among the candidates of one service."""

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        """The endpoint for the next request, none of `tried`; None if there is no other. `key`: what sticks to it."""

    def phases(self) -> Mapping[str, float]:
        """By address, in the order of turns, what the next picker needs to go on where this one stopped."""


class Turns(Picker, Protocol):
    """A picker that takes turns, and can say whose turn it is."""

    def front(self) -> Endpoint | None:
        """Whose turn it is, without taking it."""

    def among(self, allowed: Collection[Endpoint]) -> Endpoint | None:
        """The next in turn of these; None if there is none."""


class Nobody:
    """There is no candidate."""

    __slots__ = ()

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        return None

    def front(self) -> Endpoint | None:
        return None

    def among(self, allowed: Collection[Endpoint]) -> Endpoint | None:
        return None

    def phases(self) -> Mapping[str, float]:
        return {}


class Ring:
    """Turns of endpoints of equal weight: a list and a cursor."""

    __slots__ = ("_at", "_last", "_ring")

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        """`endpoints`, at least one, in the order of their turns."""
        self._ring = list(endpoints)
        self._at = 0
        self._last = len(self._ring) - 1

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        if tried:
            return self._pick_other(tried)
        at = self._at
        self._at = at + 1 if at < self._last else 0
        return self._ring[at]

    def _pick_other(self, tried: Collection[Endpoint]) -> Endpoint | None:
        queue = self._queue()
        for place, endpoint in enumerate(queue):
            if endpoint not in tried:
                return self._take(queue, place)
        return None

    def among(self, allowed: Collection[Endpoint]) -> Endpoint | None:
        if self._ring[self._at] in allowed:
            return self.pick()
        queue = self._queue()
        for place, endpoint in enumerate(queue):
            if endpoint in allowed:
                return self._take(queue, place)
        return None

    def _take(self, queue: list[Endpoint], place: int) -> Endpoint:
        """Pick out of turn: those who were passed over stay in front."""
        endpoint = queue.pop(place)
        queue.append(endpoint)
        self._ring, self._at = queue, 0
        return endpoint

    def _queue(self) -> list[Endpoint]:
        return self._ring[self._at :] + self._ring[: self._at]

    def front(self) -> Endpoint | None:
        return self._ring[self._at]

    def phases(self) -> Mapping[str, float]:
        size = len(self._ring)
        return {endpoint.address: (place + 0.5) / size for place, endpoint in enumerate(self._queue())}


class Timetable:
    """Turns of endpoints of different weights: each is due every 1 / weight laps, who is due first is picked."""

    __slots__ = ("_due", "_now", "_picks")

    def __init__(self, due: Sequence[tuple[float, Endpoint]]) -> None:
        """`due`: when each endpoint, at least one, has its first turn, in laps from now."""
        # Of two that are due at the same moment, the one that has waited longer comes first.
        self._due = [(when, place, endpoint) for place, (when, endpoint) in enumerate(due)]
        heapify(self._due)
        self._now = 0.0
        self._picks = len(due)

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        if tried:
            return self._pick_other(tried)
        when, _, endpoint = self._due[0]
        self._picks += 1
        heapreplace(self._due, (when + 1.0 / endpoint.share, self._picks, endpoint))
        self._now = when
        return endpoint

    def _pick_other(self, tried: Collection[Endpoint]) -> Endpoint | None:
        heap, passed, found = self._due, [], None
        while heap and found is None:
            turn = heappop(heap)
            if turn[2] in tried:
                passed.append(turn)
            else:
                found = turn
        if found is not None:
            self._now = found[0]
            self._picks += 1
            heappush(heap, (found[0] + 1.0 / found[2].share, self._picks, found[2]))
        for when, place, endpoint in passed:
            # Due at once, but not for every turn that it missed: that would be a burst.
            heappush(heap, (max(when, self._now), place, endpoint))
        return found[2] if found else None

    def front(self) -> Endpoint | None:
        return self._due[0][2]

    def among(self, allowed: Collection[Endpoint]) -> Endpoint | None:
        return self._pick_other({endpoint for _, _, endpoint in self._due if endpoint not in allowed})

    def phases(self) -> Mapping[str, float]:
        return {endpoint.address: (when - self._now) * endpoint.share for when, _, endpoint in sorted(self._due)}


def round_robin(
    endpoints: Sequence[Endpoint], phases: Mapping[str, float], random: Callable[[], float]
) -> Ring | Timetable | Nobody:
    """The turns of `endpoints`, going on from `phases` (of the picker before; empty at first).

    Newcomers are spread over one lap. At first the start is random, so that many
    gateways, each with little traffic, do not all begin with the same endpoint.
    """
    if not endpoints:
        return Nobody()
    turns = dict(phases) | _newcomers([e for e in endpoints if e.address not in phases], 0.0 if phases else random())
    here = {endpoint.address: endpoint for endpoint in endpoints}
    order = [here[address] for address in sorted(turns, key=turns.__getitem__) if address in here]
    if len({endpoint.share for endpoint in endpoints}) == 1:
        return Ring(order)
    return Timetable([(turns[endpoint.address] / endpoint.share, endpoint) for endpoint in order])


def _newcomers(endpoints: Sequence[Endpoint], start: float) -> dict[str, float]:
    """Phases above 0 and below 1, evenly spread over the endpoints of each weight."""
    sizes = Counter(endpoint.share for endpoint in endpoints)
    seen: Counter[int] = Counter()
    phases = {}
    for endpoint in endpoints:
        seen[endpoint.share] += 1
        phase = seen[endpoint.share] / sizes[endpoint.share] + start
        # Just below 1: behind everybody who waits, but before the second turn of the one who is next.
        phases[endpoint.address] = (phase - 1.0 if phase > 1.0 else phase) * 0.999999
    return phases
