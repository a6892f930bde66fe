"""Tally: what the states of endpoints say, added up by service in counters that never go down.

States come and go with their endpoints, and may come back. What each has said so far is remembered for as long as
that can be: no request is counted twice, and none is missed that was in flight when its endpoint left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gwt.balance.endpoint import IDLE, EndpointState
from gwt.balance.upstream import Upstream
from gwt.metrics import Meters, UpstreamStats
from gwt.steps import Steps

#: Endpoints looked at between two yields.
STRIDE = 500
#: Seconds after which a state that has gone does not come back: the registry has forgotten it by then.
GONE = 2 * IDLE


class _Seen:
    """A state that has had requests, what was counted of them already, and when it was there last."""

    __slots__ = ("failures", "key", "requests", "state", "there")

    def __init__(self, key: str, state: EndpointState) -> None:
        self.key, self.state, self.there = key, state, 0.0
        self.requests = self.failures = 0


class Tally:
    """`tries` over all services since the start; `upstreams`, `endpoints` and `ready` of them at the last look."""

    def __init__(self, meters: Meters, clock: Callable[[], float]) -> None:
        self._meters, self._clock = meters, clock
        self._seen: dict[int, _Seen] = {}
        self._gauged: dict[int, UpstreamStats] = {}
        self.tries = self.upstreams = self.endpoints = self.ready = 0
        self._busy = False

    def take(self, upstreams: Mapping[str, Upstream]) -> Steps[None]:
        """Look at every endpoint. Two looks at once do not double: the second one leaves it to the first."""
        if self._busy:
            return
        self._busy = True
        try:
            yield from self._take(upstreams)
        finally:
            self._busy = False

    def _take(self, upstreams: Mapping[str, Upstream]) -> Steps[None]:
        services = endpoints = ready = done = 0
        now = self._clock()
        for key, upstream in upstreams.items():
            if upstream.key != key:
                continue
            services += 1
            for one in upstream.endpoints:
                endpoints += 1
                ready += one.ready
                if one.state.requests:
                    self._note(key, one.state, now)
                if endpoints - done >= STRIDE:
                    done = endpoints
                    yield
        self.upstreams, self.endpoints, self.ready = services, endpoints, ready
        yield from self._add(now)

    def _note(self, key: str, state: EndpointState, now: float) -> None:
        seen = self._seen.get(id(state))  # it can't be another's: what is seen is held
        if seen is None:
            seen = self._seen[id(state)] = _Seen(key, state)
        seen.there = now

    def _add(self, now: float) -> Steps[None]:
        in_flight: dict[int, int] = dict.fromkeys(self._gauged, 0)
        for number, (mark, seen) in enumerate(list(self._seen.items())):
            state, stats = seen.state, self._meters.upstream(seen.key)
            requests, failures = state.requests, state.failures
            stats.tries.inc(requests - seen.requests)
            stats.failures.inc(failures - seen.failures)
            self.tries += requests - seen.requests
            seen.requests, seen.failures = requests, failures
            self._gauged[id(stats)] = stats
            in_flight[id(stats)] = in_flight.get(id(stats), 0) + state.inflight
            if now - seen.there > GONE and not state.inflight:
                del self._seen[mark]
            if number % STRIDE == STRIDE - 1:
                yield
        for mark, count in in_flight.items():
            self._gauged[mark].in_flight.set(count)
