"""The example of RFC 6455 1.3; frames that are followed whatever the pieces in which they come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from gwt.wire.websocket import GOING_AWAY, Way, accept_key, close_frame

LAST = close_frame(GOING_AWAY)
FRAMES = st.builds(
    lambda opcode, size, mask: Frame(opcode, bytes(size)).serialize(mask=mask),
    st.sampled_from([Opcode.BINARY, Opcode.TEXT, Opcode.CONT]),
    st.one_of(st.integers(0, 125), st.sampled_from([126, 127, 300, 65535, 65536, 70000])),
    st.booleans(),
)


def test_the_example_of_the_rfc() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(("side", "mask"), [(Side.CLIENT, b""), (Side.SERVER, b"abcd")])
def test_a_close_is_what_its_reader_expects(side: Any, mask: bytes) -> None:
    judge = Protocol(side, state=State.OPEN)
    judge.receive_data(close_frame(GOING_AWAY, mask))
    assert judge.close_rcvd == Close(1001, "")


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], int]:
    """Frames; the same bytes in pieces; before which piece the end is asked for."""
    frames = draw(st.lists(FRAMES, max_size=8))
    data = b"".join(frames)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return frames, pieces, draw(st.integers(0, len(pieces)))


@given(streams())
def test_the_last_frame_is_said_between_two(drawn: tuple[list[bytes], list[bytes], int]) -> None:
    frames, pieces, when = drawn
    way, out = Way(), b""
    before = sum(map(len, pieces[:when]))
    for index, piece in enumerate(pieces):
        if index == when:
            out += way.end(LAST)
        out += way.passed(piece)
    if when == len(pieces):
        out += way.end(LAST)
    ends = [sum(map(len, frames[:count])) for count in range(len(frames) + 1)]
    at = min(end for end in ends if end >= before)
    assert out == b"".join(frames)[:at] + LAST and way.over


@given(streams())
def test_without_an_end_all_passes(drawn: tuple[list[bytes], list[bytes], int]) -> None:
    frames, pieces, _ = drawn
    way = Way()
    assert b"".join(way.passed(piece) for piece in pieces) == b"".join(frames)
    assert not way.over and not way.closed


def test_who_has_closed_by_itself_is_not_told_again() -> None:
    close = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=False)
    way = Way()
    assert way.passed(close) == close and way.closed
    assert way.end(LAST) == b"" and way.over
    half = Way()
    assert half.passed(close[:3]) == close[:3] and half.end(LAST) == b"" and not half.over
    assert half.passed(close[3:] + b"more") == close[3:] and half.over and half.passed(b"x") == b""


def test_the_end_is_asked_for_once() -> None:
    way = Way()
    assert way.end(LAST) == LAST and way.end(LAST) == b""
    begun = Way()
    begun.passed(b"\x82\x05ab")
    assert begun.end(LAST) == b"" and begun.end(b"other") == b"" and begun.passed(b"cde") == b"cde" + LAST


def test_more_frames_in_a_read_than_anybody_follows() -> None:
    way, data = Way(), b"\x82\0" * 20_000
    assert way.passed(data) == data and way.end(LAST) == b""
    assert way.passed(data) == data and not way.over
