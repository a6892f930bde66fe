"""A budget: spent, won back, over."""

from __future__ import annotations

from gwt.wire.h2.faults import Code, ConnectionFault
from gwt.wire.h2.guards import Budget


def spend(budget: Budget, points: int, now: float) -> int:
    """How many of `points` could be spent, one by one."""
    for count in range(points):
        try:
            budget.spend(1, now)
        except ConnectionFault as fault:
            assert fault.code == Code.ENHANCE_YOUR_CALM and fault.message == "why"
            return count
    return points


def test_it_is_over_when_nothing_is_left() -> None:
    assert spend(Budget(10, 1, "why"), 20, 5.0) == 10


def test_time_gives_back_no_more_than_there_was() -> None:
    budget = Budget(10, 2, "why")
    assert spend(budget, 10, 5.0) == 10
    budget.spend(4, 7.0)
    assert spend(budget, 1, 7.0) == 0
    budget = Budget(10, 2, "why")
    budget.spend(10, 5.0)
    assert spend(budget, 20, 1000.0) == 10


def test_what_is_of_use_gives_back() -> None:
    budget = Budget(10, 0, "why")
    budget.spend(10, 5.0)
    budget.earn(3)
    assert spend(budget, 20, 6.0) == 3
    budget.earn(1000)
    assert spend(budget, 20, 6.0) == 10


def test_what_is_earned_can_be_saved_and_time_saves_nothing() -> None:
    budget = Budget(10, 1, "why", savings=5)
    budget.earn(3)
    assert spend(budget, 20, 6.0) == 13
    budget.earn(1000)
    assert spend(budget, 20, 6.0) == 15
    assert spend(budget, 20, 1000.0) == 10
