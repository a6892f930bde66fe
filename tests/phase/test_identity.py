"""How the upstream is told who the client is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from edge.rig import Rig
from phase.plugins import recorder

from gwt.phase.identity import identified


def test_it_is_told_once_and_a_second_word_replaces_the_first() -> None:
    fields = identified(b"A: 1\r\n", "bob", {"sub": "bob"})
    fields = identified(fields, "alice", {"sub": "alice", "role": "ä"})
    lines = dict(line.split(b": ") for line in fields.split(b"\r\n")[:-1])
    assert lines[b"X-User-Id"] == b"alice" and len(lines) == 3
    raw = lines[b"X-User-Info"]
    assert json.loads(base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))) == {"sub": "alice", "role": "ä"}


@pytest.mark.parametrize("user", ["", "a b", "a\r\n", "ä", "x" * 257])
def test_users_that_can_not_stand_in_a_header(user: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        identified(b"", user, {})


def test_a_plugin_identifies_and_others_and_the_log_know() -> None:
    seen: list[Any] = []
    knows = recorder("knows", 9, access=lambda ctx: ctx.identify("alice"))
    asks = recorder("asks", 1, access=lambda ctx: seen.append((ctx.user, ctx.claims)))
    rig = Rig(kinds=[knows, asks], plugins={"knows": {}, "asks": {}})
    rig.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-User-Id: mallory\r\nX_User_Id: mallory\r\n\r\n")
    assert seen == [("alice", {"sub": "alice"})] and rig.finished[0].user == "alice"
    assert next(value for name, value in rig.seen[0].headers if b"user" in name) == b"alice"
    assert b"mallory" not in b"".join(value for _, value in rig.seen[0].headers)
