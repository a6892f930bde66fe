"""The head that an upstream sees."""

from __future__ import annotations

import os

import pytest

from gwt.balance.endpoint import Endpoint, EndpointState
from gwt.leaf import Leaf, LeafOrigin
from gwt.model.policy import DEFAULT_POLICY
from gwt.model.route import EndpointSpec, Source
from gwt.phase.exchange import Exchange
from gwt.upstream.requesthead import request_head
from gwt.wire.forwarded import Ids, lines_for
from gwt.wire.request import parse_request


def seen(block: bytes, path: bytes = b"/p", host_mode: bytes | None = None, name: str | None = None) -> bytes:
    exchange = Exchange(parse_request(block))
    exchange.request_id = b"r1"
    exchange.forwarded_lines = lines_for("10.0.0.1", b"http", 9080)
    leaf = Leaf("r", "s", "/", DEFAULT_POLICY, LeafOrigin(Source("f")), host_mode=host_mode)
    endpoint = Endpoint(EndpointSpec("10.1.1.1:80"), EndpointState(), name)
    head = request_head(exchange, path, leaf, endpoint, Ids(os.urandom))
    assert head.count(b"\r\n\r\n") == 1 and head.endswith(b"\r\n\r\n")
    again = parse_request(head[:-4])  # what is forwarded reads as one message
    assert again.method == exchange.head.method
    return head


def test_a_plain_one() -> None:
    head = seen(b"GET /x?q=1 HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n"
                b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")  # fmt: skip
    assert head == (
        b"GET /p?q=1 HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-Forwarded-For: 10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\n"
        b"X-Forwarded-Proto: http\r\nX-Forwarded-Port: 9080\r\nVia: 1.1 gwt\r\nX-Forwarded-Host: a.example\r\n"
        b"X-Request-Id: r1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("block", "line"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: chunked\r\n"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3", b"\r\nContent-Length: 3\r\n"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue", b"\r\nExpect: 100-continue\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers", b"\r\nConnection: TE\r\nTE: trailers\r\n"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a", b"OPTIONS * HTTP/1.1\r\n"),
        (b"GET http://b.example/x HTTP/1.1\r\nHost: a", b"\r\nHost: b.example\r\n"),
        (b"GET / HTTP/1.0", b"\r\nHost: 10.1.1.1:80\r\n"),
        (b"GET / HTTP/1.0", b"\r\nVia: 1.0 gwt\r\n"),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: abc",
            b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        ),
    ],
)
def test_what_is_set_anew(block: bytes, line: bytes) -> None:
    assert seen(block).count(line) == 1


@pytest.mark.parametrize(("mode", "host"), [(None, b"a"), (b"", b"10.1.1.1:80"), (b"lit.example", b"lit.example")])
def test_host_mode(mode: bytes | None, host: bytes) -> None:
    assert b"\r\nHost: %b\r\n" % host in seen(b"GET / HTTP/1.1\r\nHost: a", host_mode=mode)


@pytest.mark.parametrize(
    ("host_mode", "name", "host"),
    [
        (b"", None, b"10.1.1.1:80"), (b"", "b.example", b"b.example"), (None, "b.example", b"a"),
        (b"c", "b.example", b"c"), (b"", "b\r\nX: y", b"10.1.1.1:80"),
    ],
)  # fmt: skip
def test_whom_the_upstream_is_asked_for(host_mode: bytes | None, name: str | None, host: bytes) -> None:
    head = seen(b"GET / HTTP/1.1\r\nHost: a", host_mode=host_mode, name=name)
    assert head.startswith(b"GET /p HTTP/1.1\r\nHost: %b\r\n" % host)
