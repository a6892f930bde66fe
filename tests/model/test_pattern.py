"""Patterns: useful ones pass, those that a client can make run for ages don't."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model.pattern import check, check_replacement

GOOD = [
    r"^v[0-9]+$",
    r"^/api/v\d+/users/[^/]+$",
    r"(/[^/]+)*",
    r"([a-z]+-)*x",
    r".*",
    r"^/(en|de|fr)/.*$",
    r"(foo|bar)+",
    r"^/a(/b)?(/c)?$",
    r"\.(png|jpg|gif)$",
    r"^(.*)/v1/(.*)$",
    r"(?i)^/foo",
    r"[\w-]+\.html",
    r"(?P<id>\d+)",
    r"^/x(?!y)",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"^/[a-z]{2}-[A-Z]{2}/",
    r"(?i)(?P<Foo>a)\W",
    r"^$",
    r"\x00",
    r"a|b|",
    r"(?:ab?c)*",
]
EVIL = [
    "(a+)+$",
    "(a*)*",
    "(a|a)*c",
    "(a|ab)*b",
    "(.*a){25}",
    "(a?a?)*b",
    "(.*)*",
    r"(\w+\s?)*$",
    "([a-zA-Z]+)*$",
    "(a|b|ab)*c",
    "(x+x+)+y",
    "(a{1,50}){1,50}",
    "((a+)b?)*c",
    ".*.*.*.*=x",
    r"(a)\1*",
    "(?:a+b?)+$",
    "(aa|aaa)+$",
    "(?i)(ab|AB)*x",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
]


@pytest.mark.parametrize("text", GOOD)
def test_good(text: str) -> None:
    assert check(text).pattern == text


@pytest.mark.parametrize("text", EVIL)
def test_evil(text: str) -> None:
    with pytest.raises(ValueError, match=r"can take ages|unfolds too far"):
        check(text)


@pytest.mark.parametrize("text", ["(", "a{2,1}", "[z-a]", "*a", "(?P<a>x)(?P<a>y)", "a" * 1001])
def test_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(text)
    assert type(caught.value) is ValueError


@settings(deadline=None)
@given(st.text(r"ab.*+?()[]|{}1,\dw^$-", max_size=30))
def test_says_yes_or_no(text: str) -> None:
    try:
        compiled = check(text)
    except ValueError:
        return
    assert compiled.pattern == text


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b", "ab", "[ab]", "a*", "(a|b)", "(ab)*", "a?", "(a+b)*", "b+", "(a|ab)"]), max_size=5
    )
)
def test_what_passes_is_fast(parts: list[str]) -> None:
    """A text of 24 letters is enough for an exponential pattern to show; a passing one is done at once."""
    try:
        compiled = check(f"^({''.join(parts)})*$")
    except ValueError:
        return
    for text in ("a" * 24 + "!", "ab" * 12 + "!", "b" * 24 + "!"):
        compiled.search(text)


def test_replacements() -> None:
    check_replacement(re.compile("^/a/(.*)"), r"/b/\1")
    check_replacement(re.compile("(?P<x>a)"), r"\g<x>")
    for replacement in (r"\2", r"\g<y>", r"\g<", "\\"):
        with pytest.raises(ValueError, match="not a replacement"):
            check_replacement(re.compile("(?P<x>a)"), replacement)
