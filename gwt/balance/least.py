"""Pickers that look at the load: least connections, and the better of two by peak EWMA."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate
from math import exp, inf

from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.balance.pick import Turns

#: Seconds in which what was observed loses all but 1/e of its say.
DECAY = 10.0
#: What a failure counts as at least, in seconds: one that fails fast must not look fast.
FAILURE = 1.0
#: Cost of an endpoint that was never observed and has its first requests in flight: let others go first.
UNKNOWN = 1e6


def observe(state: EndpointState, seconds: float, now: float) -> None:
    """An answer took `seconds`. A slower one than expected counts at once and in full, faster ones bit by bit."""
    if seconds >= state.ewma:
        state.ewma = seconds
    else:
        kept = exp((state.ewma_at - now) / DECAY)
        state.ewma = state.ewma * kept + seconds * (1.0 - kept)
    state.ewma_at = now


def observe_failure(state: EndpointState, seconds: float, now: float) -> None:
    """A try failed after `seconds`: counts as slow, and twice as slow if it goes on, up to a minute."""
    observe(state, min(max(seconds, FAILURE, state.ewma * 2.0), 60.0), now)


class LeastConn:
    """The endpoint with the fewest requests in flight for its weight; of equals, whose turn it is."""

    __slots__ = ("_endpoints", "_turns")

    def __init__(self, endpoints: Sequence[Endpoint], turns: Turns) -> None:
        """`turns`: a round robin over the same `endpoints`."""
        self._endpoints = tuple(endpoints)
        self._turns = turns

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        if not tried:
            first = self._turns.front()
            if first is None or not first.state.inflight:  # nobody can have fewer
                return self._turns.pick()
        least = inf
        equals: list[Endpoint] = []
        for endpoint in self._endpoints:
            load = endpoint.state.inflight / endpoint.share
            if load <= least and endpoint not in tried:
                if load < least:
                    least, equals = load, []
                equals.append(endpoint)
        return self._turns.among(equals)

    def phases(self) -> Mapping[str, float]:
        return self._turns.phases()


class BetterOfTwo:
    """Two endpoints drawn by weight; the one with the lower peak EWMA x load (p2c)."""

    __slots__ = ("_bounds", "_clock", "_endpoints", "_random")

    def __init__(self, endpoints: Sequence[Endpoint], clock: Callable[[], float], random: Callable[[], float]) -> None:
        self._endpoints = tuple(endpoints)
        self._bounds = list(accumulate(endpoint.share for endpoint in endpoints))
        self._clock = clock
        self._random = random

    def pick(self, key: bytes | None = None, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        if tried:
            rest = [endpoint for endpoint in self._endpoints if endpoint not in tried]
            return BetterOfTwo(rest, self._clock, self._random).pick()
        size = len(self._endpoints)
        if size < 2:
            return self._endpoints[0] if size else None
        first, second = self._draw(size)
        now = self._clock()
        return second if cost(second, now) < cost(first, now) else first

    def _draw(self, size: int) -> tuple[Endpoint, Endpoint]:
        bounds, random = self._bounds, self._random
        total = bounds[-1]
        if total == size:  # all of weight 1
            one, two = int(random() * size), int(random() * (size - 1))
            two += two >= one
        else:
            one, two = bisect(bounds, random() * total), bisect(bounds, random() * total)
            if one == two:  # a heavy one drawn twice competes with a neighbour
                two = (one + 1 + int(random() * (size - 1))) % size
        return self._endpoints[one], self._endpoints[two]

    def phases(self) -> Mapping[str, float]:
        return {}


def cost(endpoint: Endpoint, now: float) -> float:
    """What the next request would wait for, in seconds: the decayed peak EWMA times the load for its weight.

    One that was never observed costs nothing while it is idle, so that it is tried, and much until it has answered.
    """
    state = endpoint.state
    if not state.ewma:
        return UNKNOWN + state.inflight if state.inflight else 0.0
    return state.ewma * exp((state.ewma_at - now) / DECAY) * (1.0 + state.inflight / endpoint.share)
