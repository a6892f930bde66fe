"""How the upstream is told who the client is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from edge.rig import Rig
from phase.plugins import recorder

from gwt.phase.exchange import Exchange
from gwt.wire.request import RequestHead


@pytest.mark.parametrize("user", ["", "a b", "a\r\n", "ä", "x" * 257])
def test_users_that_can_not_stand_in_a_header(user: str) -> None:
    exchange = Exchange(RequestHead())
    with pytest.raises(ValueError, match="visible ASCII"):
        exchange.identify(user)
    assert exchange.user is None


def test_a_second_word_replaces_the_first() -> None:
    exchange = Exchange(RequestHead())
    exchange.head.fields = b"A: 1\r\n"
    exchange.identify("bob")
    exchange.identify("alice", {"role": "ä"})
    lines = dict(line.split(b": ") for line in exchange.head.fields.split(b"\r\n")[:-1])
    assert lines[b"X-User-Id"] == b"alice" and len(lines) == 3
    assert json.loads(base64.urlsafe_b64decode(lines[b"X-User-Info"])) == {"sub": "alice", "role": "ä"}


def test_what_another_plugin_has_set_is_replaced() -> None:
    sets = recorder("sets", 9, rewrite=lambda ctx: ctx.request.set_header("X-User-Id", "mallory"))
    knows = recorder("knows", 8, access=lambda ctx: ctx.identify("alice"))
    rig = Rig(kinds=[sets, knows], plugins={"sets": {}, "knows": {}}).send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert rig.seen[0].header(b"x-user-id") == b"alice"


def test_a_plugin_identifies_and_others_and_the_log_know() -> None:
    seen: list[Any] = []
    knows = recorder("knows", 9, access=lambda ctx: ctx.identify("alice"))
    asks = recorder("asks", 1, access=lambda ctx: seen.append((ctx.user, ctx.claims)))
    rig = Rig(kinds=[knows, asks], plugins={"knows": {}, "asks": {}})
    rig.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-User-Id: mallory\r\nX_User_Id: mallory\r\n\r\n")
    assert seen == [("alice", {"sub": "alice"})] and rig.finished[0].user == "alice"
    assert next(value for name, value in rig.seen[0].headers if b"user" in name) == b"alice"
    assert b"mallory" not in b"".join(value for _, value in rig.seen[0].headers)
