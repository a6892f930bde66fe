from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.steps import RUN, Steps, finish, in_order


def counted(log: list[int]) -> Steps[str]:
    for number in range(3):
        log.append(number)
        yield
    return "done"


def test_finish_runs_to_the_end_and_gives_the_result() -> None:
    log: list[int] = []
    assert finish(counted(log)) == "done"
    assert log == [0, 1, 2]


def test_work_without_pauses_is_fine_too() -> None:
    def none() -> Steps[int]:
        return 7
        yield

    assert finish(none()) == 7


@given(st.lists(st.integers(0, 9), max_size=3 * RUN))
def test_in_order_is_sorted_stable_ties_included(items: list[int]) -> None:
    numbered = list(enumerate(items))
    assert finish(in_order(numbered, lambda item: item[1])) == sorted(numbered, key=lambda item: item[1])


@pytest.mark.parametrize(("size", "pauses"), [(RUN, 0), (10 * RUN, 20)])
def test_much_is_put_in_order_in_many_steps(size: int, pauses: int) -> None:
    assert sum(1 for _ in in_order(range(size), lambda item: -item)) == pauses
