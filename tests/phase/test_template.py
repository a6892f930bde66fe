"""Texts with variables, and substitutions in paths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.phase.template import Substitution, Template, substitutions
from gwt.wire.request import RequestHead


def asked(path: bytes = b"/a", query: bytes | None = None, **more: Any) -> Exchange:
    exchange = Exchange(RequestHead())
    exchange.head.query, exchange.path, exchange.host = query, path, b"h.example"
    for name, value in more.items():
        setattr(exchange, name, value)
    return exchange


def test_variables_of_the_request() -> None:
    ctx = asked(b"/a%20b", b"x=1&y=%2F", client="192.0.2.1", user="alice", request_id=b"7")
    made = Template(r"$scheme://${host}$request_uri|$uri$is_args$args|$arg_y$remote_addr$consumer_name$request_id\$x$")
    assert made.text(ctx) == b"http://h.example/a%20b?x=1&y=%2F|/a%20b?x=1&y=%2F|/192.0.2.1alice7$x$"
    assert Template("$arg_none$is_args$http_none.").text(asked()) == b"."


def test_what_is_no_part_of_a_url_stays_one_part_of_it() -> None:
    ctx = asked(b"/p", b"to=//evil.example/?a%26b")
    assert Template("/go/$arg_to").url(ctx) == b"/go/%2F%2Fevil.example%2F%3Fa%26b"
    assert Template("$request_uri").url(ctx) == b"/p?to=//evil.example/?a%26b"


@given(st.binary(max_size=30))
def test_no_value_adds_to_the_structure_of_a_url(value: bytes) -> None:
    ctx = asked(user=value.decode("latin-1"))
    made = Template("/a/$consumer_name").url(ctx)
    assert made.startswith(b"/a/") and not set(made[3:]) & set(b"/?#&=\\ \r\n\0")


def test_the_scheme_is_what_trusted_proxies_say() -> None:
    assert asked(forwarded_lines=b"X-Forwarded-Proto: https\r\n").scheme == b"https"


def test_no_such_variable() -> None:
    with pytest.raises(ValueError, match="no variable 'uir'"):
        Template("$uir")


def test_substitutions() -> None:
    one = Substitution("^/iresty/(.*)/(.*)", r"/$1-${2}\1")
    assert one(b"/iresty/a/b") == rb"/a-b\1" and one(b"/other") is None


def test_a_path_that_it_would_take_too_long_to_look_through_is_refused() -> None:
    one = Substitution("[a-z]+!", "/x")
    with pytest.raises(GatewayError, match="takes 1024") as refused:
        one(b"/" + b"a" * 2000)
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize("texts", [("a",), ("(", "b"), ("a", "$1"), ("(a+)+b", "x")])
def test_what_is_no_substitution(texts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"pairs|\["):
        substitutions(texts)
