"""response-rewrite: status, headers and bodies, whoever made the answer."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.response_rewrite import ResponseRewrite

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nETag: x\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nab"


def rig(**conf: Any) -> Rig:
    return Rig(kinds=[ResponseRewrite], plugins={"response-rewrite": conf}, answer=None).send(GET)


def test_headers_are_removed_set_and_added() -> None:
    headers = {"remove": ["X-B"], "set": {"X-A": "9", "X-New": "1"}, "add": ["X-New: 2", "X-C:3"]}
    one = rig(headers=headers).reply(ANSWER, b"cd")
    lines = one.wire.written.split(b"\r\n")
    assert {b"X-A: 9", b"X-New: 1", b"X-New: 2", b"X-C: 3"} <= set(lines)
    assert not {b"X-A: 1", b"X-B: 2"} & set(lines)
    assert b"Content-Length: 4" in lines and one.wire.written.endswith(b"abcd")


@pytest.mark.parametrize("pieces", [[ANSWER + b"cd"], [ANSWER, b"cd"]])
def test_another_body_and_what_described_the_old_one_is_gone(pieces: list[bytes]) -> None:
    (got,) = rig(status_code=201, body="hello").reply(*pieces).answers()
    assert (got.status, got.body, got.complete) == (201, b"hello", True)
    assert not {b"etag", b"content-encoding"} & got.headers.keys()


def test_a_body_in_base64_and_an_empty_one() -> None:
    assert rig(body="AP8=", body_base64=True).reply(ANSWER + b"cd").answers()[0].body == b"\x00\xff"
    assert rig(body="").reply(ANSWER + b"cd").answers()[0].body == b""


def test_errors_of_the_gateway_are_answers_too() -> None:
    (got,) = rig(status_code=503, body="sorry").hang_up().answers()
    assert (got.status, got.body) == (503, b"sorry")


def test_without_a_body_bodies_pass_by() -> None:
    assert ResponseRewrite(headers=ResponseRewrite().headers).phases() == ("header_filter",)
    assert ResponseRewrite(body="x").phases() == ("header_filter", "body_filter")


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"body": "x", "body_base64": True}, "base64"),
        ({"headers": {"add": ["no colon"]}}, "NAME: VALUE"),
        ({"headers": {"set": {"Content-Length": "1"}}}, "gateway alone"),
        ({"headers": {"remove": ["Connection"]}}, "gateway alone"),
        ({"headers": {"set": {"X-A": "a\nb"}}}, "control characters"),
        ({"headers": {"X-A": "1"}}, "unknown key"),
        ({"status_code": 101}, "at least 200"),
    ],
)
def test_what_it_does_not_take(conf: Any, said: str) -> None:
    with pytest.raises(Misfit, match=said):
        PluginType(ResponseRewrite).make(conf)
