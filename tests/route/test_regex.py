from __future__ import annotations

import pytest

from gwt.route.regex import MAX_PATTERN, BadRegex, TooLong, compile_path_regex, compile_regex, literal_prefix


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        (b"(", "not a regular expression"),
        (b"[z-a]", "not a regular expression"),
        (b"(a+)+b", "exponential"),
        (b"a*a*a*b", "several repeated parts"),
        (b"^(.*)/(.*)/(.*)/x$", "several repeated parts"),
        (b"a" * (MAX_PATTERN + 1), "longer than"),
        (b"(?:" * 500 + b")" * 500, "longer than"),
    ],
)
def test_refused(pattern: bytes, complaint: str) -> None:
    with pytest.raises(BadRegex, match=complaint):
        compile_regex(pattern)


@pytest.mark.parametrize("pattern", [b"^/v[0-9]+/", b"[.]php$", b"^/(.*)/(.*)$"])
def test_most_patterns_take_any_text(pattern: bytes) -> None:
    assert compile_regex(pattern).search(b"/v1/" + b"x" * 100_000 + b"/y.php")


def test_a_pattern_with_a_bound_says_what_is_too_long() -> None:
    regex = compile_regex(b"[a-z]+[0-9]")
    assert regex.search(b"x" * 1023 + b"1") and regex.subn(b"-", b"/ab1/cd2", count=1) == (b"/-/cd2", 1)
    for use in (regex.search, lambda text: regex.subn(b"", text)):
        with pytest.raises(TooLong, match="has 1025 bytes; this one takes 1024"):
            use(b"x" * 1025)


def test_whole_texts() -> None:
    regex = compile_regex(b"(?i)a|b*", whole=True)
    assert [bool(regex.search(text)) for text in (b"A", b"bb", b"", b"ab", b"a\n")] == [True, True, True, False, False]
    with pytest.raises(BadRegex, match="not a regular expression"):
        compile_regex(b"a)(b", whole=True)
    with pytest.raises(BadRegex, match="several repeated parts"):  # looked for anywhere, it is found at once
        compile_regex(b"a*a*a*", whole=True)


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
