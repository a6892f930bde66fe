"""gwt.identity.identity: what an upstream is told, and what nobody can change or read by accident."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode

import pytest

from gwt.identity.claims import identity_of

CLAIMS = {"sub": "alice", "name": "\u00c4nne \U0001f600", "roles": ["a", "b"], "level": 3}


def told(lines: bytes) -> dict[bytes, bytes]:
    assert lines.endswith(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines[:-2].split(b"\r\n")]
    assert len(pairs) == 2
    return dict(pairs)


@pytest.mark.parametrize("more", ["", "x", "xx", "xxx", ">>>???"])
def test_lines(more: str) -> None:
    claims = {**CLAIMS, "more": more}
    fields = told(identity_of(claims).lines)
    assert fields[b"X-User-Id"] == b"alice"
    info = fields[b"X-User-Info"]
    assert b"=" not in info and len(info) % 4 == 0
    assert json.loads(urlsafe_b64decode(info)) == claims == json.loads(b64decode(info, b"-_", validate=True))


def test_it_can_not_be_changed() -> None:
    claims = dict(CLAIMS)
    identity = identity_of(claims)
    with pytest.raises(AttributeError):
        identity.sub = "bob"  # type: ignore[misc]
    with pytest.raises(TypeError):
        identity.claims["sub"] = "bob"  # type: ignore[index]


def test_it_shows_no_claims() -> None:
    assert repr(identity_of(CLAIMS, 5.0)) == "Identity(sub='alice', exp=inf, until=5.0)"
