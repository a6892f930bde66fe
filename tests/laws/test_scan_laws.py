"""The two scanners, compiled and in Python, are one function: same results, same refusals."""

from __future__ import annotations

import pytest
from edge.cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.wire import request as wire_request
from gwt.wire.names import REQUEST_NAMES, RESPONSE_NAMES, Kind, Names
from gwt.wire.scan import (
    head_end,
    head_end_in_python,
    scan,
    scan_in_python,
    split_request_line,
    split_request_line_in_python,
)

ATTRIBUTES = wire_request._ATTRIBUTES
HEADS = [block for case in CASES for block in case.raw.split(b"\r\n\r\n")]


class Head:
    """Takes the attributes."""


def told(function: object, block: bytes, names: Names, limit: int) -> object:
    head = Head()
    try:
        result = function(block, head, names, ATTRIBUTES, limit, Kind.NOTED)  # type: ignore[operator]
    except (ValueError, OverflowError) as error:
        return type(error), str(error) if isinstance(error, OverflowError) else ""
    return result, vars(head)


def same(block: bytes, limit: int = 100) -> None:
    for names in (REQUEST_NAMES, RESPONSE_NAMES):
        assert told(scan, block, names, limit) == told(scan_in_python, block, names, limit)


names = st.sampled_from([*REQUEST_NAMES._table, *RESPONSE_NAMES._table, b"x", b"x_user.id", b"accept", b"a" * 40])
lines = st.one_of(
    st.tuples(names, st.booleans(), st.binary(max_size=12)).map(
        lambda t: (t[0].title() if t[1] else t[0]) + b": " + t[2].translate(None, b"\r\n\0")
    ),
    st.binary(max_size=20),
)
blocks = st.lists(lines, max_size=8).map(b"\r\n".join)


@given(st.one_of(blocks, st.binary(max_size=80), st.sampled_from(HEADS)), st.integers(0, 6))
@settings(max_examples=1500)
def test_both_read_the_same(block: bytes, limit: int) -> None:
    same(block, limit)
    same(block)


@given(st.sampled_from([head for head in HEADS if head]), st.data())
@settings(max_examples=800)
def test_both_read_the_same_mutants(block: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(block)))
    same(block[:at] + data.draw(st.binary(max_size=3)) + block[at + data.draw(st.integers(0, 3)) :])


def with_a_version(line: bytes) -> bytes:
    return line + b" HTTP/1.1"


odd_text = st.text('GE T/?#%aä\x7f~!" ', max_size=20).map(lambda text: text.encode("latin-1"))


@given(st.one_of(st.binary(max_size=40), st.one_of(st.binary(max_size=40), odd_text).map(with_a_version)))
@settings(max_examples=2000)
def test_both_split_the_same_lines(line: bytes) -> None:
    assert split_request_line(line) == split_request_line_in_python(line)


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n\r\n", b"a"]), max_size=12).map(b"".join),
    st.integers(0, 20),
    st.integers(0, 40),
)
def test_both_find_the_same_end(data: bytes, start: int, stop: int) -> None:
    assert head_end(data, start, stop) == head_end_in_python(data, start, stop)


@pytest.mark.parametrize(
    "block",
    [
        b"", b"\r\n", b"\r", b"\n", b"\0", b"a\r\n", b"a\r\nb:", b"a\r\n:b", b"a\r\nb: c\r\n", b"a\r\nb: c\r\n\r\n",
        b"a\r\nHost:" + b" " * 100_000, b"a\r\n" + b"n" * 1_000_000 + b":v", b"a\r\nHost: " + b"v" * 5_000_000,
        b"a" * 5_000_000, b"a" + b"\r\nb:" * 200_000, b"a\r\nHost: a\r\nHost: b\r\nHost: c",
    ],
    ids=range(16),
)  # fmt: skip
def test_the_edges(block: bytes) -> None:
    same(block)
    same(block, 10**6)
    same(block, 0)


@pytest.mark.parametrize(
    "line", [b"", b" ", b" HTTP/1.1", b"G HTTP/1.1", b"G / HTTP/1.1", b"G /? HTTP/1.1", b"/" * 10**6], ids=range(7)
)
def test_the_edges_of_request_lines(line: bytes) -> None:
    assert split_request_line(line) == split_request_line_in_python(line)


def test_more_spellings_than_are_remembered() -> None:
    for number in range(6000):
        same(b"a\r\nX-%d-Unheard-Of: y\r\nHost: a" % number)


def test_the_compiled_one_refuses_what_it_can_not_read() -> None:
    if scan is scan_in_python:
        return  # not built here
    for wrong in ((), (b"",), (1, 2, 3, 4, 5, 6), (b"", Head(), REQUEST_NAMES, ATTRIBUTES, "x", 1),
                  (b"", Head(), {}, [], 1, 1), (bytearray(), Head(), REQUEST_NAMES, ATTRIBUTES, 1, 1)):  # fmt: skip
        with pytest.raises(TypeError):
            scan(*wrong)
    with pytest.raises((TypeError, ValueError)):
        split_request_line("text")  # type: ignore[arg-type]
