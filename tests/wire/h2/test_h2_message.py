"""Messages from and to HTTP/1.1's form."""

from __future__ import annotations

import hpack as judge
import pytest
from wire.h2.peer import GET, POST

from gwt.wire.h2.faults import Malformed
from gwt.wire.h2.message import answer_block, answer_of, checked_length, request_of, trailer_block
from gwt.wire.request import parse_request
from gwt.wire.response import CHUNKED


def read(block: bytes) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in judge.Decoder().decode(block, raw=True)]


def test_a_request_as_http11_has_it() -> None:
    fields = (*POST, (b"te", b"trailers"), (b"cookie", b"a=1"), (b"x-user-id", b"eve"), (b"x_user_id", b"eve"),
              (b"cookie", b""), (b"cookie", b"b=2"), (b"content-length", b"3"), (b"x-ok", b"1"))  # fmt: skip
    asked = request_of(fields, 300)
    assert (asked.method, asked.length, asked.protocol) == (b"POST", 3, None)
    head = parse_request(asked.head)
    assert (head.method, head.path, head.host, head.cookie) == (b"POST", b"/", b"a.example", b"a=1; b=2")
    assert head.te_trailers and head.length == 3 and not head.chunked
    assert head.fields == b"content-length: 3\r\nx-ok: 1\r\ncookie: a=1; b=2\r\n"
    assert asked.fields == 7  # with Host, as HTTP/1.1 counts them


def test_what_was_asked_before_is_the_same() -> None:
    assert request_of(GET, 50) is request_of(tuple(GET), 50)
    large = (*GET, (b"x", b"y" * 5000))
    assert request_of(large, 5100) is not request_of(large, 5100)


def test_a_websocket_is_a_get_without_a_key() -> None:
    fields = ((b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))
    asked = request_of((*fields, (b"sec-websocket-key", b"AAAA")), 200)
    assert asked.head == b"GET / HTTP/1.1\r\nHost: a.example\r\nsec-websocket-version: 13"
    assert (asked.method, asked.protocol) == (b"GET", b"websocket")
    other = request_of(((b":method", b"CONNECT"), *GET[1:], (b":protocol", b"connect-udp")), 200)
    assert other.head.startswith(b"CONNECT / HTTP/1.1\r\n") and other.protocol == b"connect-udp"
    with pytest.raises(Malformed):
        request_of((*fields, (b"content-length", b"0")), 200)


def test_connect() -> None:
    asked = request_of(((b":method", b"CONNECT"), (b":authority", b"a:443")), 30)
    assert asked.head == b"CONNECT a:443 HTTP/1.1\r\nHost: a:443"
    with pytest.raises(Malformed):
        request_of(((b":method", b"CONNECT"), *GET[1:]), 30)


def test_an_answer_from_http11() -> None:
    lines = b"Content-Type: text/plain\r\nSet-Cookie: a\r\nset-cookie:\tb \r\nConnection: close\r\nX-Empty:\r\n"
    assert read(answer_block(200, lines)) == [
        (b":status", b"200"), (b"content-type", b"text/plain"), (b"set-cookie", b"a"), (b"set-cookie", b"b"),
        (b"x-empty", b""),
    ]  # fmt: skip
    assert read(answer_block(599, b"")) == [(b":status", b"599")]
    assert read(answer_block(200, b"X: " + b"y" * 1000 + b"\r\n"))[1] == (b"x", b"y" * 1000)
    assert read(trailer_block([b"Grpc-Status: 0", b"x: y"])) == [(b"grpc-status", b"0"), (b"x", b"y")]


def test_an_answer_to_http11() -> None:
    fields = ((b":status", b"200"), (b"content-length", b"2"), (b"x", b"y"), (b"te", b"trailers"))
    for size in (100, 100_000):  # remembered, and not
        answer = answer_of(fields, size)
        assert (answer.status, answer.length, answer.fields[1]) == (200, 2, (b"x", b"y"))
        assert answer.begun.fields == answer.whole.fields == b"content-length: 2\r\nx: y\r\n"
        assert (answer.begun.length, answer.whole.length, answer.begun.declared) == (CHUNKED, 0, 2)


def test_what_an_answer_says_to_a_proxy_alone_stays_behind() -> None:
    said = (b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization", b"proxy", b"http2-settings")
    fields = ((b":status", b"407"), *((name, b"x") for name in said), (b"www-authenticate", b"y"))
    assert answer_of(fields, 100).begun.fields == b"www-authenticate: y\r\n"
    assert answer_of(((b":status", b"204"), *fields[1:]), 100).whole.fields == b"www-authenticate: y\r\n"


def test_what_has_no_body_has_no_length() -> None:
    for status in (b"103", b"204"):
        answer = answer_of(((b":status", status), (b"content-length", b"2"), (b"x", b"y")), 100)
        assert (answer.length, answer.whole.fields) == (None, b"x: y\r\n")


def test_a_length_of_nothing() -> None:
    assert checked_length(5, False) == 5 and checked_length(0, True) == 0 and checked_length(None, True) is None
    with pytest.raises(Malformed):
        checked_length(5, True)
