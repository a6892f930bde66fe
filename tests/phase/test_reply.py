"""Replies: made once, checked when they are made."""

from __future__ import annotations

import json

import pytest

from gwt.errors import KINDS, GatewayError
from gwt.phase.reply import Reply


def test_text_has_a_type_unless_one_is_given() -> None:
    assert Reply(200, "ä").fields == b"Content-Type: text/plain; charset=utf-8\r\n"
    assert Reply(200, "x", {"content-type": "a/b"}).fields == b"content-type: a/b\r\n"
    assert Reply(204).fields == b""
    assert Reply(200, "ä").body == b"\xc3\xa4"


def test_json_and_redirects() -> None:
    told = Reply.json(404, {"a": [1]}, {"X-A": "1"})
    assert json.loads(told.body) == {"a": [1]}
    assert told.fields == b"Content-Type: application/json\r\nX-A: 1\r\n"
    assert (Reply.redirect("/x").status, Reply.redirect("/x", 308).fields) == (302, b"Location: /x\r\n")


@pytest.mark.parametrize("status", [100, 101, 199, 600])
def test_only_final_answers(status: int) -> None:
    with pytest.raises(ValueError, match="200 to 599"):
        Reply(status)


def test_headers_that_end_lines_are_refused() -> None:
    with pytest.raises(GatewayError):
        Reply.redirect("/x\r\nSet-Cookie: a=b")
    with pytest.raises(ValueError, match="gateway alone"):
        Reply(200, "", {"Content-Length": "5"})


def test_errors_of_the_table_with_headers_and_another_status() -> None:
    reply = Reply.error("rate_limit", "too many", {"Retry-After": "3"}, 503)
    assert (reply.status, reply.code) == (503, "rate_limit")
    assert reply.failure is not None and reply.as_error() is reply.failure
    assert (reply.failure.status, reply.failure.fields) == (503, b"Retry-After: 3\r\n")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 503, 599])
def test_what_callers_of_grpc_are_told_of_it(status: int) -> None:
    error = Reply(status, "why", {"X-A": "1"}).as_error()
    assert error.message == "why" and error.fields == b"X-A: 1\r\n"
    assert KINDS[error.code].status == status or error.code in ("denied", "plugin")


def test_it_shows_no_body() -> None:
    assert repr(Reply(403, "secret", code="denied")) == "<Reply 403 denied>"
