from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.wire.proxyprotocol import (
    MAX_V1,
    MAX_V2,
    SIGNATURE,
    BadHeader,
    Header,
    crc32c,
    header_v1,
    header_v2,
    read_header,
)  # fmt: skip

CLIENT, GATE = ("203.0.113.7", 4321), ("198.51.100.1", 443)
ADDRESSES = struct.pack("!4B4BHH", 203, 0, 113, 7, 198, 51, 100, 1, 4321, 443)


def v2(body: bytes = ADDRESSES, family: int = 0x11, command: int = 0x21) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def summed(*extensions: bytes) -> bytes:
    """A version 2 header with a checksum that is right."""
    bare = v2(ADDRESSES + b"".join(extensions) + tlv(3, bytes(4)))
    return bare[:-4] + crc32c(bare).to_bytes(4)


GOOD = [
    (b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 443\r\n", Header(CLIENT, GATE)),
    (b"PROXY TCP6 2001:DB8::1 ::1 1 0\r\n", Header(("2001:db8::1", 1), ("::1", 0))),
    (b"PROXY UNKNOWN\r\n", Header()),
    (b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", Header()),
    (v2(), Header(CLIENT, GATE)),
    (v2(ADDRESSES + tlv(1, b"h2") + tlv(0xEA, b"vpce-1")), Header(CLIENT, GATE)),
    (summed(tlv(2, b"db.example.com")), Header(CLIENT, GATE)),
    (v2(bytes(15) + b"\1" + bytes(15) + b"\2" + b"\0\1\0\2", 0x21), Header(("::1", 1), ("::2", 2))),
    (v2(bytes(216), 0x31), Header()),
    (v2(b"", 0), Header()),
    (v2(b"not even extensions", 0x77, 0x20), Header()),  # LOCAL: all else is skipped
]
BAD = [
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 4321\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 443 \r\n",
    b"PROXY  TCP4 203.0.113.7 198.51.100.1 4321 443\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 04321 443\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 65536 443\r\n",
    b"PROXY TCP4 203.0.113.07 198.51.100.1 1 443\r\n",
    b"PROXY TCP4 ::1 ::2 1 443\r\n",
    b"PROXY TCP6 203.0.113.7 198.51.100.1 1 443\r\n",
    b"PROXY UDP4 203.0.113.7 198.51.100.1 1 443\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"PROXY TCP4 203.0.113.7 198.51.100.1 1 443\rX",
    b"PROXY UNKNOWN " + b"x" * MAX_V1,
    v2(command=0x11),
    v2(command=0x22),
    v2(family=0x12),
    v2(ADDRESSES[:-1]),
    v2(bytes(215), 0x31),
    v2(ADDRESSES + b"\1\0"),
    v2(ADDRESSES + b"\1\0\2x"),
    v2(ADDRESSES + tlv(3, b"\1\2\3\4")),
    v2(ADDRESSES + tlv(3, b"\1")),
    v2(bytes(MAX_V2), 0),
]


@pytest.mark.parametrize("data, header", GOOD)
def test_headers_are_read_and_what_follows_is_left(data: bytes, header: Header) -> None:
    assert read_header(data) == (header, len(data))
    assert read_header(data + b"rest") == (header, len(data))


@pytest.mark.parametrize("data, header", GOOD)
def test_any_piece_of_a_header_is_waited_with(data: bytes, header: Header) -> None:
    assert [read_header(data[:size]) for size in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize("data", BAD)
def test_whatever_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadHeader):
        read_header(data)


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283


HEADERS = st.sampled_from([data for data, _ in GOOD] + BAD)


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """A header with some bytes changed."""
    data = bytearray(draw(HEADERS))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@given(st.binary(max_size=300) | bent())
def test_it_makes_no_difference_in_which_pieces_bytes_come(data: bytes) -> None:
    """Garbage raises nothing but BadHeader; what was decided of a piece is what is decided of the whole."""

    def judged(size: int) -> object:
        try:
            return read_header(data[:size])
        except BadHeader:
            return BadHeader

    whole = judged(len(data))
    assert all(judged(size) in (None, whole) for size in range(len(data)))


V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
PORT = st.integers(0, 65535)


@given(st.tuples(V4, PORT) | st.tuples(V6, PORT), st.tuples(V4, PORT) | st.tuples(V6, PORT))
def test_what_is_written_is_read(source: tuple[str, int], destination: tuple[str, int]) -> None:
    one, two = (read_header(write(source, destination)) for write in (header_v1, header_v2))
    assert one is not None and two is not None
    assert one[0] == two[0]
    assert one[0].source is not None and one[0].source[1] == source[1]
    if (":" in source[0]) == (":" in destination[0]):
        assert one[0].destination is not None
        assert one[0].destination[1] == destination[1]


@pytest.mark.parametrize("write", [header_v1, header_v2])
def test_who_is_not_known_is_not_named(write: object) -> None:
    assert callable(write)
    assert read_header(write(None, GATE)) == (Header(), len(write(None, GATE)))
    mixed = read_header(write(CLIENT, ("::1", 443)))
    assert mixed is not None
    assert mixed[0] == Header(("::ffff:203.0.113.7", 4321), ("::1", 443))
