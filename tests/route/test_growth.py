from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import least

from gwt.route.blowup import explodes
from gwt.route.growth import STEPS, longest_text

KIB = 1024
#: Patterns of all days whose cost grows as the text does.
LINEAR = [
    *("", "a", "a*", "^a*b", "^/api/v[0-9]+/", r"\.php$", r"/users/\d+$", "^.*x", "^/(.*)/(.*)$", "(edit|new)$"),
    *("^(/[a-z0-9-]+)+$", r"^/(?:[^/]+/)*[^/]+\.(?:js|css)$", r"^/users/\d+(/posts(/\d+)?)?$", r"^/.*\.(jpg|png)$"),
    *("^/[^/]+/.*x", r"^Bearer [A-Za-z0-9._-]+$", "^/(?!admin)[^/]+/x$", "^a*-a*-a*-a*x", "(?i)bot|crawl|spider"),
    *("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}", r"\.(jpg|png)(\?.*)?$", "^(?=.*a)(?=.*b)x", "x" * 1000),
    "^a{1,20}b{1,20}c",
]
#: Patterns whose cost grows as the square of the text, or, in a repeated group, as eight times that; and how many
#: characters are between two places where one part can hand over to the next.
SQUARE = [
    *(("a*b", 1, 1), ("[a-z]+x", 1, 1), (r"\d+$", 1, 1), ("^a*a*b", 1, 1), (r"^\w+\s?\w*!", 1, 1), ("(?=.*a)b", 1, 1)),
    *(("/.*/edit", 2, 1), ("^/.*/.*/x", 2, 1), ("^(.*)/(.*)/edit$", 2, 1), ("^/(.*?)/(.*?)/x$", 2, 1)),
    *((r"(.)\1", 2, 1), ("Mozilla.*Chrome", 8, 1), ("^(.*)/(.*)/(.*)$", 2, 1), ("a*?b", 1, 1), ("(?m)^a*b", 1, 1)),
    *(("(?:/[a-z]+)+x", 2, 8), ("(foo|bar)+x", 3, 8), (r"([a-z]+\.)+[a-z]+!", 1, 8), ("(a(?:b|c))+d", 2, 8)),
    ("^(?i:A*[Ab]*)x$", 1, 1),
]
#: Worse ones.
CUBE = [
    *("a*a*b", "^a*a*a*b", "a*a*a*b", "^(.*)/(.*)/(.*)/x$", ".*a.*b.*c.*d", "^a*a*-b*b*x", "(?=.*.*a)b"),
    *(r"^(a*)a*\1a*!", "(?i)A*[Ab]*x$"),
]


@pytest.mark.parametrize("pattern", LINEAR)
def test_linear(pattern: str) -> None:
    assert longest_text(pattern.encode()) is None


@pytest.mark.parametrize(("pattern", "stride", "slow"), SQUARE)
def test_square(pattern: str, stride: int, slow: int) -> None:
    assert longest_text(pattern.encode()) == int((STEPS * stride / slow) ** 0.5)


@pytest.mark.parametrize("pattern", ["a.*$", "^/(.*)/(.*)$"])
def test_where_texts_may_hold_line_breaks_an_end_can_be_missed(pattern: str) -> None:
    assert longest_text(pattern.encode()) is None
    assert longest_text(pattern.encode(), lines=True) == int((STEPS * 2) ** 0.5)


@pytest.mark.parametrize("pattern", CUBE)
def test_worse(pattern: str) -> None:
    longest = longest_text(pattern.encode())
    assert longest is not None and longest < 256


@pytest.mark.parametrize(
    "pattern", ["(?:" * 6 + "a" + "{3}b)" * 5 + "{3})", "(?:[a-z]+[0-9]+){40}x" * 12, ".*a" * 300, "(a|b)*c" * 140]
)
def test_what_takes_too_long_to_judge_is_judged_at_once(pattern: str) -> None:
    re.compile(pattern)
    assert least(lambda: longest_text(pattern.encode())) < 1


def seconds(pattern: str, text: bytes, times: int = 3) -> float:
    """What a search costs, in CPU time: the best of some."""
    search = re.compile(pattern.encode()).search
    return least(lambda: search(text), times)


#: Patterns and the beginning and the middle of texts that they find nothing in, which cost most.
MEASURED = [
    *(("[a-z]+!", b"", b"a"), (r"\d+$", b"", b"1"), ("/.*/edit", b"", b"/a"), ("^/.*/.*/x", b"", b"/a")),
    *(("^/a+[a-z]*/x", b"/", b"a"), ("^(.*)/(.*)/edit$", b"", b"/a"), ("^/(.*?)/(.*?)/x$", b"", b"/a")),
    *(("(?:/[a-z]+)+!", b"", b"/a"), ("(foo|bar)+x", b"", b"foo"), (r"([a-z]+\.)+[a-z]+!", b"", b"a.")),
]


@pytest.mark.parametrize(("pattern", "first", "rest"), MEASURED)
def test_what_is_bounded_is_slow_on_8_kib_and_quick_within_its_bound(pattern: str, first: bytes, rest: bytes) -> None:
    whole = (first + rest * 8 * KIB)[: 8 * KIB - 1] + b"?"
    longest = longest_text(pattern.encode())
    assert longest is not None
    slow, bounded = seconds(pattern, whole, 1), seconds(pattern, whole[: longest - 1] + b"?")
    print(f"{pattern}: {slow * 1e3:.1f} ms on 8 KiB, {bounded * 1e3:.2f} ms on {longest} bytes")
    assert slow > 8 * bounded
    assert bounded < 0.1


@pytest.mark.parametrize("pattern", LINEAR)
@pytest.mark.parametrize("rest", [b"a", b"/a", b"1", b"/", b"a-", b"a.", b"%41"])
def test_what_is_linear_is_quick_on_8_kib(pattern: str, rest: bytes) -> None:
    assert seconds(pattern, b"/" + (rest * 8 * KIB)[: 8 * KIB - 2] + b"?") < 0.05


atoms = st.sampled_from(["a", "b", "[ab]", ".", "[^a]", "/", r"\w"])
repeats = st.sampled_from(["*", "+", "?", "{1,2}", "*?", "{2,}"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, repeats).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["", "^"]), patterns, st.sampled_from(["", "$", "!", "/x"]), st.text("ab/", min_size=1, max_size=3)
)
def test_what_passes_is_quick_on_repeated_texts(begin: str, middle: str, end: str, rest: str) -> None:
    pattern = begin + middle + end
    if explodes(pattern.encode()):
        return
    longest = longest_text(pattern.encode())
    size = 8 * KIB if longest is None else longest
    assert seconds(pattern, (rest.encode() * size)[: max(0, size - 1)] + b"?") < 0.5


@settings(max_examples=60, deadline=None)
@given(patterns, patterns)
def test_more_pattern_never_allows_more_text(first: str, second: str) -> None:
    """What comes before can only add ways: never is more text allowed for it."""
    alone, both = longest_text(f"{second}!".encode()), longest_text(f"^(?:{first})(?:{second})!".encode())
    anchored = longest_text(f"^(?:{second})!".encode())
    assert anchored is None or (both is not None and both <= anchored)
    assert anchored is None or (alone is not None and alone <= anchored)
