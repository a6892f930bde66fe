from __future__ import annotations

import pytest

from gwt.model.route import Rewrite
from gwt.rewrite import BadRewrite, compile_rewrite
from gwt.route.path import BadPath


def rewritten(rewrite: Rewrite, path: bytes) -> bytes:
    function = compile_rewrite(rewrite)
    return path if function is None else function(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/api/x", b"/x"),
        (b"/api", b"/"),
        (b"/api/", b"/"),
        (b"/apix", b"/apix"),
        (b"/x/api", b"/x/api"),
        (b"/api;v=1/x;y", b"/x;y"),
    ],
)
def test_strip_takes_whole_segments(path: bytes, expected: bytes) -> None:
    assert rewritten(Rewrite(strip="/api"), path) == expected
    assert rewritten(Rewrite(strip="/api/"), path) == expected


def test_strip_of_several_segments_and_of_none() -> None:
    assert rewritten(Rewrite(strip="/a/b"), b"/a/b/c") == b"/c"
    assert compile_rewrite(Rewrite(strip="/")) is None
    assert compile_rewrite(None) is None


def test_prefix_comes_before() -> None:
    assert rewritten(Rewrite(prefix="/v2/"), b"/x") == b"/v2/x"
    assert rewritten(Rewrite(prefix="/v2"), b"/") == b"/v2/"
    assert compile_rewrite(Rewrite(prefix="/")) is None


def test_a_path_that_a_regex_would_take_too_long_for_is_refused() -> None:
    rewrite = Rewrite(regex=("[a-z]+/x", "/y"))
    assert rewritten(rewrite, b"/a/x") == b"/y"
    with pytest.raises(BadPath, match="takes 1024"):
        rewritten(rewrite, b"/" + b"a" * 2000)


@pytest.mark.parametrize("to", ["/user/$1", "/user/\\1", "/user/${1}"])
def test_regex_knows_both_spellings_of_groups(to: str) -> None:
    assert rewritten(Rewrite(regex=("^/u/([0-9]+)$", to)), b"/u/42") == b"/user/42"
    assert rewritten(Rewrite(regex=("^/u/([0-9]+)$", to)), b"/other") == b"/other"


def test_a_group_is_never_followed_by_a_digit_of_the_text() -> None:
    assert rewritten(Rewrite(regex=("^/(a)", "/${1}0")), b"/a") == b"/a0"


def test_what_a_regex_makes_is_a_path_again() -> None:
    with pytest.raises(BadPath):
        rewritten(Rewrite(regex=("x", "")), b"/.x.")
    with pytest.raises(BadPath):
        rewritten(Rewrite(regex=("^/", "")), b"/a")


@pytest.mark.parametrize(
    "rewrite",
    [
        Rewrite(strip="api"),
        Rewrite(prefix="/a\r\nb"),
        Rewrite(prefix="/../x"),
        Rewrite(regex=("(", "/")),
        Rewrite(regex=("a", "\\2")),
        Rewrite(regex=("a", "/ä")),
    ],
)
def test_what_can_not_be_compiled_is_said(rewrite: Rewrite) -> None:
    with pytest.raises(BadRewrite, match="rewrite"):
        compile_rewrite(rewrite)


@pytest.mark.parametrize("odd", ["\r\nX-Evil: 1", "\n", "\r", "\0", " HTTP/1.1"])
def test_a_regex_ends_no_line(odd: str) -> None:
    rewrite = compile_rewrite(Rewrite(regex=("^/a", "/b" + odd)))
    assert rewrite is not None
    with pytest.raises(BadPath):
        rewrite(b"/a")
