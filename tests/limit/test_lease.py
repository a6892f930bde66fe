"""gwt.limit.lease: reserve ahead, admit locally, ask, fall back, come back; one step at a time."""

from __future__ import annotations

from math import inf

import pytest

from gwt.limit import lease as leases
from gwt.limit.lease import ASK, LOST, PACE, Lease, Question, terms

NOW = 1000.0


def fresh() -> Lease:
    return Lease(last=NOW)


# -- terms


@pytest.mark.parametrize("gateways", [1, 2, 3, 10, 50])
@pytest.mark.parametrize("rate", [1, 2, 5, 17, 20, 100, 333, 1000, 10_000, 10**6])
def test_the_excess_is_what_the_contract_allows_and_gone_after_a_minute(rate: int, gateways: int) -> None:
    on = terms(rate, 7, gateways)
    excess = gateways * (2 * on.ahead + on.credit)
    assert on.over == gateways * on.ahead
    assert excess <= max(0.1 * rate, gateways)
    assert on.drain * 60 + excess <= rate * 60 + 1e-6
    assert on.drain >= 0.99 * rate


def test_at_high_rates_leases_are_large() -> None:
    assert terms(10_000, 0, 3).ahead == 166
    assert terms(10_000, 0, 10).ahead == 49


def test_where_one_a_node_would_show_nobody_gets_anything_on_trust() -> None:
    on = terms(1, 5, 3)
    assert (on.ahead, on.over, on.credit, on.drain) == (0, 0, 0, 1)


def test_alone_a_node_has_its_part() -> None:
    on = terms(100, 10, 3)
    assert (on.alone, on.alone_burst) == (34, 4)
    assert terms(1, 0, 10).alone == 1


# -- a request


def test_the_first_request_passes_on_trust_and_is_told_at_once() -> None:
    on, lease = terms(100, 10, 3), fresh()
    assert leases.judge(lease, on, NOW) == 0.0
    leases.take(lease, on, NOW)
    assert lease.owed == 1.0
    assert leases.curious(lease, on, NOW)
    assert leases.ask(lease, on, 0, NOW) == Question(NOW, 0, told=1, settles=(1.0, 0.0))
    assert not leases.curious(lease, on, NOW), "the answer is on its way"


def test_the_second_has_to_wait_for_the_answer() -> None:
    on, lease = terms(100, 10, 3), fresh()
    leases.take(lease, on, NOW)
    question = leases.ask(lease, on, 0, NOW)
    assert leases.judge(lease, on, NOW) == ASK
    leases.settle(lease, on, question, 0, 1.0, NOW)
    assert lease.owed == 0.0
    assert leases.judge(lease, on, NOW) == 0.0


def test_where_nothing_goes_on_trust_every_request_asks() -> None:
    on, lease = terms(1, 5, 3), fresh()
    assert leases.judge(lease, on, NOW) == ASK
    question = leases.ask(lease, on, 1, NOW)
    assert question == Question(NOW, 1)
    leases.settle(lease, on, question, 1, 1.0, NOW)
    assert leases.judge(lease, on, NOW) == 0.0
    leases.take(lease, on, NOW)
    assert (lease.held, lease.owed) == (0.0, 0.0)
    assert leases.judge(lease, on, NOW) == ASK


def test_leases_pass_without_asking() -> None:
    on, lease = terms(10_000, 100, 3), fresh()
    lease.held = 3.0
    for _ in range(3):
        assert leases.judge(lease, on, NOW) == 0.0
        leases.take(lease, on, NOW)
    assert (lease.held, lease.owed) == (0.0, 0.0)


def test_no_node_lets_more_through_than_the_limit_whatever_it_holds() -> None:
    on, lease = terms(10_000, 0, 3), fresh()
    lease.held = 100.0
    leases.take(lease, on, NOW)
    assert leases.judge(lease, on, NOW) == pytest.approx(1e-4)


def test_what_the_counter_refused_is_refused_without_asking_until_it_is_clear() -> None:
    on, lease = terms(1, 5, 3), fresh()
    leases.settle(lease, on, Question(NOW, 1), 0, 6.0, NOW)
    assert leases.judge(lease, on, NOW) == 1.0
    assert leases.judge(lease, on, NOW + 0.75) == 0.25
    assert leases.judge(lease, on, NOW + 1.0) == ASK


def test_a_rate_of_nothing_never_asks() -> None:
    assert leases.judge(fresh(), terms(0, 100, 3), NOW) == inf
    assert leases.judge_alone(fresh(), terms(0, 100, 3), NOW) == inf


# -- questions


def test_a_busy_bucket_is_leased_more_of_and_a_quiet_one_nothing() -> None:
    on, lease = terms(10_000, 1000, 3), fresh()
    wanted = []
    for step in range(9):
        now = NOW + step * 0.01
        question = leases.ask(lease, on, 0, now)
        wanted.append(question.wanted)
        leases.settle(lease, on, question, 0, 0.0, now)
    assert wanted == [0, 1, 3, 7, 15, 31, 63, 127, 166]
    assert leases.ask(lease, on, 0, now + 0.5).wanted == 166
    lease.asked = -now
    assert leases.ask(lease, on, 0, now + 2.0).wanted == 0


