"""Field lines changed without regard to case, and nothing in them that could end a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.errors import GatewayError
from gwt.phase import fields as lines

FIELDS = b"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n"


def test_put_and_removed() -> None:
    assert lines.put(FIELDS, b"X-a", "9") == b"X-B: 2\r\nX-a: 9\r\n"
    assert lines.put(b"", b"X-C", b"9") == b"X-C: 9\r\n"
    assert lines.removed(FIELDS, b"X-A") == b"X-B: 2\r\n"
    assert lines.removed(FIELDS, b"x-c") is FIELDS
    assert lines.has(FIELDS, b"x-b") and not lines.has(FIELDS, b"x-")


def test_lines_of_a_mapping_or_of_pairs() -> None:
    assert lines.lines({"A": "1", "B": b"2"}) == b"A: 1\r\nB: 2\r\n"
    assert lines.lines([("A", "1"), (b"A", "\u00e4")]) == b"A: 1\r\nA: \xc3\xa4\r\n"
    assert lines.lines(()) == b""


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä", *sorted(one.decode() for one in lines.FRAMING)])
def test_names_that_no_plugin_may_set(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        lines.line(name, "1")


@given(st.text() | st.binary())
def test_a_line_is_one_line_or_none(value: str | bytes) -> None:
    try:
        line = lines.line("X-A", value)
    except GatewayError as error:
        assert error.code == "bad_request"
    else:
        assert line.count(b"\n") == line.count(b"\r") == 1 and b"\0" not in line
        assert line == b"X-A: " + lines.octets(value) + b"\r\n"
