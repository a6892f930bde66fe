"""When a plugin is left alone, and for how long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gwt.phase.fuse import LIMIT, REST, Fuse


def test_it_blows_after_failures_in_a_row_and_rests() -> None:
    fuse = Fuse()
    assert [fuse.failed(10.0) for _ in range(LIMIT)] == [False] * (LIMIT - 1) + [True]
    assert fuse.blown and not fuse.rested(10.0 + REST - 0.1) and fuse.blown
    assert fuse.rested(10.0 + REST) and not fuse.blown and not fuse.rested(99.0)


def test_of_the_try_one_failure_is_enough_and_one_success_too() -> None:
    fuse = Fuse()
    for _ in range(LIMIT):
        fuse.failed(0.0)
    assert fuse.rested(REST) and fuse.failed(REST) and fuse.blown
    assert fuse.rested(2 * REST)
    fuse.succeeded()
    assert [fuse.failed(0.0) for _ in range(LIMIT - 1)] == [False] * (LIMIT - 1)


@given(st.lists(st.booleans()))
def test_it_never_blows_without_that_many_in_a_row(history: list[bool]) -> None:
    fuse, row = Fuse(), 0
    for works in history:
        if works:
            fuse.succeeded()
            row = 0
        else:
            row += 1
            assert fuse.failed(0.0) == (row >= LIMIT)
