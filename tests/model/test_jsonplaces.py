"""Places in JSON agree with those of a YAML reading of the same text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model import jsonplaces, yaml12

KEYS = st.text('abc é"\\{}[],:', max_size=4)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deep for key, item in items for deep in paths(item, (*path, key)))]


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 0, 2]))
def test_agree_with_the_composer(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    root = yaml12.compose(text)
    for path in paths(value):
        assert jsonplaces.find(text, path) == yaml12.find(root, path)
        assert jsonplaces.find(text, path, True) == yaml12.find(root, path, True)


def test_what_is_not_there_is_told_at_what_is_above() -> None:
    text = '{"a": {"b":\n [1, "x"]}}'
    assert jsonplaces.find(text, ("a", "b", 7)) == (1, 1)
    assert jsonplaces.find(text, ("a", "c")) == (0, 6)
    assert jsonplaces.find(text, ("a", "b", 1, "deep")) == (1, 5)


def test_a_key_that_looks_like_an_index_is_none() -> None:
    assert jsonplaces.find('{"0": 1}', (0,)) == (0, 0)
