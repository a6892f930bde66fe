from __future__ import annotations

import pytest

from gwt.model.route import Path
from gwt.route.conditions import Conditions
from gwt.route.entry import BadPattern, Entry, order, pattern, shape


@pytest.mark.parametrize(
    ("uri", "match", "canonical"),
    [
        ("/", "prefix", b"/"),
        ("/api/", "prefix", b"/api"),
        ("//api//v1//", "prefix", b"/api/v1"),
        ("/a/../b", "prefix", b"/b"),
        ("/%7euser", "prefix", b"/~user"),
        ("/caf\u00e9", "prefix", b"/caf%C3%A9"),
        ("/a b", "exact", b"/a%20b"),
        ("/a/", "exact", b"/a/"),
        ("/", "exact", b"/"),
        ("/a|b", "exact", b"/a%7Cb"),
        ("/users/{id}", "template", b"/users/{id}"),
        ("//u/%7e/{the-id}/", "template", b"/u/~/{the-id}/"),
        (r"^/a\d+$", "regex", rb"^/a\d+$"),
    ],
)
def test_patterns_are_canonical(uri: str, match: str, canonical: bytes) -> None:
    assert pattern(uri, match) == canonical
    assert Entry(canonical, match).uri == canonical


@pytest.mark.parametrize(
    ("uri", "match", "complaint"),
    [
        ("", "prefix", "begin with /"),
        ("a", "exact", "begin with /"),
        ("/a;b", "prefix", "parameters of segments"),
        ("/a%3Bb", "exact", "parameters of segments"),
        ("/../a", "prefix", "above the root"),
        ("/a\\b", "prefix", "backslash"),
        ("/a?b=1", "prefix", r"holds a \?"),
        ("/%zz", "prefix", "hexadecimal"),
        ("/users/{id}", "prefix", "match: template"),
        ("/users/{id}.json", "template", "whole segment"),
        ("/users/{1}", "template", "whole segment"),
        ("/users/{}", "template", "whole segment"),
        ("/a}", "template", "whole segment"),
        ("/%7Bid%7D", "template", "encoded brace"),
        ("(", "regex", "not a regular expression"),
        ("(a+)+b", "regex", "exponential"),
        ("^/caf\u00e9", "regex", "percent-encoded"),
    ],
)
def test_what_can_never_match_is_refused(uri: str, match: str, complaint: str) -> None:
    with pytest.raises(BadPattern, match=complaint):
        pattern(uri, match)


def test_slashes_in_patterns_are_kept_where_they_count() -> None:
    assert pattern("/a//b", "exact", merge_slashes=False) == b"/a//b"


def test_an_entry_is_checked_when_it_is_made() -> None:
    with pytest.raises(BadPattern, match="glob"):
        Entry(b"/", "glob")
    with pytest.raises(BadPattern, match="not a regular expression"):
        Entry(b"(", "regex")


@pytest.mark.parametrize(
    ("uri", "match", "fits", "misses"),
    [
        (
            "/headers",
            "prefix",
            [b"/headers", b"/headers/", b"/headers/x"],
            [b"/headersx", b"/", b"/header", b"/a/headers"],
        ),
        ("/", "prefix", [b"/", b"/a", b"/a/b"], []),
        ("/a", "exact", [b"/a"], [b"/a/", b"/a/b", b"/", b"/ab"]),
        ("/", "exact", [b"/"], [b"/a"]),
        ("/u/{id}", "template", [b"/u/1", b"/u/x%2Fy"], [b"/u", b"/u/", b"/u/1/", b"/u/1/2", b"/v/1"]),
        ("/{a}/x/{b}", "template", [b"/1/x/2"], [b"/1/y/2", b"//x/2"]),
        (r"\.php$", "regex", [b"/a.php"], [b"/a.php/b", b"/aphp"]),
    ],
)
def test_what_fits(uri: str, match: str, fits: list[bytes], misses: list[bytes]) -> None:
    entry = Entry(pattern(uri, match), match)
    assert [path for path in fits + misses if entry.applies(path)] == fits


def conditions(**given: object) -> Conditions | None:
    return Conditions.of(Path(uri="/", **given))  # type: ignore[arg-type]


def test_the_order_of_the_contract() -> None:
    wanted = [
        Entry(b"/", "prefix", 10),
        Entry(b"/a", "exact", 0, conditions(methods=("GET",)), "z"),
        Entry(b"/a", "exact", 0, None, "a"),
        Entry(b"/a/b/{z}", "template"),
        Entry(b"/a/{y}/c", "template"),
        Entry(b"/{x}/b/c", "template"),
        Entry(b"/a/{y}/{z}", "template"),
        Entry(b"^/long", "regex"),
        Entry(b"^/l", "regex"),
        Entry(b"/a/b", "prefix"),
        Entry(b"/a", "prefix", 0, conditions(headers={"a": "1", "b": "2"}), "z"),
        Entry(b"/a", "prefix", 0, conditions(headers={"a": "1"}), "z"),
        Entry(b"/a", "prefix", 0, None, "a"),
        Entry(b"/a/", "prefix", 0, None, "b"),
        Entry(b"/", "prefix", 0, conditions(headers={"a": "1", "b": "2"})),
        Entry(b"/a/b/c/d", "exact", -1),
    ]
    backwards = wanted[::-1]
    assert sorted(backwards, key=order) == wanted


def test_what_has_one_shape_cannot_be_told_apart() -> None:
    assert shape(Entry(b"/a/", name="x")) == shape(Entry(b"/a", name="y"))
    assert shape(Entry(b"/{a}", "template")) == shape(Entry(b"/{b}", "template"))
    assert shape(Entry(b"/a")) != shape(Entry(b"/a", "exact"))
    assert shape(Entry(b"/a")) != shape(Entry(b"/a", priority=1))
    assert shape(Entry(b"/a")) != shape(Entry(b"/a", conditions=conditions(methods=("GET",))))
    assert shape(Entry(b"a", "regex")) != shape(Entry(b"b", "regex"))
