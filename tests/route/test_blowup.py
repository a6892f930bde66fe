from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import least

from gwt.route.blowup import explodes

EXPLOSIVE = [
    *(
        "(a+)+",
        "(a*)*b",
        "^(a|ab?)*$",
        "(a|a)*b",
        "(a|aa)+$",
        "([a-z]+)*$",
        "(.*,)*x",
        r"^(\w+\s?)*$",
        "(a?b?)*c",
        "(a?a?)*b",
    ),
    *(
        r"(-?\d+)*$",
        "(a+ba+)*c",
        "(ba+a+)*c",
        "((a+)b?)+c",
        "(?i)(a|A[a])*b",
        "(?i:(a|Aa)*)b",
        "(b(a?)?)*c",
        "(b(a?)*)*c",
    ),
    *("(?=(a+)+b)", "(a+){10}b"),
    *("(x|(a+)+)y", "(?:a{1,9})*b", r"(.)(\1)*", "(a+)*+b", "(?>(a+)+)b", "(" + "a" * 70 + ")*"),
]
HARMLESS = [
    *("", "a", "^/api/v[0-9]+/", r"\.php$", "^(/[a-z0-9-]+)+$", r"([a-z]+\.)+[a-z]+", "(a|b)*c", "(foo|far|bar)+"),
    *(r"^/users/\d+(/posts(/\d+)?)?$", "(?:/[a-z]+(?:-[a-z]+)*)*", "([^,]*,)*x", "(a{2})*b", "(ab?c)*", "(?i)(a|b)*c"),
    *(r"^/(?!admin)[^/]+/x$", r"(\d{4}-\d{2})+", "a" * 300, r"^/(?:[^/]+/)*[^/]+\.(?:js|css)$", "(?P<x>a)+?b"),
    *("(a+b){2}", "(?:ab?){2,}c", "(a?)*b"),
]


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_explosive(pattern: str) -> None:
    re.compile(pattern.encode())
    assert explodes(pattern.encode())


@pytest.mark.parametrize("pattern", HARMLESS)
def test_harmless(pattern: str) -> None:
    re.compile(pattern.encode())
    assert not explodes(pattern.encode())


atoms = st.sampled_from(["a", "b", "[ab]", ".", "[^a]"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(patterns, st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"aab"]), min_size=1, max_size=2))
def test_what_passes_is_quick_on_repeated_texts(pattern: str, pumps: list[bytes]) -> None:
    if explodes(pattern.encode()):
        return
    compiled = re.compile(b"^" + pattern.encode() + b"!")
    assert least(lambda: compiled.search(b"".join(pumps) * 28 + b"?")) < 1
