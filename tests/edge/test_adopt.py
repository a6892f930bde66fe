"""Requests of a plain Site as exchanges; over real sockets in tests/system/test_resources.py."""

from __future__ import annotations

import pytest
from edge.rig import Rig
from phase.plugins import Later, Upper, recorder
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from gwt.edge.adopt import adopted
from gwt.errors import GatewayError
from gwt.phase.plugin import Exchange


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
    assert exchange.server_addr == request.getHost().host


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


def test_plugins_work_under_a_site_too() -> None:
    calls: list[str] = []

    async def access(ctx: Exchange) -> None:
        calls.append((await ctx.request.read_body()).decode())
        ctx.request.set_header("X-Seen", "yes")

    kinds = [Upper, recorder("sees", 1, access=access, log=lambda ctx: calls.append(str(ctx.status)))]
    rig = Rig(hosts=("a",), kinds=kinds, plugins={"upper": {}, "sees": {}})
    channel = asked(b"POST", b"/")
    channel.site.resource = rig.factory.root
    request = channel.request
    request.requestHeaders.addRawHeader(b"content-length", b"5")
    request.gotLength(5)
    request.handleContentChunk(b"hello")
    request.requestReceived(b"POST", b"/", b"HTTP/1.1")
    rig.settle()
    assert rig.seen[0].body == b"hello" and rig.seen[0].header(b"x-seen") == b"yes"
    assert channel.transport.written.getvalue().endswith(b"OK") and calls == ["hello", "200"]


def test_a_client_of_a_site_that_leaves_is_told_of_as_well() -> None:
    calls: list[int] = []
    kinds = [Later, recorder("logs", 999, log=lambda ctx: calls.append(ctx.status))]
    channel = asked()
    channel.site.resource = Rig(hosts=("a",), kinds=kinds, plugins={"later": {}, "logs": {}}).factory.root
    request = channel.request
    request.requestReceived(b"GET", b"/", b"HTTP/1.1")
    request.connectionLost(Failure(ConnectionLost()))
    assert calls == [0] and Later.waiting.pop().called
