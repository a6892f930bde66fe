"""Huffman coding: both loops decode what hpack codes, and refuse what is none."""

from __future__ import annotations

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.wire.h2 import huffman

CODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
LOOPS = [huffman.decode, huffman.decode_in_python]


@pytest.mark.parametrize("decode", LOOPS)
def test_every_byte(decode: object) -> None:
    whole = bytes(range(256)) * 2
    assert decode(CODER.encode(whole)) == whole  # type: ignore[operator]
    assert decode(b"") == b""  # type: ignore[operator]


@pytest.mark.parametrize("decode", LOOPS)
@pytest.mark.parametrize("coded", [b"\x1f\xff", b"\x18", b"\xff\xff\xff\xff", b"\xff", b"\x00"])
def test_what_is_no_code(decode: object, coded: bytes) -> None:
    with pytest.raises(ValueError):
        decode(coded)  # type: ignore[operator]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_the_loops_agree(coded: bytes) -> None:
    said = []
    for decode in LOOPS:
        try:
            said.append(decode(coded))
        except ValueError as error:
            said.append(str(error))
    assert said[0] == said[1]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_what_was_coded(text: bytes) -> None:
    assert [decode(CODER.encode(text)) for decode in LOOPS] == [text, text]
