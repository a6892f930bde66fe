"""gwt.gateway: what can be seen of the wiring without a process (tests/system/ has the rest)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.configuration import parse
from gwt.gateway import follows, trusting


@pytest.mark.parametrize(
    ("address", "trusted"),
    [("10.1.2.3", True), ("11.0.0.1", False), ("::ffff:10.0.0.1", True), ("fd00::1", True), ("", False)],
)
def test_trusted_proxies(address: str, trusted: bool) -> None:
    assert trusting(("10.0.0.0/8", "fd00::/8"))(address) is trusted


def test_nobody_is_trusted_by_default() -> None:
    assert not trusting(())("127.0.0.1")


@pytest.mark.parametrize(
    ("text", "path", "same"),
    [
        ("store: file:./routes\n", "/a/g.yaml", True),
        ("drain: 1\n", "/a/g.yaml", True),
        ("store: file:./other\n", "/a/g.yaml", False),
        ("refresh: 2\n", "/a/g.yaml", False),
        ("store: file:./routes\n", "/b/g.yaml", False),
    ],
)
def test_a_new_store_is_followed_only_where_it_is_another(text: str, path: str, same: bool) -> None:
    before = parse("store: file:./routes\n", Path("/a/g.yaml"), {})
    assert (follows(parse(text, Path(path), {})) == follows(before)) is same
