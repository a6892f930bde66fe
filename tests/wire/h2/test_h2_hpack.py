"""HPACK against the hpack package, what is refused, and what is remembered."""

from __future__ import annotations

import hpack as judge
import pytest
from hpack.table import HeaderTable
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.wire.h2 import hpack
from gwt.wire.h2.faults import Code, ConnectionFault

names = st.sampled_from([b":path", b"x", b"cookie", b"accept", b"x-long-name-of-a-field"]) | st.binary(min_size=1)
lists = st.lists(st.tuples(names, st.sampled_from([b"", b"/", b"a" * 300, b"gzip, deflate"]) | st.binary()), max_size=8)


def test_the_static_table() -> None:
    assert HeaderTable.STATIC_TABLE == hpack._STATIC


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(lists, st.booleans(), st.sampled_from([None, 0, 100, 4096])), max_size=8))
def test_what_another_writes_is_read(blocks: list[tuple[list[tuple[bytes, bytes]], bool, int | None]]) -> None:
    encoder, decoder = judge.Encoder(), hpack.Decoder(1 << 20)
    for fields, coded, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        block = encoder.encode(fields, huffman=coded)
        assert list(decoder.decode(block)) == fields
        if not block[:1] or 0x20 <= block[0] < 0x40 or any(0x40 <= first < 0x80 for first in block[:1]):
            continue
        assert list(hpack.Decoder(1 << 20).decode(hpack.encode(fields))) == fields


@settings(max_examples=40, deadline=None)
@given(lists, st.booleans())
def test_what_is_written_is_read_by_another(fields: list[tuple[bytes, bytes]], small: bool) -> None:
    decoder = judge.Decoder(1 << 20)
    block = hpack.encode(fields)
    if small:
        decoder.max_allowed_table_size = 0
        block = hpack.NO_TABLE + block
    assert [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)] == fields


@given(st.binary(max_size=100))
def test_whatever_comes(block: bytes) -> None:
    """The judge reads the same, or refuses too; a size of the table it may take where we do not, never the reverse."""
    decoder = judge.Decoder(1 << 16)
    try:
        ours = list(hpack.Decoder(1 << 16).decode(block))
    except ConnectionFault:
        return
    assert [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)] == ours


@pytest.mark.parametrize(
    "block",
    [
        b"\x80", b"\xbe", b"\xff\x80\x80\x80\x80\x01", b"\x40", b"\x40\x01", b"\x00\x01a", b"\x00\x01a\x05b",
        b"\x00\x7f\xff\xff\xff\xff\x0f", b"\x82\x20", b"\x3f\xe2\x1f", b"\x0f\xff\xff\xff\x7f\x01a",
        b"\x00\x81\xff\x01a",
    ],
)  # fmt: skip
def test_what_is_no_block(block: bytes) -> None:
    with pytest.raises(ConnectionFault) as caught:
        hpack.Decoder(1000).decode(block)
    assert caught.value.code == Code.COMPRESSION_ERROR


def test_more_fields_than_anybody_reads() -> None:
    decoder = hpack.Decoder(100_000, 10)
    assert len(decoder.decode(b"\x82" * 10)) == 10
    with pytest.raises(ConnectionFault) as caught:
        decoder.decode(b"\x82" * 11)
    assert caught.value.code == Code.ENHANCE_YOUR_CALM


def test_a_bomb() -> None:
    decoder = hpack.Decoder(10_000)
    decoder.decode(b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\x82")
    with pytest.raises(ConnectionFault) as caught:
        decoder.decode(b"\xbe" * 100_000)
    assert caught.value.code == Code.ENHANCE_YOUR_CALM


def test_the_table_evicts() -> None:
    decoder = hpack.Decoder(100_000)
    for number in range(200):
        decoder.decode(b"\x40\x01x\x64" + b"%0100d" % number)
    assert decoder._size <= 4096 and len(decoder._table) == 4096 // 133
    decoder.decode(b"\x3f\x0f\x82")  # 46 bytes: nothing fits
    assert not decoder._table and decoder._size == 0
    decoder.decode(b"\x40\x01x\x64" + b"y" * 100)
    assert not decoder._table


def test_a_block_is_remembered_until_the_table_changes() -> None:
    decoder = hpack.Decoder(10_000)
    decoder.decode(b"\x40\x01x\x01y")
    first = decoder.decode(b"\x82\xbe")
    assert decoder.size == len(b":method: GET\r\nx: y\r\n")
    decoder.decode(b"\x82")
    assert decoder.decode(b"\x82\xbe") is first and decoder.size == len(b":method: GET\r\nx: y\r\n")
    decoder.decode(b"\x40\x01x\x01z")
    assert decoder.decode(b"\x82\xbe") == ((b":method", b"GET"), (b"x", b"z"))


def test_few_blocks_are_remembered() -> None:
    decoder = hpack.Decoder(1 << 20)
    for number in range(100):
        decoder.decode(b"\x00\x01x\x03%03d" % number)
    assert len(decoder._seen) == 16 and b"\x00\x01x\x03099" in decoder._seen
    big = hpack.Decoder(1 << 20)
    big.decode(hpack.encode([(b"x", b"y" * 9000)]))
    assert not big._seen


def test_secrets_are_never_indexed() -> None:
    assert hpack.line(b"set-cookie", b"a=b")[0] & 0xF0 == 0x10
    assert hpack.line(b"x-other", b"a=b")[0] & 0xF0 == 0
