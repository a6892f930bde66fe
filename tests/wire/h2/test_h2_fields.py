"""What a field list may not be, above all where HTTP/1.1 stands behind."""

from __future__ import annotations

import pytest
from wire.h2.peer import GET

from gwt.wire.h2.faults import Malformed
from gwt.wire.h2.fields import check_answer, check_request, check_trailers, content_length

BAD_BYTES = [b"\0", b"\r", b"\n", b"\r\n", b"\x01", b"\x7f", b"\x1b"]


def changed(name: bytes, value: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((known, value if known == name else said) for known, said in GET)


@pytest.mark.parametrize("odd", BAD_BYTES)
@pytest.mark.parametrize("where", [b":method", b":scheme", b":path", b":authority", b"x"])
def test_no_line_can_be_ended(where: bytes, odd: bytes) -> None:
    for value in (b"a" + odd + b"b", odd + b"b", b"a" + odd, b"/" + odd + b"x: y"):
        with pytest.raises(Malformed):
            check_request(changed(where, value) if where != b"x" else (*GET, (b"x", value)))
    for value in (b"a" + odd + b"b", b"a" + odd):
        with pytest.raises(Malformed):
            check_answer(((b":status", b"200"), (b"x", value)))
        with pytest.raises(Malformed):
            check_trailers(((b"x", value),))


@pytest.mark.parametrize(
    "name", [b"", b"X", b"a b", b"a:", b"a:b", b" a", b"a\r\nb", b"a\0", b"\xc3\xa9", b"a(", b'"', b":"]
)
def test_names_that_are_none(name: bytes) -> None:
    for check in (check_request, check_answer, check_trailers):
        start = {check_request: GET, check_answer: ((b":status", b"200"),)}.get(check, ())
        with pytest.raises(Malformed):
            check((*start, (name, b"x")))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (b":method", [b"", b"GE T", b"GET /x HTTP/1.1", b"(", b"GET\t"]),
        (b":scheme", [b"", b"ftp", b"http:", b"javascript"]),
        (b":path", [b"", b"x", b"http://b/", b"/a b", b"/a HTTP/1.1", b"/#x", b"*", b"/\xff", b"//\t"]),
        (b":authority", [b"", b"a@b", b"a/b", b"a b", b"a?b", b"a#b", b"a\\b", b"a\xff", b"a,b c"]),
    ],
)  # fmt: skip
def test_pseudo_fields_that_are_none(name: bytes, values: list[bytes]) -> None:
    for value in values:
        with pytest.raises(Malformed):
            check_request(changed(name, value))


@pytest.mark.parametrize(
    "more",
    [
        (b"host", b"b.example"), (b"connection", b"x"), (b"keep-alive", b"x"), (b"proxy-connection", b"x"),
        (b"transfer-encoding", b"chunked"), (b"upgrade", b"h2c"), (b"te", b"gzip"), (b":method", b"GET"),
        (b"x", b" y"), (b"x", b"y "), (b"x", b"\ty"), (b":protocol", b"websocket"),
    ],
)  # fmt: skip
def test_fields_that_may_not_be(more: tuple[bytes, bytes]) -> None:
    with pytest.raises(Malformed):
        check_request((*GET, more))


def test_two_hosts() -> None:
    with pytest.raises(Malformed):
        check_request((*GET, (b"host", b"a.example"), (b"host", b"a.example")))


def test_an_authority_may_be_said_by_host() -> None:
    pseudo, others = check_request((*GET[:3], (b"host", b"a.example"), (b"x", b"")))
    assert pseudo[b":authority"] == b"a.example" and others == [(b"x", b"")]
    pseudo, _ = check_request((*GET, (b"host", b"A.example")))
    assert pseudo[b":authority"] == b"a.example"


def test_asterisk_and_connect() -> None:
    options = ((b":method", b"OPTIONS"), GET[1], (b":path", b"*"), GET[3])
    assert check_request(options)[0][b":path"] == b"*"
    assert check_request(((b":method", b"CONNECT"), (b":authority", b"a:443")))
    with pytest.raises(Malformed):
        check_request(((b":method", b"CONNECT"), *GET[1:]))
    extended = ((b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket"))
    assert check_request(extended)[0][b":protocol"] == b"websocket"


@pytest.mark.parametrize("said", [b"", b"+1", b"1 ", b"0x1", b"1,1", b"-1", b"1" * 19, b"\xb2"])
def test_lengths_that_are_none(said: bytes) -> None:
    with pytest.raises(Malformed):
        content_length([(b"content-length", said)])


def test_lengths() -> None:
    assert content_length([]) is None and content_length([(b"content-length", b"012")]) == 12
    with pytest.raises(Malformed):
        content_length([(b"content-length", b"1")] * 2)


@pytest.mark.parametrize("status", [b"", b"20", b"2000", b"abc", b"600", b"099", b"101", b"\xb2\xb2\xb2"])
def test_statuses_that_are_none(status: bytes) -> None:
    with pytest.raises(Malformed):
        check_answer(((b":status", status),))
