"""Laws of the pickers over any history of joins, leaves, failures, changes of weight and readiness."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gwt.balance.endpoint import Endpoint, Registry
from gwt.balance.upstream import Upstream
from gwt.model.route import Balance, EndpointSpec, ServiceSpec

ADDRESSES = [f"10.0.0.{last}:80" for last in range(6)]
KEYS = [b"key-%d" % number for number in range(15)]
KINDS = ("round_robin", "sticky", "least_conn", "p2c")

addresses = st.sampled_from(ADDRESSES)
weights = st.sampled_from([1, 1, 1, 2, 3, 7])


def allowed(specs: dict[str, EndpointSpec]) -> set[str]:
    """Who may be picked, read from the contract rather than from the code."""
    ready = {address for address, spec in specs.items() if spec.ready}
    leaving = {address for address, spec in specs.items() if spec.serving and spec.terminating}
    able = ready or leaving
    return {address for address in able if specs[address].weight} or able


class History(RuleBasedStateMachine):
    """A service whose endpoints come and go between picks.

    `counts` holds the picks of each pair of endpoints since both could last be picked without a break: a
    pick that passed one of them over, because it was tried, breaks it, and so does a change of weight.
    """

    weighted = True

    def __init__(self) -> None:
        super().__init__()
        self.specs: dict[str, EndpointSpec] = {}
        self.counts: dict[tuple[str, str], list[int]] = {}
        self.homes: dict[bytes, str] = {}

    @initialize(first=st.dictionaries(addresses, weights, min_size=1), chance=st.floats(0, 1, exclude_max=True))
    def begin(self, first: dict[str, int], chance: float) -> None:
        self.specs = {
            address: EndpointSpec(address, weight=weight if self.weighted else 1) for address, weight in first.items()
        }
        registry = Registry(lambda: 0.0, lambda: chance)
        self.upstream = Upstream.of(self.service(), registry)
        self.follow()

    def service(self) -> ServiceSpec:
        return ServiceSpec("ns/a:80", tuple(self.specs.values()))

    def change(self, address: str, spec: EndpointSpec | None) -> None:
        before, old = allowed(self.specs), dict(self.specs)
        if spec is None:
            self.specs.pop(address, None)
        else:
            self.specs[address] = spec
        self.upstream = self.upstream.replaced(self.service())
        touched = before ^ allowed(self.specs)
        touched |= {one for one in before if old.get(one) != self.specs.get(one)}
        for pair in [pair for pair in self.counts if touched.intersection(pair)]:
            del self.counts[pair]
        self.follow()
        self.check_sticky(touched)

    def follow(self) -> None:
        for pair in combinations(sorted(allowed(self.specs)), 2):
            self.counts.setdefault(pair, [0, 0])

    def check_sticky(self, touched: set[str]) -> None:
        picker = self.upstream.picker(Balance("sticky", "user"))
        for key in KEYS:
            endpoint = picker.pick(key)
            was, now = self.homes.pop(key, None), endpoint and endpoint.address
            if now is not None:
                self.homes[key] = now
            assert was is None or was == now or was in touched or now in touched

    @rule(address=addresses, weight=weights)
    def join(self, address: str, weight: int) -> None:
        self.change(address, EndpointSpec(address, weight=weight if self.weighted else 1))

    @rule(address=addresses)
    def leave(self, address: str) -> None:
        self.change(address, None)

    @rule(address=addresses, ready=st.booleans(), serving=st.booleans(), terminating=st.booleans())
    def turn(self, address: str, ready: bool, serving: bool, terminating: bool) -> None:
        spec = self.specs.get(address, EndpointSpec(address))
        self.change(address, replace(spec, ready=ready, serving=serving, terminating=terminating))

    @precondition(lambda self: self.weighted)
    @rule(address=addresses, weight=st.integers(0, 5))
    def weigh(self, address: str, weight: int) -> None:
        self.change(address, replace(self.specs.get(address, EndpointSpec(address)), weight=weight))

    @rule(picks=st.integers(1, 12))
    def requests(self, picks: int) -> None:
        for _ in range(picks):
            self.count(self.upstream.picker(Balance()).pick(), ())

    @rule(failed=st.integers(1, 3))
    def failing_request(self, failed: int) -> None:
        tried: list[Endpoint] = []
        for _ in range(failed + 1):
            endpoint = self.upstream.picker(Balance()).pick(None, tuple(tried))
            assert endpoint not in tried
            assert endpoint is not None or len(tried) == len(allowed(self.specs))
            self.count(endpoint, [one.address for one in tried])
            if endpoint is not None:
                tried.append(endpoint)

    def count(self, endpoint: Endpoint | None, passed: list[str] | tuple[str, ...]) -> None:
        if endpoint is None:
            return
        for pair, counts in self.counts.items():
            if set(pair).intersection(passed):
                self.counts[pair] = [0, 0]
            elif endpoint.address in pair:
                counts[pair.index(endpoint.address)] += 1

    @rule(kind=st.sampled_from(KINDS), key=st.sampled_from([None, *KEYS]), tried=st.sets(addresses))
    def other_pickers(self, kind: str, key: bytes | None, tried: set[str]) -> None:
        if kind == "round_robin":
            return
        passed = [endpoint for endpoint in self.upstream.endpoints if endpoint.address in tried]
        endpoint = self.upstream.picker(Balance(kind)).pick(key, passed)
        left = allowed(self.specs) - tried
        assert (endpoint and endpoint.address) in (left or {None})
        if endpoint is not None:
            endpoint.state.inflight += 1

    @invariant()
    def nobody_gets_ahead(self) -> None:
        for (one, other), (mine, yours) in self.counts.items():
            a, b = (max(self.specs[address].weight, 1) for address in (one, other))
            # Of equal weights at most 1; else neither may be a full turn of both ahead.
            bound = 1.0 / a + 1.0 / b
            apart = abs(mine / a - yours / b)
            assert apart <= (1.0 / a if a == b else bound) + 1e-9, (one, mine, other, yours)

    @invariant()
    def only_who_may(self) -> None:
        may = allowed(self.specs)
        for kind in KINDS if self.specs and not may else ():
            assert self.upstream.picker(Balance(kind)).pick(b"key") is None
        assert {endpoint.address for endpoint in self.upstream.candidates} == may


class EvenHistory(History):
    """The same among equals."""

    weighted = False


TestHistory = History.TestCase
TestEvenHistory = EvenHistory.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestEvenHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
