"""Requests of a plain Site as exchanges; over real sockets in tests/system/test_resources.py."""

from __future__ import annotations

import pytest
from edge.rig import Rig
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from gwt.edge.adopt import adopted
from gwt.errors import GatewayError


def asked(method: bytes = b"GET", uri: bytes = b"/a?b", host: bytes = b"a") -> DummyChannel:
    channel = DummyChannel()
    channel.site.resource = Rig(hosts=("a",)).factory.root
    request = channel.request = Request(channel)
    request.requestHeaders.addRawHeader(b"host", host)
    request.gotLength(0)
    request.method, request.uri, request.clientproto = method, uri, b"HTTP/1.1"
    return channel


def test_a_request_is_adopted_once() -> None:
    request = asked().request
    exchange = adopted(request)
    assert adopted(request) is exchange and exchange.checked() is exchange
    assert (exchange.head.path, exchange.head.query, exchange.client) == (b"/a", b"b", "192.168.1.1")


@pytest.mark.parametrize(("method", "uri", "code"), [(b"BREW", b"/", "method"), (b"GET", b"/#x", "bad_request")])
def test_what_the_gateway_refuses_is_refused(method: bytes, uri: bytes, code: str) -> None:
    request = asked(method, uri).request
    with pytest.raises(GatewayError) as caught:
        adopted(request).checked()
    assert caught.value.code == code


def test_a_refusal_is_written_by_the_site() -> None:
    channel = asked(host=b"b")
    request = channel.request
    request.requestReceived(b"GET", b"/", b"HTTP/1.1")
    assert request.code == 404 and b'"no_route"' in channel.transport.written.getvalue()
