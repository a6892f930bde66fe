from __future__ import annotations

import pytest

from gwt.route.path import BadPath, both_forms, match_path, normalise


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"", b"/"),
        (b"/", b"/"),
        (b"/headers", b"/headers"),
        (b"/a/b/", b"/a/b/"),
        (b"/.well-known/acme", b"/.well-known/acme"),
        (b"/...", b"/..."),
        (b"/a/..b/.c/d.", b"/a/..b/.c/d."),
        (b"/a/./b", b"/a/b"),
        (b"/a/../b", b"/b"),
        (b"/a/.", b"/a/"),
        (b"/a/b/..", b"/a/"),
        (b"/a/..", b"/"),
        (b"/.", b"/"),
        (b"/a/%2e%2E/b", b"/b"),
        (b"/a/.%2e/b", b"/b"),
        (b"//a///b//", b"/a/b/"),
        (b"/a//../b", b"/b"),
        (b"/%7Euser/%61%2D%5f", b"/~user/a-_"),
        (b"/%c3%a9%2b", b"/%C3%A9%2B"),
        (b"/a%20b", b"/a%20b"),
        (b"/a%2fb", b"/a%2Fb"),
        (b"/x/../a%2fb", b"/a%2Fb"),
        (b"/a;v=1/b;w", b"/a;v=1/b;w"),
        (b"/a.b;v=1", b"/a.b;v=1"),
        (b"/50%25", b"/50%25"),
        (b"/a%252e%252e/b", b"/a%252e%252e/b"),
        (b"/%32%35", b"/25"),
        (b"/pages/[id].js", b"/pages/%5Bid%5D.js"),
        (b'/a|b^c`d"e<f>{g}', b"/a%7Cb%5Ec%60d%22e%3Cf%3E%7Bg%7D"),
        (b"/!$&'()*+,=:@", b"/!$&'()*+,=:@"),
    ],
)
def test_canonical_form(raw: bytes, canonical: bytes) -> None:
    assert normalise(raw) == canonical
    assert normalise(canonical) == canonical


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"/\0", "control character"),
        (b"/a\r\nX: y", "control character"),
        (b"/\x7f", "control character"),
        (b"/%00", "encoded control character"),
        (b"/%0d%0a", "encoded control character"),
        (b"/%7F", "encoded control character"),
        (b"/a\\b", "backslash"),
        (b"/a%5cb", "encoded backslash"),
        (b"/a%5Cb", "encoded backslash"),
        (b"/..\\x", "backslash"),
        (b"/a b", "space"),
        (b"/\xc3\xa9", "not ASCII"),
        (b"/a#b", "holds a #"),
        (b"/a?b", "holds a ?"),
        (b"/%", "two hexadecimal digits"),
        (b"/%2", "two hexadecimal digits"),
        (b"/%zz", "two hexadecimal digits"),
        (b"/%u002e", "two hexadecimal digits"),
        (b"/%%32e", "two hexadecimal digits"),
        (b"/..", "above the root"),
        (b"/../a", "above the root"),
        (b"/a/../../b", "above the root"),
        (b"/%2e%2e/a", "above the root"),
        (b"/a/..;x/b", "hides a dot segment"),
        (b"/a/..;/b", "hides a dot segment"),
        (b"/a/.;x/b", "hides a dot segment"),
        (b"/a/%2e%2e;x/b", "hides a dot segment"),
        (b"/a/..%3Bx/b", "hides a dot segment"),
        (b"/a/..%2Fb", "hides a dot segment"),
        (b"/a%2f../b", "hides a dot segment"),
        (b"/a%2f..;x/b", "hides a dot segment"),
        (b"/a;x%2f..%2fb", "hides a dot segment"),
        (b"/a%2f.%2fb", "hides a dot segment"),
        (b"/a/..%2fb/../c", "hides a dot segment"),
        (b"a", "begin with /"),
        (b"*", "begin with /"),
    ],
)
def test_refused(raw: bytes, complaint: str) -> None:
    for merge in (True, False):
        with pytest.raises(BadPath, match=complaint.replace("?", r"\?")):
            normalise(raw, merge)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"/a%2fb", "encoded slash"),
        (b"/%252e%252e/a", "%25xx"),
        (b"/%2561dmin", "%25xx"),
        (b"/%25%32%65", "%25xx"),
        (b"/%25252e", "%25xx"),
        (b"/%c0%ae%c0%ae/a", "overlong"),
        (b"/%c0%af", "overlong"),
        (b"/%e0%80%af", "overlong"),
        (b"/%f0%80%80%af", "overlong"),
    ],
)
def test_refused_where_paths_are_guarded(raw: bytes, complaint: str) -> None:
    with pytest.raises(BadPath, match=complaint):
        normalise(raw, keep_escaped_slash=False)
    normalise(raw)


def test_guarded_hosts_take_ordinary_escapes() -> None:
    for raw in (b"/a%20b", b"/%C3%A9", b"/100%25", b"/a%3Bb", b"/caf%E9", b"/%E2%82%AC"):
        assert normalise(raw, keep_escaped_slash=False) == raw


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [(b"//a//b", b"//a//b"), (b"/a//../b", b"/a/b"), (b"/a/..//b", b"//b"), (b"/a/.//", b"/a//")],
)
def test_slashes_are_kept_on_request(raw: bytes, canonical: bytes) -> None:
    assert normalise(raw, merge_slashes=False) == canonical
    assert normalise(canonical, merge_slashes=False) == canonical


def test_a_plain_path_is_the_same_object() -> None:
    for path in (b"/", b"/headers", b"/api/v1/users/1", b"/a/"):
        assert normalise(path) is path
        assert match_path(path) is path
        assert both_forms(path) == (path, path)


@pytest.mark.parametrize(
    ("path", "matched"),
    [
        (b"/a;v=1/b", b"/a/b"),
        (b"/a/b;x;y=;z", b"/a/b"),
        (b"/a%3Bx/b", b"/a/b"),
        (b"/;x/admin", b"/admin"),
        (b"/;jsessionid=1", b"/"),
        (b"/a/;x", b"/a/"),
        (b"/a/;x/;y", b"/a/"),
    ],
)
def test_params_are_no_part_of_what_is_matched(path: bytes, matched: bytes) -> None:
    assert match_path(path) == matched
    assert both_forms(path) == (path, matched)


def test_params_leave_empty_segments_where_slashes_count() -> None:
    assert match_path(b"/;x/admin", merge_slashes=False) == b"//admin"
    assert both_forms(b"//a;b", merge_slashes=False) == (b"//a;b", b"//a")
