"""The example of RFC 6455 1.3."""

from __future__ import annotations

from gwt.wire.websocket import accept_key


def test_the_example_of_the_rfc() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
