from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gwt.sharded import SHARDS, Sharded

NAMES = st.sampled_from([f"n/s{number}:80" for number in range(40)])
CHANGES = st.lists(st.tuples(NAMES, st.none() | st.integers()))


def test_it_is_empty_at_first() -> None:
    empty: Sharded[int] = Sharded()
    assert (len(empty), list(empty), empty.get("a"), "a" in empty, empty == {}) == (0, [], None, False, True)


@given(st.lists(CHANGES, max_size=6))
def test_it_is_a_dict_each_version_of_which_stays(courses: list[list[tuple[str, int | None]]]) -> None:
    versions: list[tuple[Sharded[Any], dict[str, int]]] = [(Sharded(), {})]
    for course in courses:
        sharded, model = versions[-1][0], dict(versions[-1][1])
        draft = sharded.draft()
        for name, value in course:
            draft.put(name, value)
            model[name] = value  # type: ignore[assignment]
            assert draft.get(name) == value
        versions.append((draft.done(), {name: value for name, value in model.items() if value is not None}))
    for sharded, model in versions:
        assert sharded == model and len(sharded) == len(model) and set(sharded) == set(model)
        for name in model:
            assert sharded[name] == sharded.get(name) == model[name] and name in sharded


def test_a_change_shares_what_it_does_not_touch() -> None:
    draft = Sharded[int]().draft()
    for number in range(5000):
        draft.put(f"n/s{number}:80", number)
    before = draft.done()
    one = before.draft()
    one.put("n/s7:80", 8)
    after = one.done()
    assert (before["n/s7:80"], after["n/s7:80"]) == (7, 8)
    assert sum(a is not b for a, b in zip(before.shards, after.shards, strict=True)) == 1
    assert max(map(len, before.shards)) < 5000 / SHARDS * 4
