"""redirect: where clients are sent, and where they never are."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.limiter.node import NodeLimiter
from gwt.model.route import Access, RateLimit
from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.key_auth import KeyAuth
from gwt.plugins.redirect import Redirect
from gwt.zones.arena import PrivateArena


def ask(conf: Any, target: str = "/a?x=1", method: str = "GET", **more: Any) -> tuple[int, bytes | None]:
    one = Rig(kinds=[Redirect], plugins={"redirect": conf}, **more)
    one.send(f"{method} {target} HTTP/1.1\r\nHost: h.example\r\nX-Forwarded-Proto: https\r\n\r\n".encode())
    assert not one.raised
    (got,) = one.answers(method == "HEAD")
    return got.status, got.headers.get(b"location")


def test_to_https_by_the_method() -> None:
    assert ask({"http_to_https": True}) == (301, b"https://h.example/a?x=1")
    assert ask({"http_to_https": True}, "/a", "HEAD") == (301, b"https://h.example/a")
    assert ask({"http_to_https": True}, method="POST") == (308, b"https://h.example/a?x=1")
    assert ask({"http_to_https": True}, trusts=lambda peer: True) == (200, None)


def test_to_a_uri() -> None:
    assert ask({"uri": "/new"}) == (302, b"/new")
    assert ask({"uri": "https://other.example$request_uri", "ret_code": 308}) == (308, b"https://other.example/a?x=1")
    assert ask({"uri": "/new?y=2", "append_query_string": True}) == (302, b"/new?y=2&x=1")
    assert ask({"uri": "/$arg_x b".replace(" b", "%b"), "encode_uri": True}) == (302, b"/1%25b")


def test_by_regular_expressions() -> None:
    pairs = {"regex_uri": ["^/z/(.*)", "/never", "^/a/(.*)", "https://other.example/$1"]}
    assert ask(pairs, "/a/b") == (302, b"https://other.example/b")
    assert ask(pairs, "/other") == (200, None)


@settings(max_examples=50)
@given(st.text("/\\.:@%2fF5cC?a", max_size=30))
def test_what_a_client_sends_leads_to_no_other_host(rest: str) -> None:
    for conf in ({"uri": "$uri"}, {"uri": "/$arg_a"}, {"regex_uri": ["^/a(.*)", "/$1"]}, {"uri": "$request_uri"}):
        status, location = ask(conf, "/a" + rest)
        assert status in (200, 400) or ((location or b"")[:1] == b"/" and (location or b"")[1:2] not in (b"/", b"\\"))


def test_who_is_not_let_in_is_sent_nowhere_and_who_is_counts() -> None:
    one = Rig(
        kinds=[Redirect, KeyAuth],
        plugins={"redirect": {"uri": "/new"}, "key-auth": {"keys": {"k1": "carol"}}},
        access=Access(rate_limits=(RateLimit(1, 0, ("ip",)),)),
        limiter=NodeLimiter(PrivateArena(), slots=16),
    )
    with_key = b"GET /a HTTP/1.1\r\nHost: h\r\napikey: k1\r\n\r\n"
    assert one.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").statuses == [401]
    one.pass_time(5)
    assert one.send(with_key, with_key, with_key).statuses[1:] == [302, 429, 429]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({}, "one of"),
        ({"uri": "/a", "http_to_https": True}, "one of"),
        ({"uri": "a"}, "begins with no /"),
        ({"uri": "$arg_next"}, "begins with no /"),
        ({"regex_uri": ["^/(.*)", "$1"]}, "begins with no /"),
        ({"uri": "/$nope"}, "no variable"),
        ({"uri": "/a", "ret_code": 200}, "ret_code"),
        ({"http_to_https": True, "append_query_string": True}, "append_query_string"),
        ({"regex_uri": ["("]}, "pairs"),
    ],
)
def test_what_it_does_not_take(conf: Any, said: str) -> None:
    with pytest.raises(Misfit, match=said):
        PluginType(Redirect).make(conf)
