"""When what was told of is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gwt.store.gather import ENOUGH, LONGEST, SHORTEST, Gather

#: Rounding of sums of floats, in seconds.
SLACK = 1e-9


def reads(gather: Gather, comings: list[float], names: int = 1) -> Iterator[tuple[float, int]]:
    """(when, changes in it) of each read, where a change comes in at each of `comings`."""
    waiting, now, coming = 0, 0.0, list(comings)
    while coming or waiting:
        if not waiting:
            now = max(now, coming[0])
        while coming and coming[0] <= now:
            coming.pop(0)
            waiting += 1
        left = gather.wait(now, waiting, waiting * names)
        if left:
            now += left
        else:
            yield now, waiting
            waiting = 0


gaps = st.lists(st.floats(0.0, 0.5), min_size=1, max_size=300)


def summed(gaps: list[float]) -> list[float]:
    comings, at = [], 0.0
    for gap in gaps:
        at += gap
        comings.append(at)
    return comings


@given(gaps)
def test_nothing_waits_longer_than_the_longest_rest_and_nothing_is_read_too_soon(gaps: list[float]) -> None:
    comings = summed(gaps)
    found = list(reads(Gather(), comings))
    assert sum(count for _, count in found) == len(comings)
    times = [at for at, _ in found]
    assert all(later - sooner >= SHORTEST - SLACK for sooner, later in pairwise(times))
    first = 0
    for at, count in found:
        assert 0 <= at - comings[first] <= LONGEST + SLACK
        first += count


def test_who_waits_for_each_change_before_the_next_is_never_kept_waiting() -> None:
    comings = [0.03 * number for number in range(200)]
    assert [at for at, _ in reads(Gather(), comings)] == comings


def test_a_store_that_never_rests_is_read_five_times_a_second_and_soon_at_once_again() -> None:
    gather = Gather()
    found = [at for at, _ in reads(gather, [0.005 * number for number in range(2000)])]
    assert len([at for at in found if 2.0 <= at < 10.0]) == 40
    slow = [20.0 + number for number in range(6)]
    assert [at for at, _ in reads(gather, slow)] == slow
    assert gather.wait(26.0, 1, 1) == 0 and gather.wait(26.0 + SHORTEST + SLACK, 1, 1) == 0


def test_what_is_enough_for_a_read_waits_for_no_more() -> None:
    gather = Gather()
    assert len(list(reads(gather, [0.005 * number for number in range(2000)]))) < 70
    assert gather.wait(20.0, 2, 2) == 0
    assert gather.wait(20.03, ENOUGH - 1, ENOUGH - 1) == SHORTEST
    assert gather.wait(20.03, ENOUGH, ENOUGH) == 0


def test_what_could_not_be_used_is_read_again_soon() -> None:
    gather = Gather()
    assert len(list(reads(gather, [0.005 * number for number in range(2000)]))) < 70
    assert gather.wait(20.0, 2, 2) == 0
    gather.missed()
    assert 0 < gather.wait(20.001, 2, 2) < SHORTEST
    assert gather.wait(20.0 + SHORTEST, 2, 2) == 0
