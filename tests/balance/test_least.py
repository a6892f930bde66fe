from __future__ import annotations

import random
from collections import Counter

import pytest

from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.balance.least import DECAY, FAILURE, BetterOfTwo, LeastConn, cost, observe, observe_failure
from gwt.balance.pick import round_robin
from gwt.model.route import EndpointSpec


def endpoints(*weights: int) -> list[Endpoint]:
    specs = [EndpointSpec(f"10.0.0.{number}:80", weight=weight) for number, weight in enumerate(weights)]
    return [Endpoint(spec, EndpointState()) for spec in specs]


def least(some: list[Endpoint]) -> LeastConn:
    return LeastConn(some, round_robin(some, {}, lambda: 0.0))


def load(some: list[Endpoint], *inflight: int) -> None:
    for endpoint, number in zip(some, inflight, strict=True):
        endpoint.state.inflight = number


class TestLeastConn:
    def test_the_least_busy(self) -> None:
        _a, b, _c = some = endpoints(1, 1, 1)
        load(some, 3, 1, 2)
        picker = least(some)
        assert [picker.pick() for _ in range(3)] == [b, b, b]

    def test_by_weight(self) -> None:
        heavy, light = some = endpoints(4, 1)
        picker = least(some)
        load(some, 3, 1)
        assert picker.pick() is heavy
        load(some, 5, 1)
        assert picker.pick() is light

    def test_held_requests_end_up_by_weight(self) -> None:
        some = endpoints(4, 2, 2)
        picker = least(some)
        for _ in range(80):
            endpoint = picker.pick()
            assert endpoint is not None
            endpoint.state.inflight += 1
        assert [endpoint.state.inflight for endpoint in some] == [40, 20, 20]

    def test_equals_take_turns(self) -> None:
        a, _b, c = some = endpoints(1, 1, 1)
        load(some, 1, 2, 1)
        picker = least(some)
        assert [picker.pick() for _ in range(4)] == [a, c, a, c]

    def test_idle_ones_take_turns_by_weight(self) -> None:
        heavy, light = some = endpoints(3, 1)
        counts = Counter(map(least(some).pick, [None] * 40))
        assert (counts[heavy], counts[light]) == (30, 10)

    def test_tried(self) -> None:
        a, b = some = endpoints(1, 1)
        load(some, 0, 9)
        assert least(some).pick(None, (a,)) is b
        assert least(some).pick(None, (a, b)) is None
        assert least([]).pick() is None


class TestObserve:
    def test_slower_counts_at_once_and_faster_bit_by_bit(self) -> None:
        state = EndpointState(0.0)
        observe(state, 0.1, 0.0)
        observe(state, 0.5, 1.0)
        assert state.ewma == 0.5
        observe(state, 0.1, 2.0)
        assert 0.4 < state.ewma < 0.5
        observe(state, 0.1, 2.0 + 10 * DECAY)
        assert state.ewma == pytest.approx(0.1, abs=0.001)

    def test_failing_fast_is_not_being_fast(self) -> None:
        state = EndpointState(0.0)
        observe_failure(state, 0.001, 0.0)
        assert state.ewma == FAILURE
        for _ in range(20):
            observe_failure(state, 0.001, 0.0)
        assert state.ewma == 60.0

    def test_cost_fades_so_that_the_slow_are_tried_again(self) -> None:
        (endpoint,) = endpoints(1)
        observe(endpoint.state, 5.0, 0.0)
        assert cost(endpoint, 0.0) == 5.0
        assert cost(endpoint, 10 * DECAY) < 0.001

    def test_the_unknown_is_tried_once_and_then_waited_for(self) -> None:
        unknown, known = endpoints(1, 1)
        observe(known.state, 0.5, 0.0)
        assert cost(unknown, 0.0) < cost(known, 0.0)
        unknown.state.inflight = 1
        assert cost(unknown, 0.0) > cost(known, 0.0)


class TestBetterOfTwo:
    def picker(self, some: list[Endpoint]) -> BetterOfTwo:
        return BetterOfTwo(some, lambda: 0.0, random.Random(7).random)

    def test_of_two_the_better(self) -> None:
        a, b = some = endpoints(1, 1)
        observe(a.state, 0.2, 0.0)
        observe(b.state, 0.1, 0.0)
        picker = self.picker(some)
        assert {picker.pick() for _ in range(20)} == {b}
        b.state.inflight = 2
        assert {picker.pick() for _ in range(20)} == {a}

    def test_equals_share_by_weight(self) -> None:
        some = endpoints(1, 2, 5)
        for endpoint in some:
            observe(endpoint.state, 0.1, 0.0)
        picker = self.picker(some)
        counts = Counter(picker.pick() for _ in range(8000))
        for endpoint in some:
            assert counts[endpoint] == pytest.approx(1000 * endpoint.weight, rel=0.1)

    def test_the_worst_of_many_is_never_picked(self) -> None:
        some = endpoints(1, 1, 1, 1)
        for place, endpoint in enumerate(some):
            observe(endpoint.state, 0.1 + place, 0.0)
        picker = self.picker(some)
        counts = Counter(picker.pick() for _ in range(600))
        assert counts[some[3]] == 0
        assert counts[some[0]] == pytest.approx(300, rel=0.2)

    def test_tried_one_or_nobody(self) -> None:
        a, b = some = endpoints(1, 1)
        assert self.picker(some).pick(None, (a,)) is b
        assert self.picker(some).pick(None, some) is None
        assert self.picker([a]).pick() is a
        assert self.picker([]).pick() is None
