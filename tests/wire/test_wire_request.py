"""Request heads: what is read, dropped and kept. The corpus in tests/edge/cases.py has what is refused."""

from __future__ import annotations

import pytest

from gwt.errors import GatewayError
from gwt.wire.request import RequestHead, parse_request, plausible


def head(*lines: bytes, first: bytes = b"GET /a?b HTTP/1.1") -> RequestHead:
    return parse_request(b"\r\n".join((first, b"Host: h", *lines)))


def test_a_plain_request() -> None:
    found = head(b"Accept: x")
    assert (found.method, found.target, found.path, found.query, found.host) == (b"GET", b"/a?b", b"/a", b"b", b"h")
    assert found.plain and found.keep_alive and found.fields == b"Accept: x\r\n" and found.header(b"accept") == b"x"


def test_fields_that_are_read_and_kept() -> None:
    found = head(b"Cookie: a=b", b"User-Agent: u", b"Cookie: c=d", b"Referer: r")
    assert (found.cookie, found.user_agent, found.referer) == (b"a=b; c=d", b"u", b"r")
    assert found.fields.count(b"\r\n") == 4


@pytest.mark.parametrize("line", [b"Connection: close", b"TE: trailers", b"Expect: 100-continue", b"Content-Length: 1"])
def test_what_is_not_plain(line: bytes) -> None:
    assert not head(line, first=b"POST / HTTP/1.1").plain


def test_refusals_name_their_code() -> None:
    for first, code in ((b"FOO / HTTP/1.1", "method"), (b"GET / HTTP/3.0", "version"), (b"GET /", "bad_request")):
        with pytest.raises(GatewayError) as caught:
            head(first=first)
        assert caught.value.code == code and caught.value.close
    with pytest.raises(GatewayError) as caught:
        parse_request(b"GET / HTTP/1.1\r\nHost: h\r\nA: b", 1)
    assert caught.value.code == "headers_too_large"


def test_plausibility_looks_at_new_bytes_only() -> None:
    assert plausible(b"GET / HTTP/1.1\r", 0) and plausible(b"GET / HTTP/1.1\r\nA", 15)
    assert not plausible(b"GET / HTTP/1.1\rA", 15)
    assert not plausible(b"GET / HTTP/1.1\nA", 14)
    assert plausible(b"\0GET", 2)
