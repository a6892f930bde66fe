"""gwt.admin.answers: JSON in parts is the same JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.admin.answers import PAUSE, Reply, encode, failed
from gwt.model.secret import Secret, mask_url

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def written(value: Any) -> str:
    return "".join(encode(value))


@settings(max_examples=50, deadline=None)
@given(PLAIN)
def test_what_is_read_again_is_what_was_told(value: Any) -> None:
    assert json.loads(written(value)) == value


@settings(max_examples=30, deadline=None)
@given(st.lists(PLAIN, max_size=5))
def test_iterators_are_lists_and_functions_are_asked_late(values: list[Any]) -> None:
    seen: list[int] = []

    def items() -> Any:
        for value in values:
            yield PAUSE
            seen.append(1)
            yield value

    told = json.loads(written({"items": items(), "count": lambda: len(seen)}))
    assert told == {"items": values, "count": len(values)}


def test_small_things_stand_on_one_line_and_long_ones_do_not() -> None:
    assert written({"a": 1, "b": [1, 2], "c": []}) == '{\n  "a": 1,\n  "b": [1, 2],\n  "c": []\n}'
    assert written({"x": "é" * 200}).count("\n") == 2
    assert written(list(range(1000))).count("\n") == 1001


def test_no_secret_is_told() -> None:
    url = mask_url("redis://user:geheim@host/0")
    for value in (url, {"store": url}, {url: 1}, [Secret("geheim")], (Secret("geheim"), {"a": {"b": url}})):
        assert "geheim" not in written(value)
        assert "***" in written(value)


def test_long_lists_come_in_small_parts() -> None:
    parts = list(encode({"rows": [{"name": str(number), "items": list(range(100))} for number in range(100)]}))
    assert max(map(len, parts)) < 200


def test_replies() -> None:
    assert "".join(Reply({"a": 1}).parts()) == '{"a": 1}\n'
    assert "".join(Reply(iter(["x", "y"]), kind="text/plain").parts()) == "xy"
    error = failed(404, "not_found", "gone", {"Allow": "GET"}, paths=[])
    assert json.loads("".join(error.parts())) == {"error_msg": "gone", "code": "not_found", "paths": []}
    assert (error.status, error.headers) == (404, {"Allow": "GET"})
