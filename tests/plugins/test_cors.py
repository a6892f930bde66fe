"""cors: who may read an answer, and preflights."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Got, Rig
from hypothesis import given
from hypothesis import strategies as st

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.cors import Cors

ALLOW = b"access-control-allow-origin"
UPSTREAM = b"HTTP/1.1 200 OK\r\nVary: Accept\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n"


def ask(origin: str | None, conf: Any, method: str = "GET", **headers: str) -> Got:
    lines = {"Host": "a", **({} if origin is None else {"Origin": origin}), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    one = Rig(kinds=[Cors], plugins={"cors": conf}, answer=None).send(f"{method} / HTTP/1.1\r\n{head}\r\n".encode())
    return (one.reply(UPSTREAM) if one.upstreams else one).answers()[0]


def preflight(origin: str, **conf: Any) -> Got:
    asked = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "x-a, x-b"}
    return ask(origin, conf, "OPTIONS", **asked)


def test_everybody_reads_what_needs_no_credentials() -> None:
    got = ask("https://b.example", {})
    assert got.headers[ALLOW] == b"*" and got.headers[b"vary"] == b"Accept"
    assert ask(None, {}).headers[ALLOW] == b"*"


def test_only_those_who_are_named() -> None:
    conf = {"allow_origins": "https://a.example,https://b.example:8443", "allow_credential": True,
            "allow_methods": "GET,PUT", "allow_headers": "x-a", "expose_headers": "x-b"}  # fmt: skip
    got = ask("https://b.example:8443", conf)
    assert got.headers[ALLOW] == b"https://b.example:8443" and got.headers[b"vary"] == b"Accept, Origin"
    assert got.headers[b"access-control-allow-credentials"] == b"true"
    assert got.headers[b"access-control-expose-headers"] == b"x-b"
    for stranger in ("https://b.example", "null", "https://a.example.evil", None):
        headers = ask(stranger, conf).headers
        assert ALLOW not in headers and headers[b"vary"] == b"Accept, Origin"


def test_preflights_are_answered_here() -> None:
    got = preflight("https://a.example", allow_origins="https://a.example", max_age=60)
    assert (got.status, got.body, got.headers[ALLOW]) == (200, b"", b"https://a.example")
    assert got.headers[b"access-control-allow-methods"] == got.headers[b"access-control-allow-headers"] == b"*"
    assert got.headers[b"access-control-max-age"] == b"60"
    got = preflight("https://evil.example", allow_origins="https://a.example")
    assert got.status == 200 and not [name for name in got.headers if name.startswith(b"access-control")]


def test_whatever_is_asked_for() -> None:
    got = preflight("https://a.example", allow_headers="**", allow_methods="**")
    assert got.headers[b"access-control-allow-headers"] == b"x-a, x-b"
    assert b"PUT" in got.headers[b"access-control-allow-methods"] and b"Headers" in got.headers[b"vary"]


def test_other_options_requests_reach_the_upstream() -> None:
    assert ask("https://a.example", {}, "OPTIONS").headers[b"content-length"] == b"0"
    one = Rig(kinds=[Cors], plugins={"cors": {}}).send(b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert one.seen[0].method == b"OPTIONS"


@given(st.from_regex(r"https?://[a-z.]{1,20}(:[0-9]{1,3})?", fullmatch=True))
def test_a_regular_expression_fits_the_whole_origin(origin: str) -> None:
    conf = {"allow_origins_by_regex": [r"https://[a-z]+\.a\.example"], "allow_origins": "*"}
    plugin: Any = PluginType(Cors).make(conf)
    assert plugin._admits(origin.encode()) is False
    assert plugin._admits(b"https://x.a.example") and not plugin._admits(origin.encode() + b"https://x.a.example")


def test_an_origin_that_is_too_long_to_look_through_is_not_admitted() -> None:
    plugin: Any = PluginType(Cors).make({"allow_origins_by_regex": [r"https://[a-z]+[a-z.]+!"], "allow_origins": "*"})
    assert plugin._admits(b"https://a!") is False and plugin._admits(b"https://aa!") is True
    assert plugin._admits(b"https://" + b"a" * 2000 + b"!") is False


@pytest.mark.parametrize(
    ("conf", "field"),
    [
        ({"allow_credential": True, "allow_methods": "GET", "allow_headers": "x"}, "allow_origins"),
        ({"allow_credential": True, "allow_methods": "GET", "allow_headers": "x", "allow_origins": "**"}, "origins"),
        ({"allow_credential": True, "allow_origins": "https://a"}, "allow_methods"),
        ({"allow_origins": "a.example"}, "allow_origins"),
        ({"allow_origins": "https://a,*"}, "allow_origins"),
        ({"allow_origins_by_regex": ["("]}, "allow_origins_by_regex"),
        ({"expose_headers": "a\r\nb"}, "expose_headers"),
        ({"max_age": -2}, "max_age"),
    ],
)
def test_what_it_does_not_take(conf: Any, field: str) -> None:
    with pytest.raises(Misfit, match=field):
        PluginType(Cors).make(conf)
