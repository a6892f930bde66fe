"""gwt.limiter.cluster: leases meet memory and an (imagined) wire."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limiter.cluster import BEGIN, Cluster, a_limit, excess, needless, sure_excess
from twisted.internet.defer import Deferred

from gwt.limit import lease as leases
from gwt.limit.gcra import drained, wait
from gwt.limit.lease import terms
from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.node import Bid
from gwt.zones.arena import Memory, PrivateArena, SharedArena

Answer = Callable[[int, float], None]


class Link:
    """Keeps questions; the test answers."""

    def __init__(self) -> None:
        self.up = self.prompt = True
        self.on_late: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        self.asked: list[tuple[bytes, int, int, Answer]] = []

    def ask(self, key: bytes, arguments: tuple[bytes, ...], answered: Answer) -> None:
        self.asked.append((key, int(arguments[3]), int(arguments[4]), answered))

    def is_late(self) -> None:
        self.prompt = False
        self.on_late()

    def is_lost(self) -> None:
        self.up = self.prompt = False
        self.on_lost()

    def take(self) -> tuple[bytes, int, int, Answer]:
        return self.asked.pop(0)


class Stage:
    def __init__(self, gateways: int = 3) -> None:
        self.now = BEGIN
        self.link = Link()
        self.limiter = ClusterLimiter(PrivateArena(), self.link, lambda: self.now, gateways, 64)

    def admit(self, *bids: Bid) -> list[float]:
        """A list that holds the outcome once it is there."""
        result = self.limiter.admit_all(bids, self.now)
        outcome: list[float] = []
        if isinstance(result, Deferred):
            result.addCallback(outcome.append)
        else:
            outcome.append(result)
        return outcome


HIGH, LOW = (b"high", a_limit(10_000, 100)), (b"low", a_limit(1, 5))


def test_the_first_request_passes_at_once_and_is_told() -> None:
    stage = Stage()
    assert stage.admit(HIGH) == [0.0]
    key, wanted, told, _ = stage.link.take()
    assert (key, wanted, told) == (b"high", 0, 1)


def test_those_that_wait_share_one_question() -> None:
    stage = Stage()
    first = stage.admit(LOW)
    others = [stage.admit(LOW) for _ in range(7)]
    assert first == []
    _, wanted, told, answered = stage.link.take()
    assert (wanted, told) == (1, 0)
    answered(1, 1.0)
    assert first == [0.0]
    assert others == [[]] * 7
    _, wanted, _, answered = stage.link.take()
    assert wanted == 7
    answered(5, 6.0)
    assert others == [[0.0]] * 5 + [[pytest.approx(1.0)]] * 2
    assert stage.admit(LOW) == [pytest.approx(1.0)]
    assert not stage.link.asked, "it is known to be full"


def test_one_alone_needs_no_list() -> None:
    stage = Stage()
    assert stage.limiter.admit(*HIGH, stage.now) == 0.0
    assert isinstance(stage.limiter.admit(*LOW, stage.now), Deferred)
    assert stage.limiter.admit(b"none", a_limit(0), stage.now) == inf


def test_all_limits_must_pass_and_none_is_used_up_while_one_waits() -> None:
    stage = Stage()
    waiting = stage.admit(HIGH, LOW)
    assert waiting == []
    key, _, _, answered = stage.link.take()
    assert key == b"low"
    assert not stage.link.asked
    answered(0, 6.0)
    assert waiting == [pytest.approx(1.0)]
    assert stage.admit(HIGH) == [0.0], "the one on trust is still there"


def test_a_request_waits_for_all_that_it_needs() -> None:
    stage = Stage()
    other = (b"other", a_limit(2, 0))
    waiting = stage.admit(LOW, other)
    answers = [stage.link.take()[3] for _ in range(2)]
    answers[0](1, 1.0)
    assert waiting == []
    answers[1](1, 1.0)
    assert waiting == [0.0]


def test_a_known_refusal_needs_no_answer() -> None:
    stage = Stage()
    first = stage.admit(LOW)
    stage.link.take()[3](0, 6.0)
    assert first == [pytest.approx(1.0)]
    assert stage.admit(HIGH, LOW) == [pytest.approx(1.0)]
    assert not stage.link.asked


def test_nobody_waits_for_ever_where_others_are_always_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = leases.settle

    def robbed(lease: leases.Lease, *told: Any) -> None:
        """Another worker takes what was let through."""
        settle(lease, *told)
        lease.held = 0.0

    monkeypatch.setattr(leases, "settle", robbed)
    stage = Stage()
    waiting = [stage.admit(LOW) for _ in range(4)]
    for turn in range(5):
        assert waiting == [[]] * 4
        _, wanted, _, answered = stage.link.take()
        stage.now += 1.1 * leases.DEADLINE * (turn == 4)
        answered(wanted, 1.0)
    half = [pytest.approx(0.5)]
    assert waiting == [[0.0], [0.0], half, half], "decided by this node's part, of which the counter has 0.5"
    assert stage.link.take()[1:3] == (0, 2)


def test_what_a_refused_request_was_promised_is_given_up() -> None:
    stage = Stage()
    other = (b"other", a_limit(2, 0))
    waiting = stage.admit(LOW, other)
    answers = [stage.link.take()[3] for _ in range(2)]
    answers[0](1, 1.0)
    answers[1](0, 1.0)
    assert waiting == [pytest.approx(0.5)]
    assert stage.admit(LOW) == [], "nothing was kept"


def test_losing_the_link_decides_all_that_wait_by_this_nodes_part() -> None:
    stage = Stage()
    waiting = [stage.admit(LOW) for _ in range(5)]
    stage.link.is_lost()
    assert waiting == [[0.0], [0.0], [0.0], [pytest.approx(1.0)], [pytest.approx(1.0)]]  # ceil(5 / 3) and one
    assert stage.admit(LOW) == [pytest.approx(1.0)]
    stage.now += 1.0
    assert stage.admit(LOW) == [0.0]
    assert len(stage.link.asked) == 1, "nobody is asked any more"


def test_a_request_that_waits_for_two_is_decided_once() -> None:
    stage = Stage()
    waiting = stage.admit(LOW, (b"other", a_limit(2, 0)))
    stage.link.is_lost()
    assert waiting == [0.0]


def test_a_late_answer_is_not_waited_for_and_still_counts() -> None:
    stage = Stage()
    waiting = [stage.admit(LOW) for _ in range(5)]
    stage.link.is_late()
    assert waiting == [[0.0], [0.0], [0.0], [pytest.approx(1.0)], [pytest.approx(1.0)]]
    stage.now += 2.0
    assert stage.admit(LOW) == [0.0]
    assert len(stage.link.asked) == 2, "the first may be answered yet; that took too long"
    _, wanted, told, _ = stage.link.asked[1]
    assert (wanted, told) == (0, 4)
    stage.link.take()[3](1, 1.0)
    stage.link.take()[3](0, 5.0)
    stage.link.prompt = True
    assert stage.admit(LOW) == [], "nothing is owed, nothing is held"
    assert stage.link.take()[1:3] == (1, 0)


def test_the_counter_is_told_what_passed_without_it() -> None:
    stage = Stage()
    stage.link.is_lost()
    for _ in range(3):
        assert stage.admit(LOW) == [0.0]
    stage.link.up = stage.link.prompt = True
    waiting = stage.admit(LOW)
    _, wanted, told, answered = stage.link.take()
    assert (wanted, told) == (1, 3)
    answered(1, 4.0)
    assert waiting == [0.0]


def test_who_gave_up_waiting_disturbs_nobody() -> None:
    stage = Stage()
    given_up = stage.limiter.admit(*LOW, stage.now)
    other = stage.admit(LOW)
    assert isinstance(given_up, Deferred)
    given_up.addErrback(lambda failure: None)
    given_up.cancel()
    stage.link.take()[3](1, 1.0)
    stage.link.take()[3](1, 2.0)
    assert other == [0.0]


def test_a_lease_whose_place_was_taken_loses_nobody() -> None:
    stage = Stage()
    waiting = stage.admit(LOW)
    stage.limiter._table.drop(stage.limiter._table.find(b"low"))
    late = stage.admit(HIGH)
    assert late == [0.0]
    stage.link.take()[3](1, 1.0)
    assert waiting == [0.0]


def test_workers_of_a_node_share_leases() -> None:
    memory = Memory.make()
    links = [Link(), Link()]
    one, two = (ClusterLimiter(SharedArena(memory.descriptor), link, lambda: BEGIN, 3, 64) for link in links)
    os.close(memory.descriptor)
    assert one.admit(*HIGH, BEGIN) == 0.0
    waiting = two.admit(*HIGH, BEGIN)
    assert isinstance(waiting, Deferred), "the one on trust is gone"
    assert links[1].take()[1:3] == (1, 0), "who has passed is told once"
    links[0].take()[3](0, 1.0)
    assert two.admit(*HIGH, BEGIN) == 0.0


# -- many gateways


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("rate", "burst"), [(1, 5), (20, 5), (200, 20)])
def test_ten_gateways_keep_the_limit_and_use_it(rate: int, burst: int, workers: int) -> None:
    """Twice the rate, spread evenly, for 70 seconds."""
    cluster = Cluster(10, workers=workers)
    on = terms(rate, burst, 10)
    cluster.run(((step / (2 * rate), step % 10) for step in range(140 * rate)), a_limit(rate, burst))
    assert excess(cluster.admitted, rate) <= burst + 1 + max(0.1 * rate, 10) * bool(on.credit) + 1e-3
    assert excess(cluster.admitted, rate, least=60) <= burst + 1 + 1e-3
    assert len(cluster.admitted) >= 0.97 * rate * 70


def test_few_questions_at_high_rates_and_hardly_anybody_waits() -> None:
    cluster = Cluster(3, workers=2)
    cluster.run(((step / 20_000, step % 3) for step in range(40_000)), a_limit(10_000, 100))
    assert cluster.redis.calls < 0.1 * cluster.requests
    assert cluster.waited < 0.1 * cluster.requests
    assert 0.97 * 20_000 <= len(cluster.admitted) <= 20_000 + 101 + 1000


def test_one_gateway_that_gets_everything_gets_the_whole_limit() -> None:
    cluster = Cluster(10)
    cluster.run(((step / 2000, 0) for step in range(10_000)), a_limit(1000, 50))
    assert 0.97 * 5000 <= len(cluster.admitted) <= 5000 + 51 + 100


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_an_outage_leaves_every_gateway_its_part_and_ends_without_a_burst(how: str) -> None:
    """Redis is gone from the 5th to the 15th of 20 seconds."""
    cluster = Cluster(3)
    rate, burst = 300, 30
    cluster.at(BEGIN + 5, getattr(cluster, how))
    cluster.at(BEGIN + 15, cluster.mend)
    cluster.run(((step / 600, step % 3) for step in range(12_000)), a_limit(rate, burst))
    during = [time for time in cluster.admitted if BEGIN + 5 <= time < BEGIN + 15]
    assert 0.97 * 3000 <= len(during) <= 3000 + 30
    assert excess(cluster.admitted, rate) <= burst + 1 + 0.1 * rate
    assert cluster.requests == len(cluster.admitted) + cluster.refused


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("rate", "burst"), [(600, 60), (300, 30), (1000, 0), (1000, 1000)])
def test_another_redis_that_knows_nothing_gives_nobody_a_fresh_burst(seed: int, rate: int, burst: int) -> None:
    """Gone from the 2nd to the 5th of 8 seconds; connections come back one after the other."""
    cluster = Cluster(3, workers=2, chance=random.Random(seed))
    cluster.at(BEGIN + 2, cluster.cut)
    cluster.at(BEGIN + 5, cluster.replace)
    cluster.run(((step / rate / 2, step % 3) for step in range(16 * rate)), a_limit(rate, burst))
    on = terms(rate, burst, 3)
    rounded = (3 * on.alone - rate) * 4 + 3 * (on.alone_burst + 1) - (burst + 1)
    assert excess(cluster.admitted, rate) <= burst + 1 + 0.1 * rate + 3 + rounded
    assert len(cluster.admitted) >= 0.95 * rate * 8


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_nobody_within_the_limit_notices_an_outage(how: str) -> None:
    cluster = Cluster(3)
    cluster.at(BEGIN + 5, getattr(cluster, how))
    cluster.at(BEGIN + 15, cluster.mend)
    cluster.run(((step / 150, step % 3) for step in range(3000)), a_limit(300, 30))
    assert cluster.refused == 0


def test_late_answers_now_and_then_change_nothing() -> None:
    """One of fifty takes up to 200 ms."""
    chance = random.Random(5)
    cluster = Cluster(3, lambda: chance.uniform(0.05, 0.2) if chance.random() < 0.02 else 0.001)
    rate, burst = 200, 20
    cluster.run(((step / 400, step % 3) for step in range(28_000)), a_limit(rate, burst))
    assert excess(cluster.admitted, rate) <= burst + 1 + 0.1 * rate
    assert excess(cluster.admitted, rate, least=60) <= burst + 1 + 2
    assert len(cluster.admitted) >= 0.97 * rate * 70


@given(
    st.integers(1, 20), st.integers(0, 9), st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.3), st.floats(0, 0.3)))
)
def test_what_a_client_sees_accuses_no_bucket_that_is_exact(rate: int, burst: int, steps: list[tuple]) -> None:
    level, last, now = 0.0, 0.0, 0.0
    seen: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for gap, before, after in steps:
        now += gap
        level, last = drained(level, last, rate, burst, now), now
        passed = not wait(level, rate, burst)
        level += passed
        seen[passed].append((now - before, now + after))
    assert not seen[True] or sure_excess(seen[True], rate) <= burst + 1 + 1e-3
    assert needless(seen[False], seen[True], rate, burst - 1e-3) == []


def test_what_a_client_sees_accuses_those_that_are_wrong() -> None:
    passed = [(now / 10, now / 10 + 0.01) for now in range(12)]
    assert sure_excess(passed, 5) > 6 and sure_excess(passed, 10) < 2
    assert needless([(3.0, 3.1)], passed, 10, 0) == [(3.0, 3.1)]
    assert needless([(1.1, 1.11)], passed, 10, 0) == []
