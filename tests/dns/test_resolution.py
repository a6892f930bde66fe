"""What is believed of a name, as answers and time go by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.dns.message import AAAA, EMPTY, FAILED, FOUND, MISSING, A, Answer
from gwt.dns.permits import Permits
from gwt.dns.resolution import AGAIN, EMPTIED, LONGEST, MOST, SHORTEST, STALE, Resolution, holds

PERMITS = Permits(["*"], ["127.0.0.0/8", "169.254.0.0/16"])
NOTHING = Answer(EMPTY, why="empty")
GONE = Answer(MISSING, why="NXDOMAIN")
BROKEN = Answer(FAILED, why="SERVFAIL")


def found(*addresses: str, ttl: int = 60) -> Answer:
    return Answer(FOUND, addresses, ttl)


class Run:
    """A name, and answers one after the other, `step` seconds apart."""

    def __init__(self) -> None:
        self.of, self.now = Resolution(PERMITS), 1000.0

    def take(self, four: Answer, six: Answer = NOTHING, step: float = 5.0, chance: float = 0.5) -> tuple[str, ...]:
        self.now += step
        self.waits = self.of.take({A: four, AAAA: six}, self.now, chance)
        return self.of.addresses


def test_both_families_count() -> None:
    run = Run()
    assert run.take(found("192.0.2.2", "192.0.2.1", "192.0.2.1"), found("2001:db8::1", ttl=20)) == (
        "192.0.2.1", "192.0.2.2", "2001:db8::1",
    )  # fmt: skip
    assert run.waits == pytest.approx(19)
    assert run.of.why == "" and run.of.certain


@pytest.mark.parametrize(("four", "six"), [(BROKEN, BROKEN), (BROKEN, NOTHING), (NOTHING, BROKEN)])
def test_last_good_outlives_failures_until_it_is_stale(four: Answer, six: Answer) -> None:
    run = Run()
    run.take(found("192.0.2.1"))
    for _ in range(5):
        assert run.take(four, six) == ("192.0.2.1",)
        assert run.of.why == "SERVFAIL" and AGAIN[0] <= run.waits <= sum(AGAIN)
    assert run.take(four, six, step=STALE) == ()


def test_a_name_is_gone_after_two_in_a_row() -> None:
    run = Run()
    run.take(found("192.0.2.1"))
    assert run.take(GONE, GONE) == ("192.0.2.1",)
    assert run.take(BROKEN, BROKEN) == ("192.0.2.1",)
    assert run.take(GONE, BROKEN) == ("192.0.2.1",)
    assert run.take(GONE, GONE) == ()
    assert run.take(found("192.0.2.2")) == ("192.0.2.2",)


def test_a_name_without_addresses_keeps_them_for_a_while() -> None:
    run = Run()
    run.take(found("192.0.2.1"))
    assert run.take(NOTHING) == ("192.0.2.1",)
    assert run.take(NOTHING, step=EMPTIED - 1) == ("192.0.2.1",)
    assert run.take(NOTHING) == ()


def test_a_family_that_fails_keeps_what_it_had_and_one_that_is_empty_does_not() -> None:
    run = Run()
    run.take(found("192.0.2.1"), found("2001:db8::1"))
    assert run.take(found("192.0.2.2"), BROKEN) == ("192.0.2.2", "2001:db8::1")
    assert run.take(found("192.0.2.2"), BROKEN, step=STALE) == ("192.0.2.2",)
    run.take(found("192.0.2.2"), found("2001:db8::1"))
    assert run.take(found("192.0.2.2"), NOTHING) == ("192.0.2.2",)


def test_rebinding() -> None:
    run = Run()
    run.take(found("192.0.2.1"))
    assert run.take(found("127.0.0.1", "192.0.2.2"), found("::ffff:169.254.169.254")) == ("192.0.2.2",)
    assert run.of.refused == ("127.0.0.1", "::ffff:169.254.169.254")
    assert run.take(found("127.0.0.1")) == ()
    assert run.take(BROKEN, BROKEN) == ()
    assert run.take(found("192.0.2.1")) == ("192.0.2.1",) and run.of.refused == ()


def test_so_many_addresses_and_the_same_ones_each_time() -> None:
    run = Run()
    many = [f"10.0.{n // 250}.{n % 250}" for n in range(1000)]
    first = run.take(found(*many))
    assert len(first) == MOST
    assert run.take(found(*reversed(many))) == first


def test_what_another_one_knew_holds_until_it_is_answered() -> None:
    run = Run()
    run.of.seed(["192.0.2.1", "127.0.0.1", "2001:db8::1"], run.now)
    assert run.of.addresses == ("192.0.2.1", "2001:db8::1") and not run.of.answered
    assert run.take(BROKEN, BROKEN) == ("192.0.2.1", "2001:db8::1")
    assert run.take(found("192.0.2.2")) == ("192.0.2.2",)
    run.of.seed(["192.0.2.1"], run.now)
    assert run.of.addresses == ("192.0.2.2",)


@given(st.integers(-1, 2**31), st.floats(0, 1, exclude_max=True))
def test_no_answer_holds_for_shorter_or_longer_than_it_should(ttl: int, chance: float) -> None:
    assert SHORTEST <= holds(ttl, chance) <= LONGEST
    assert abs(holds(ttl, chance) - min(max(ttl, SHORTEST), LONGEST)) <= 0.1 * LONGEST


ADDRESS = st.sampled_from(["192.0.2.1", "192.0.2.2", "127.0.0.1", "2001:db8::1", "::ffff:127.0.0.9"])
ANSWER = st.sampled_from([NOTHING, GONE, BROKEN]) | st.lists(ADDRESS, min_size=1).map(lambda some: found(*some))


@given(st.lists(st.tuples(ANSWER, ANSWER, st.sampled_from([5.0, 400.0, STALE + 1])), min_size=1))
def test_of_any_course_of_answers(course: Sequence[tuple[Answer, Answer, float]]) -> None:
    run = Run()
    said: set[str] = set()
    for four, six, step in course:
        before = run.of.addresses
        after = run.take(four, six, step)
        said |= {PERMITS.address(one) or "" for one in (*four.addresses, *six.addresses)}
        assert set(after) <= said - {""}  # nothing that was never answered, or is denied
        assert all(PERMITS.address(one) == one for one in after)
        assert SHORTEST <= run.waits <= LONGEST
        if FOUND not in (four.outcome, six.outcome):
            assert set(after) <= set(before)  # what is not said brings nothing
            assert run.of.why
        elif BROKEN not in (four, six):
            wanted = {PERMITS.address(one) for one in (*four.addresses, *six.addresses)} - {None}
            assert set(after) == wanted
    again = run.of.addresses
    assert run.take(*course[-1][:2]) == again or course[-1][0].outcome != FOUND
