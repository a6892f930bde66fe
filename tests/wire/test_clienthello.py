from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.wire.clienthello import MAX_HELLO, BadHello, HelloReader


def vector(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width) + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2) + vector(2, data)


def named(name: bytes, kind: int = 0) -> bytes:
    return extension(0, vector(2, bytes([kind]) + vector(2, name)))


def body(*extensions: bytes) -> bytes:
    start = b"\3\3" + bytes(32) + vector(1, b"s" * 32) + vector(2, b"\x5a\x5a\x13\x01") + vector(1, b"\0")
    return start + (vector(2, b"".join(extensions)) if extensions else b"")


def records(message: bytes, size: int = 1 << 14) -> bytes:
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\3\1" + vector(2, piece) for piece in pieces)


def hello(*extensions: bytes, size: int = 1 << 14) -> bytes:
    return records(b"\1" + vector(3, body(*extensions)), size)


def openssl(name: str | None) -> bytes:
    """What OpenSSL sends first."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    connection = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return out.read()


GREASE = extension(0x2A2A, b"") + extension(0xBABA, b"\0")
NAME = named(b"db.example.com")


@pytest.mark.parametrize(
    "data, name",
    [
        (openssl("DB.example.com"), b"db.example.com"),
        (openssl(None), None),
        (hello(NAME), b"db.example.com"),
        (hello(GREASE, NAME, GREASE), b"db.example.com"),
        (hello(named(b"a.b.")), b"a.b"),
        (hello(NAME, size=1), b"db.example.com"),
        (hello(GREASE), None),
        (hello(), None),
        (hello(extension(21, bytes(8000)), NAME, size=500), b"db.example.com"),
    ],
)
def test_the_name_is_found(data: bytes, name: bytes | None) -> None:
    reader = HelloReader()
    assert reader.feed(data + b"what follows")
    assert (reader.tls, reader.name, bytes(reader.received)) == (True, name, data + b"what follows")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x80\x2e\1\3\1", b"\0"])
def test_what_is_no_tls_is_known_by_its_first_byte(data: bytes) -> None:
    reader = HelloReader()
    assert reader.feed(data)
    assert not reader.tls
    assert reader.name is None


@pytest.mark.parametrize(
    "data",
    [
        records(b"\2" + vector(3, body(NAME))),
        b"\x16\2\1\0\5hello",
        b"\x16\3\1\0\0",
        hello(NAME, size=6)[:11] + b"\x17\3\3\0\1x",
        records(b"\1" + (MAX_HELLO + 1).to_bytes(3)),
        hello(extension(21, bytes(9000)), size=2),
        hello(NAME, NAME),
        hello(named(b"")),
        hello(named(b"a\nb")),
        hello(named(b"caf\xc3\xa9")),
        hello(named(b"a", kind=1)),
        hello(extension(0, vector(2, b"\0" + vector(2, b"a") + b"\0" + vector(2, b"b")))),
        hello(extension(0, b"")),
        records(b"\1" + vector(3, body(NAME)[:-3])),
        records(b"\1" + vector(3, body(NAME) + b"x")),
    ],
)
def test_what_is_no_hello_is_refused(data: bytes) -> None:
    with pytest.raises(BadHello):
        assert not HelloReader().feed(data), "taken for one"


@st.composite
def sent(draw: st.DrawFn) -> bytes:
    """A ClientHello, perhaps bent."""
    size = draw(st.integers(1, 300))
    data = bytearray(hello(*draw(st.permutations([GREASE, NAME])), size=size))
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def judged(pieces: list[bytes]) -> object:
    reader = HelloReader()
    for piece in pieces:
        try:
            if reader.feed(piece):
                return reader.tls, reader.name
        except BadHello:
            return BadHello
    return None


@given(st.binary(max_size=200) | sent(), st.lists(st.integers(0, 600), max_size=6))
def test_it_makes_no_difference_in_which_pieces_bytes_come(data: bytes, cuts: list[int]) -> None:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert judged(pieces) == judged([data]) == judged([data[at : at + 1] for at in range(len(data))])
