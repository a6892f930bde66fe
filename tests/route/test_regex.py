from __future__ import annotations

import pytest

from gwt.route.regex import MAX_PATTERN, BadRegex, compile_path_regex, compile_regex, literal_prefix


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        (b"(", "not a regular expression"),
        (b"[z-a]", "not a regular expression"),
        (b"(a+)+b", "exponential"),
        (b"a" * (MAX_PATTERN + 1), "longer than"),
        (b"(?:" * 500 + b")" * 500, "longer than"),
    ],
)
def test_refused(pattern: bytes, complaint: str) -> None:
    with pytest.raises(BadRegex, match=complaint):
        compile_regex(pattern)


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    deep = b"(" * 500 + b")" * 500
    try:
        assert compile_regex(deep).search(b"")
    except BadRegex:
        pass


@pytest.mark.parametrize("pattern", [b".*", b".*a|b", b".*?a$", b".+a", b".*+"])
def test_a_leading_any_finds_the_same_when_anchored(pattern: bytes) -> None:
    for path in (b"/", b"/a", b"/b", b"/a/b/c", b"/b/a"):
        assert bool(compile_path_regex(pattern).search(path)) == bool(compile_regex(pattern).search(path))


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (rb"^/api/v\d", b"/api/v"),
        (rb"\A/a\.b$", b"/a.b"),
        (rb"^/a/?b", b"/a"),
        (rb"^/a+", b"/"),
        (rb"^/(a|b)", b"/"),
        (rb"^/a|/b", b""),
        (rb"/a", b""),
        (rb"(?i)^/a", b""),
        (rb"(?m)^/a", b""),
        (rb"(^/a)", b""),
        (rb"", b""),
        (rb"^", b""),
    ],
)
def test_literal_prefix(pattern: bytes, literal: bytes) -> None:
    assert literal_prefix(pattern) == literal