def test_it_asks_before_leases_run_out() -> None:
    on, lease = terms(10_000, 1000, 3), fresh()
    lease.goal, lease.held, lease.asked = 100.0, 50.0, -NOW
    assert not leases.curious(lease, on, NOW)
    lease.held = 49.0
    assert leases.curious(lease, on, NOW)
    assert leases.ask(lease, on, 2, NOW + 0.5).wanted == 2 + 51
    lease.clear = NOW + 1
    lease.asked = -NOW
    assert not leases.curious(lease, on, NOW + 0.5), "it is known that there is nothing"


def test_two_workers_do_not_ask_for_the_same() -> None:
    on, lease = terms(10_000, 1000, 3), fresh()
    lease.goal, lease.asked = 100.0, -NOW
    leases.take(lease, on, NOW)
    first = leases.ask(lease, on, 1, NOW)
    assert first == Question(NOW, 1 + 166, told=1, settles=(1.0, 0.0))
    second = leases.ask(lease, on, 4, NOW + 0.001)
    assert second == Question(NOW + 0.001, 4)
    leases.settle(lease, on, second, 4, 5.0, NOW + 0.002)
    assert leases.waiting(lease, NOW + 0.003), "the first answer is still to come"
    leases.settle(lease, on, first, 167, 172.0, NOW + 0.004)
    assert not leases.waiting(lease, NOW + 0.005)
    assert (lease.held, lease.owed) == (4 + 167, 0.0)


def test_nobody_waits_for_a_worker_that_died() -> None:
    on, lease = terms(100, 10, 3), fresh()
    leases.take(lease, on, NOW)
    leases.ask(lease, on, 0, NOW)
    assert leases.waiting(lease, NOW + LOST * 0.9)
    assert leases.curious(lease, on, NOW + LOST * 1.1)
    assert leases.ask(lease, on, 0, NOW + LOST * 1.1).told == 1


def test_what_nobody_came_for_is_given_up() -> None:
    on, lease = terms(10_000, 0, 3), fresh()
    lease.held = 200.0
    leases.trim(lease, on)
    assert lease.held == 166.0
    fewer = terms(10_000, 0, 10)
    leases.settle(lease, fewer, Question(NOW, 5), 5, 0.0, NOW)
    assert lease.held == 49.0 + 5


def test_the_last_ones_are_gathered_for_a_moment() -> None:
    on, lease = terms(10_000, 0, 3), fresh()
    leases.settle(lease, on, Question(NOW, 100), 20, on.over + 0.5, NOW)
    assert lease.clear == pytest.approx(NOW + PACE)
    small = terms(100, 0, 10)
    leases.settle(lease, small, Question(NOW, 1), 0, 0.9, NOW)
    assert lease.clear == pytest.approx(NOW + 0.9 / small.drain), "but not for so long that some are lost"


# -- without the counter


def test_alone_a_node_lets_its_part_through() -> None:
    on, lease = terms(100, 10, 3), fresh()
    passed = 0
    for step in range(1000):  # two seconds, 500 a second
        now = NOW + step / 500
        if leases.judge_alone(lease, on, now) == 0.0:
            leases.take_alone(lease, on, now)
            passed += 1
    assert 34 * 2 <= passed <= 34 * 2 + 4 + 1


def test_losing_the_counter_gives_nobody_a_fresh_burst() -> None:
    on, lease = terms(100, 10, 3), fresh()
    leases.settle(lease, on, Question(NOW, 1), 0, on.burst + 1 + on.over, NOW)
    assert leases.judge_alone(lease, on, NOW) > 0.0
    cold = fresh()
    assert leases.judge_alone(cold, on, NOW) == 0.0


def test_a_clock_that_has_just_begun_fills_no_bucket() -> None:
    on, lease = terms(1, 1000, 3), Lease(last=5.0)
    passed = 0
    while leases.judge_alone(lease, on, 5.0) == 0.0:
        leases.take_alone(lease, on, 5.0)
        passed += 1
    assert passed == on.alone_burst + 1


def test_a_late_counter_is_told_all_that_passed_meanwhile() -> None:
    on, lease = terms(100, 30, 3), fresh()
    for step in range(8):
        leases.take_late(lease, on, NOW + step / 10)
    assert leases.judge(lease, on, NOW + 1) == ASK
    question = leases.ask(lease, on, 1, NOW + 1)
    assert (question.told, question.perhaps) == (8, 0)
    leases.take_late(lease, on, NOW + 1)
    leases.settle(lease, on, question, 1, 9.0, NOW + 1)
    assert lease.owed == 1.0, "the one that passed since is still to be told"


def test_a_counter_that_is_back_is_told_what_has_not_drained_and_perhaps_the_rest() -> None:
    on, lease = terms(100, 30, 3), fresh()
    for _ in range(8):
        leases.take_alone(lease, on, NOW)
    assert leases.judge(lease, on, NOW) == ASK
    question = leases.ask(lease, on, 1, NOW + 0.1)
    assert (question.told, question.perhaps) == (5, 3)  # of 8, 34 a second have drained
    leases.settle(lease, on, question, 1, 6.0, NOW + 0.1)
    assert (lease.owed, lease.missed) == (0.0, 0.0)
    assert leases.judge(lease, on, NOW + 0.1) == 0.0


def test_after_a_long_outage_little_is_left_to_tell_for_sure() -> None:
    on, lease = terms(100, 30, 3), fresh()
    for step in range(1000):
        leases.take_alone(lease, on, NOW + step)
    question = leases.ask(lease, on, 0, NOW + 1010)
    assert (question.told, question.perhaps) == (0, 1000)
