"""The keys of a store."""

from __future__ import annotations

from gwt.redis.layout import READ, Layout, sha


def test_all_keys_share_one_hash_tag() -> None:
    layout = Layout("gwt")
    assert layout.key("routes") == b"{gwt}:routes" and layout.channel == "{gwt}:changed"
    keys = ("id", "format", "rev", "services:rev", "certificates:rev")
    assert layout.state == [f"{{gwt}}:{key}".encode() for key in keys]
    assert layout.read(["lists"]) == [*layout.state, b"{gwt}:lists"]


def test_a_script_is_known_by_its_digest() -> None:
    assert len(sha(READ)) == 40 and sha(READ) != sha(READ + b" ")
