"""Answers' heads: how long a body is, what is forwarded, what is refused."""

from __future__ import annotations

import pytest

from gwt.errors import GatewayError
from gwt.wire.names import trailer_lines
from gwt.wire.response import CHUNKED, UNTIL_CLOSE, ResponseHead, go_on, parse_response


def head(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK", to_head: bool = False) -> ResponseHead:
    return parse_response(b"\r\n".join((first, *lines)), to_head)


def test_lengths() -> None:
    assert head(b"Content-Length: 5").length == 5
    assert head(b"Transfer-Encoding: chunked").length == CHUNKED
    closing = head()
    assert closing.length == UNTIL_CLOSE and not closing.keep_alive
    asked = head(b"Content-Length: 5", to_head=True)
    assert (asked.length, asked.declared) == (0, 5) and b"Content-Length: 5" in asked.fields


@pytest.mark.parametrize("first", [b"HTTP/1.1 204 No", b"HTTP/1.1 103 Hints"])
@pytest.mark.parametrize("to_head", [False, True])
def test_lengths_that_may_not_be(first: bytes, to_head: bool) -> None:
    found = head(b"Content-Length: 5", b"A: b", first=first, to_head=to_head)
    assert (found.length, found.fields) == (0, b"A: b\r\n")


def test_a_304_keeps_its_length() -> None:
    found = head(b"Content-Length: 5", first=b"HTTP/1.1 304 Not Modified")
    assert found.length == 0 and found.declared == 5


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 5", b"Content-Length: 5"), (b"Content-Length: 5, 5",), (b"Content-Length: -1",),
        (b"Content-Length: \xb2",), (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: gzip",), (b"Transfer-Encoding: gzip, chunked",), (b"Transfer-Encoding: chunked",) * 2,
        (b"A : b",), (b"A: b\n",), (b" A: b",), (b"A",), (b"A: \0",), (b"Connection: content-length",),
        (b"A: b",) * 201,
    ],
)  # fmt: skip
def test_answers_that_are_none(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(GatewayError) as caught:
        head(*lines)
    assert caught.value.code == "bad_answer"


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 20x OK", b"HTTP/2 200 OK", b"HTTP/1.1 99 X", b"HTTP/1.1 600 X", b"ICY 200 OK", b""]
)
def test_status_lines_that_are_none(first: bytes) -> None:
    with pytest.raises(GatewayError):
        head(first=first)


def test_hop_by_hop_fields_stay_behind() -> None:
    found = head(b"Connection: A, keep-alive", b"A: 1", b"Keep-Alive: timeout=7", b"B: 2", b"Content-Length: 0")
    assert found.fields == b"B: 2\r\nContent-Length: 0\r\n" and found.idle_timeout == 7 and found.keep_alive
    assert not head(b"Content-Length: 0", first=b"HTTP/1.0 200 OK").keep_alive


@pytest.mark.parametrize(
    "name",
    [b"Proxy-Authenticate", b"proxy-authentication-info", b"Proxy-Authorization", b"PROXY", b"HTTP2-Settings", b"TE"],
)
def test_what_is_said_to_a_proxy_alone_stays_behind(name: bytes) -> None:
    found = head(name + b": Basic", b"WWW-Authenticate: Basic", b"Proxy-Status: x", b"Content-Length: 0")
    assert found.fields == b"WWW-Authenticate: Basic\r\nProxy-Status: x\r\nContent-Length: 0\r\n"
    assert trailer_lines([name + b": Basic", b"X-A: 1"]) == [b"X-A: 1"]


def test_go_on() -> None:
    assert (go_on().status, go_on().reason, go_on().fields) == (100, b"Continue", b"")
