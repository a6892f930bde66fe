"""Which requests wait for a window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gwt.edge.windowless import MOST, Windowless


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=200))
def test_few_are_begun_and_none_is_forgotten(steps: list[tuple[bool, int]]) -> None:
    windowless: Windowless[int] = Windowless()
    begun, waiting, last = set[int](), list[int](), 0
    for comes, which in steps:
        if comes or not (begun or waiting):
            last += 1
            if windowless.holds(last, last):
                assert len(begun) == MOST
                waiting.append(last)
            else:
                begun.add(last)
            assert not any(windowless.holds(one, one) for one in begun)
        else:
            there = [*sorted(begun), *waiting]
            number = there[which % len(there)]
            freed = windowless.freed(number)
            if number in waiting:  # it has a window: nobody else's turn comes by that
                assert freed == number
                waiting.remove(number)
            else:
                begun.discard(number)
                assert freed == (waiting[0] if waiting else None)
                begun.update(waiting[:1])
                del waiting[:1]
        assert len(begun) <= MOST
    assert windowless.freed(10_000) is None
