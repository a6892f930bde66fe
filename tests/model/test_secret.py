"""References and masks (test_settings has them in gateway.yaml)."""

from __future__ import annotations

import pytest

from gwt.model.secret import Secret, interpolate, mask_line, mask_url, mask_value, reveal
from gwt.model.validate import Fault


def test_urls() -> None:
    assert str(mask_url("redis://u:pw@h/0")) == "redis://u:***@h/0"
    assert reveal(mask_url("redis://u:pw@h/0")) == "redis://u:pw@h/0"
    assert not isinstance(mask_url("file:./routes"), Secret)
    secret = Secret("x")
    assert mask_url(secret) is secret


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("store: redis://u:pw@h", "store: redis://u:**@h"),
        ("debug_token: abc", "debug_token: ***"),
        ("debug_token: ${env:A}", "debug_token: ${env:A}"),
        ('  keys: ["abc", de]', '  keys: ["***", **]'),
        ("drain: 3", "drain: 3"),
        (f"  - '{'aB+/' * 10}aB8='", f"  - '{'*' * 44}'"),
    ],
)
def test_lines(line: str, shown: str) -> None:
    assert mask_line(line) == shown
    assert len(shown) == len(line)


def test_a_line_of_nothing_but_secrets() -> None:
    assert mask_value("  - 'hunter2', [x]") == "  - '*******', [*]"
    assert mask_value("  - ${env:KEY}") == "  - ${env:KEY}"


@pytest.mark.parametrize("text", ["${env:NONE}", "${x}", "${env:}", "${file:gone}", "${file:bad}"])
def test_what_can_not_be_resolved(text: str) -> None:
    def read(path: str) -> str:
        raise (
            FileNotFoundError(2, "No such file")
            if path == "gone"
            else UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
        )

    faults: list[Fault] = []
    interpolate({"a": [text]}, {}, read, None, faults)
    assert len(faults) == 1 and faults[0].trail == ((None, "a"), 0)
