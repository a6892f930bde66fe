"""gwt.limiter.node: what a node lets through, over all of its workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limiter.cluster import a_limit, excess
from zones.keys import newest

from gwt.limit.gcra import part
from gwt.limit.selectors import Limit
from gwt.limiter.node import NodeLimiter
from gwt.zones.arena import Memory, PrivateArena, SharedArena

NOW = 1000.0


@pytest.fixture(params=["private", "shared"])
def workers(request: pytest.FixtureRequest) -> Iterator[list[NodeLimiter]]:
    """All workers of a node: one, or three."""
    memory = Memory.make()
    arenas = [PrivateArena()] if request.param == "private" else [SharedArena(memory.descriptor) for _ in range(3)]
    yield [NodeLimiter(arena, 1000) for arena in arenas]
    os.close(memory.descriptor)


def passed(workers: list[NodeLimiter], limit: Limit, times: list[float], key: bytes = b"k") -> list[float]:
    return [now for turn, now in enumerate(times) if not workers[turn % len(workers)].admit(key, limit, now)]


def test_the_burst_and_one_then_the_rate(workers: list[NodeLimiter]) -> None:
    limit = a_limit(10, 5)
    times = passed(workers, limit, [NOW + step / 1000 for step in range(2001)])
    assert len(times) == 6 + 20
    assert excess(times, 10) <= 5 + 1 + 1e-6


@pytest.mark.parametrize("burst", [0, 1, 50])
@pytest.mark.parametrize("rate", [1, 100, 10_000])
def test_twice_the_rate_offered_evenly_is_used_to_the_full(workers: list[NodeLimiter], rate: int, burst: int) -> None:
    count = min(20 * rate, 20_000)
    times = passed(workers, a_limit(rate, burst), [NOW + step / (2 * rate) for step in range(count)])
    seconds = count / (2 * rate)
    assert rate * seconds - 1 <= len(times) <= rate * seconds + burst + 1


def test_a_refusal_says_when(workers: list[NodeLimiter]) -> None:
    limit = a_limit(4, 0)
    assert workers[0].admit(b"k", limit, NOW) == 0.0
    assert workers[-1].admit(b"k", limit, NOW) == pytest.approx(0.25)
    assert workers[-1].admit(b"k", limit, NOW + 0.1) == pytest.approx(0.15)
    assert workers[0].admit(b"k", limit, NOW + 0.25) == 0.0


def test_buckets_do_not_know_each_other(workers: list[NodeLimiter]) -> None:
    limit = a_limit(1, 0)
    assert [workers[0].admit(key, limit, NOW) for key in (b"a", b"b", b"c")] == [0.0, 0.0, 0.0]


def test_nothing_passes_at_a_rate_of_nothing_and_nothing_is_kept(workers: list[NodeLimiter]) -> None:
    assert workers[0].admit(b"k", a_limit(0, 100), NOW) == inf
    assert workers[0].admit(b"k", a_limit(1, 0), NOW) == 0.0


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ((10, 20), (10, 20), 0.1),
        ((10, 20), (1, 20), 1.0),  # nothing is left of the burst: no reset
        ((1, 20), (100, 20), 0.01),
        ((10, 1000), (10, 3), 0.1),  # not shut for 100 seconds
        ((10, 20), (10, 30), 0.0),
    ],
)
def test_an_edit_neither_resets_nor_shuts(
    workers: list[NodeLimiter], before: tuple[int, int], after: tuple[int, int], waits: float
) -> None:
    while not workers[0].admit(b"k", a_limit(*before), NOW):
        pass
    assert workers[-1].admit(b"k", a_limit(*after), NOW) == pytest.approx(waits)
    assert workers[-1].admit(b"k", a_limit(*after), NOW + waits + 1e-6) == 0.0


def test_all_limits_of_a_request_must_pass_and_none_is_used_up_by_a_refusal(workers: list[NodeLimiter]) -> None:
    wide, narrow = (b"wide", a_limit(10, 1)), (b"narrow", a_limit(1, 0))
    assert workers[0].admit_all([wide, narrow], NOW) == 0.0
    for _ in range(5):
        assert workers[-1].admit_all([wide, narrow], NOW) == pytest.approx(1.0)
    assert workers[0].admit(*wide, NOW) == 0.0, "one of two was left"
    assert workers[0].admit_all([narrow, wide], NOW) == pytest.approx(1.0), "the longest wait"
    assert workers[0].admit_all([], NOW) == 0.0


def share(workers: list[NodeLimiter], gateways: int) -> None:
    for worker in workers:
        worker.gateways = gateways


def test_of_several_gateways_each_lets_its_part_through(workers: list[NodeLimiter]) -> None:
    share(workers, 3)
    times = passed(workers, a_limit(10, 5), [NOW + step / 1000 for step in range(2001)])
    assert len(times) == (2 + 1) + 8, "ceil(5 / 3) and ceil(10 / 3)"
    assert passed(workers, a_limit(0, 5), [NOW], b"none") == []


def test_neither_who_comes_nor_who_goes_resets_a_limit_or_shuts_it(workers: list[NodeLimiter]) -> None:
    limit = a_limit(12, 24)
    bids = [(b"k", limit), (b"other", limit)]
    while not workers[0].admit_all(bids, NOW):
        pass
    for gateways in (4, 2, 1, 3, 1):  # full stays full, to within a request of a part
        share(workers, gateways)
        for key, _ in bids:
            assert workers[-1].admit(key, limit, NOW) == pytest.approx(gateways / 12)
    share(workers, 2)
    assert workers[0].admit_all(bids, NOW + 1 / 6 + 1e-6) == 0.0
    share(workers, 1)
    assert workers[0].admit_all(bids, NOW + 1 / 6 + 1e-6) > 0.0


@given(
    st.integers(1, 4), st.integers(0, 3),
    st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 1.0, 5.0]), st.sampled_from([1, 2, 3, 4, 6, 12]),
                       st.integers(1, 40)), min_size=3, max_size=30),
)  # fmt: skip
def test_a_gateway_never_exceeds_the_whole_limit_however_many_come_and_go(
    rates: int, bursts: int, steps: list[tuple[float, int, int]]
) -> None:
    limit = a_limit(12 * rates, 12 * bursts)  # all parts are even
    worker, now, times = NodeLimiter(PrivateArena(), 16), NOW, list[float]()
    for gap, gateways, count in steps:
        now, worker.gateways = now + gap, gateways
        times += [now for _ in range(count) if not worker.admit(b"k", limit, now)]
    assert excess(times, limit.rate) <= limit.burst + 1 + 1e-3


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9), st.lists(st.integers(0, 300), max_size=200))
def test_gateways_together_let_through_the_parts_that_they_have(
    rate: int, burst: int, gateways: int, gaps: list[int]
) -> None:
    limit, mine = a_limit(rate, burst), part(rate, burst, gateways)
    worker, now, times = NodeLimiter(PrivateArena(), 16), NOW, list[float]()
    worker.gateways = gateways
    for gap in gaps:
        now += gap / 1000
        if not worker.admit(b"k", limit, now):
            times.append(now)
    assert excess(times, mine.rate) <= mine.burst + 1 + 1e-3
    assert (mine.rate - 1) * gateways < rate <= mine.rate * gateways or rate == mine.rate == 0


def test_limits_of_one_request_never_take_each_others_place() -> None:
    limiter = NodeLimiter(PrivateArena(), 16)
    for number in range(16):
        limiter.admit(b"old-%d" % number, a_limit(1, 9), NOW + number)
    bids = [(b"new-%d" % number, a_limit(1, 0)) for number in range(8)]
    bids += [(b"old-%d" % number, a_limit(1, 9)) for number in range(8)]
    assert limiter.admit_all(bids, NOW + 100) == 0.0
    assert [limiter.admit(key, limit, NOW + 100) for key, limit in bids[:8]] == [pytest.approx(1.0)] * 8
    kept = [limiter.admit(key, a_limit(1, 0), NOW + 100) for key, _ in bids[8:]]
    assert kept == [pytest.approx(1.0)] * 8


def test_a_million_addresses_are_more_than_a_few_and_the_oldest_go(workers: list[NodeLimiter]) -> None:
    limit = a_limit(1, 0)
    for number in range(4000):
        workers[number % len(workers)].admit(b"ip %d" % number, limit, NOW + number * 1e-6)
    at = NOW + 0.01
    stayed = newest([b"ip %d" % number for number in range(4000)], 63)
    assert all(
        workers[0].admit(b"ip %d" % number, limit, at) for number in range(3750, 4000) if b"ip %d" % number in stayed
    )
