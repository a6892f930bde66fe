"""What plugins make of the request that goes upstream, as the upstream sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from edge.rig import Rig, Seen
from phase.plugins import recorder

from gwt.model.route import Path, Rewrite, Service
from gwt.phase.outgoing import Outgoing

GET = b"GET /a/b?x=1 HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nCookie: c=1\r\n\r\n"


def rig(change: Callable[[Outgoing], Any], **more: Any) -> Rig:
    def rewrite(ctx: Any) -> None:
        change(ctx.request)

    return Rig(kinds=[recorder("change", 1, rewrite=rewrite)], plugins={"change": {}}, **more).send(GET)


def seen(change: Callable[[Outgoing], Any], **more: Any) -> Seen:
    one = rig(change, **more)
    assert one.statuses == [200], one.raised
    return one.seen[0]


def values(found: Seen, name: bytes) -> list[bytes]:
    return [value for key, value in found.headers if key == name]


def test_headers_are_set_added_and_removed() -> None:
    def change(request: Outgoing) -> None:
        request.set_header("x-A", "9")
        request.add_header(b"X-B", b"1")
        request.add_header("X-B", "2")
        request.remove_header("cookie")

    found = seen(change)
    assert [values(found, name) for name in (b"x-a", b"x-b", b"cookie")] == [[b"9"], [b"1", b"2"], []]


def test_later_plugins_see_the_cookie_that_is_sent() -> None:
    found: list[Any] = []

    def change(ctx: Any) -> None:
        assert ctx.cookie(b"c") == b"1"
        ctx.request.set_header("Cookie", "d=2")
        found.append((ctx.cookie(b"c"), ctx.cookie(b"d"), ctx.header(b"x-a")))

    Rig(kinds=[recorder("change", 1, rewrite=change)], plugins={"change": {}}).send(GET)
    assert found == [(None, b"2", b"1, 2")]


def test_what_the_gateway_tells_of_the_client_can_be_set_anew() -> None:
    def change(request: Outgoing) -> None:
        request.set_header("X-Forwarded-For", "203.0.113.9")
        request.set_header("X-Forwarded-Host", "public.example.com")
        request.remove_header("X-Real-IP")

    found = seen(change)
    assert values(found, b"x-forwarded-for") == [b"203.0.113.9"]
    assert values(found, b"x-forwarded-host") == [b"public.example.com"]
    assert values(found, b"x-real-ip") == []


@pytest.mark.parametrize("name", ["Host", "Content-Length", "X-Request-Id", "Via", "Connection", "TE"])
def test_what_is_the_gateways_own_is_not_set(name: str) -> None:
    one = rig(lambda request: request.set_header(name, "1"))
    assert one.statuses == [500] and one.seen == [] and isinstance(one.raised[0][1], ValueError)
    assert rig(lambda request: request.remove_header(name)).statuses == [500]
    assert rig(lambda request: request.add_header("X-Real-IP", "1")).statuses == [500]


def test_another_path_goes_before_the_rewrite_of_the_path() -> None:
    paths = (Path("/a", rewrite=Rewrite(strip="/a")),)
    assert seen(lambda request: None, paths=paths).target == b"/b?x=1"
    assert seen(lambda request: request.set_path("/new/%7ej/./x"), paths=paths).target == b"/new/~j/x?x=1"


def test_another_query_or_none() -> None:
    assert seen(lambda request: request.set_query("y=2&z=%20")).target == b"/a/b?y=2&z=%20"
    assert seen(lambda request: request.set_query(None)).target == b"/a/b"
    assert seen(lambda request: request.set_query("")).target == b"/a/b?"


def test_another_host_whatever_the_service_says() -> None:
    for mode in ("preserve", "upstream", "literal.example.com"):
        service = Service(name="s", port=80, host=mode, paths=(Path("/"),))
        found = seen(lambda request: request.set_host("other.example.com:81"), service=service)
        assert values(found, b"host") == [b"other.example.com:81"]
        assert values(found, b"x-forwarded-host") == [b"a"]


@pytest.mark.parametrize(
    "change",
    [
        lambda request: request.set_path("no-slash"),
        lambda request: request.set_path("/a?b"),
        lambda request: request.set_path("/../x"),
        lambda request: request.set_path(b"/a\r\nX: y"),
        lambda request: request.set_query("a b"),
        lambda request: request.set_query("a\r\nX: y"),
        lambda request: request.set_query("a#b"),
        lambda request: request.set_host("a b"),
        lambda request: request.set_host("a\r\nX: y"),
        lambda request: request.set_header("X-B", "a\nb"),
    ],
)
def test_what_is_made_of_a_bad_request_is_a_bad_request(change: Any) -> None:
    one = rig(change)
    assert one.statuses == [400] and one.seen == [] and one.raised == []


def test_another_method_and_the_log_still_says_the_clients() -> None:
    one = rig(lambda request: request.set_method("put"))
    assert one.seen[0].method == b"PUT" and one.finished[0].method == b"GET"
    for method in ("HEAD", "CONNECT", "no method"):
        assert rig(lambda request, method=method: request.set_method(method)).statuses == [500]


def test_another_upstream() -> None:
    assert rig(lambda request: request.set_upstream("nowhere/x:80")).statuses == [503]
    service = Service(name="gone", port=80, paths=(Path("/"),))
    assert rig(lambda request: None, service=service).statuses == [503]
    assert rig(lambda request: request.set_upstream("n/s:80"), service=service).statuses == [200]


def test_what_is_logged_is_what_was_asked() -> None:
    def change(request: Outgoing) -> None:
        request.set_path("/other")
        request.set_query(None)
        request.set_upstream("n/s:80")

    one = rig(change)
    (exchange,) = one.finished
    assert (exchange.uri, exchange.route, exchange.leaf.path) == (b"/a/b?x=1", "r", "/")
