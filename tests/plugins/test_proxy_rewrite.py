"""proxy-rewrite: what the upstream sees."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig, Seen
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.key_auth import KeyAuth
from gwt.plugins.proxy_rewrite import ProxyRewrite


def seen(conf: Any, target: str = "/a/b?x=1", method: str = "GET", more: str = "") -> Seen:
    one = Rig(kinds=[ProxyRewrite], plugins={"proxy-rewrite": conf})
    one.send(f"{method} {target} HTTP/1.1\r\nHost: h\r\n{more}\r\n".encode())
    assert not one.raised
    (found,) = one.seen
    return found


def test_the_path_and_a_query_before_the_clients() -> None:
    assert seen({"uri": "/new"}).target == b"/new?x=1"
    assert seen({"uri": "/new$uri?from=$host"}).target == b"/new/a/b?from=h&x=1"
    assert seen({"uri": "/$arg_x"}, "/a?x=b%2Fc%3F").target == b"/b%2Fc%3F?x=b%2Fc%3F"


def test_by_regular_expressions_the_first_that_is_found() -> None:
    pairs = {"regex_uri": ["^/z/(.*)", "/never/$1", "^/a/(.*)", "/$1/a", "^/a", "/late"]}
    assert seen(pairs).target == b"/b/a?x=1"
    assert seen(pairs, "/other").target == b"/other"


def test_host_and_method() -> None:
    found = seen({"host": "up.example:8080", "method": "POST"})
    assert found.header(b"host") == b"up.example:8080" and found.method == b"POST"
    assert seen({"method": "POST"}, method="HEAD").method == b"HEAD"


def test_headers_are_removed_set_and_added() -> None:
    headers = {"remove": ["X-Gone"], "set": {"X-A": "$remote_addr", "X-Real-IP": "x"}, "add": {"X-B": "$arg_x"}}
    found = seen({"headers": headers}, more="X-Gone: 1\r\nX-A: 1\r\nX-B: 0\r\n")
    assert found.header(b"x-gone") is None and found.header(b"x-a") == b"192.0.2.7"
    assert found.header(b"x-b") == b"0|1" and found.header(b"x-real-ip") == b"x"


def test_what_would_split_a_header_is_refused() -> None:
    one = Rig(kinds=[ProxyRewrite], plugins={"proxy-rewrite": {"headers": {"set": {"X-A": "$arg_x"}}}})
    one.send(b"GET /?x=a%0d%0aX-Evil:1 HTTP/1.1\r\nHost: h\r\n\r\n")
    assert one.statuses == [400] and not one.seen


@settings(max_examples=50)
@given(st.text("abcdefgh/.%2eF;", max_size=20))
def test_a_rewritten_path_is_a_path(rest: str) -> None:
    one = Rig(kinds=[ProxyRewrite], plugins={"proxy-rewrite": {"regex_uri": ["^/(.*)", "/base/$1"]}})
    one.send(f"GET /{rest} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert not one.raised and (one.statuses == [400] or not {b"..", b"."} & set(one.seen[0].target.split(b"/")))


def test_it_knows_who_was_let_in_and_is_spared_whom_nobody_lets_in() -> None:
    conf = {"headers": {"set": {"X-Consumer": "$consumer_name"}}, "method": "PUT", "uri": "/new?y=2", "host": "up"}
    keys = {"key-auth": {"keys": {"k1": "carol"}}}
    one = Rig(kinds=[ProxyRewrite, KeyAuth], plugins={"proxy-rewrite": conf, **keys})
    one.send(b"GET /a?x=1 HTTP/1.1\r\nHost: h\r\napikey: k1\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    assert one.statuses == [200, 401] and not one.raised
    (found,) = one.seen
    assert (found.method, found.target, found.header(b"host")) == (b"PUT", b"/new?y=2&x=1", b"up")
    assert found.header(b"x-consumer") == b"carol"
    assert [(ctx.method, ctx.uri) for ctx in one.finished] == [(b"GET", b"/a?x=1"), (b"GET", b"/a")]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"uri": "new"}, "uri"),
        ({"uri": "/$nope"}, "no variable"),
        ({"regex_uri": ["a"]}, "pairs"),
        ({"host": "a b"}, "host"),
        ({"method": "HEAD"}, "method"),
        ({"method": "FETCH"}, "method"),
        ({"headers": {"set": {"Content-Length": "1"}}}, "gateway alone"),
        ({"headers": {"set": {"X-Request-Id": "1"}}}, "x-request-id"),
        ({"headers": {"add": {"X-Real-IP": "1"}}}, "x-real-ip"),
        ({"headers": {"X-A": "1"}}, "unknown key"),
    ],
)
def test_what_it_does_not_take(conf: Any, said: str) -> None:
    with pytest.raises(Misfit, match=said):
        PluginType(ProxyRewrite).make(conf)
