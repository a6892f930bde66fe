"""Names against what they mean by RFC 6125: exact before wildcards, and a wildcard is one label."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gwt.tls.names import Names

LABELS = st.sampled_from(["a", "b", "www", "x-1"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.one_of(NAMES, NAMES.map(lambda name: f"*.{name}"), st.just("*"))


def meant(patterns: list[str], name: str) -> str | None:
    """By trying all of them."""
    exact = [one for one in patterns if one == name]
    wild = [one for one in patterns if one.startswith("*.") and one[2:] == name.partition(".")[2]]
    return next(iter([*exact, *wild]), None)


@given(st.lists(PATTERNS, max_size=8), NAMES)
def test_a_name_means_what_trying_all_would_find(patterns: list[str], name: str) -> None:
    names = Names(([pattern], pattern) for pattern in patterns)
    assert names.known(name) == meant(patterns, name)
    assert names.known(name.upper() + ".") == meant(patterns, name)
    assert names.find(name) == (meant(patterns, name) or ("*" if "*" in patterns else None))
    assert names.find(None) == ("*" if "*" in patterns else None)


def test_of_two_values_for_one_name_the_first_counts() -> None:
    names = Names([(["a.b", "*.b", "*"], 1), (["a.b", "*.b", "*"], 2)])
    assert [names.find(name) for name in ("a.b", "x.b", "y", None)] == [1, 1, 1, 1]


def test_an_empty_label_is_no_label() -> None:
    assert Names([(["*.b"], 1)]).known(".b") is None
