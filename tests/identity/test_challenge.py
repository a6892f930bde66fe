"""gwt.identity.challenge: who is sent to log in, where, and where `next` leads."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gwt.identity.challenge import Challenge, wants_html

BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def back(login_url: str, path: bytes = b"/a", query: bytes | None = None, authority: bytes = b"foo.example") -> str:
    """What `next` says."""
    location = Challenge(login_url, "session").location(BROWSER, b"https", authority, path, query)
    assert location is not None
    (found,) = parse_qs(urlsplit(location.decode("ascii")).query, strict_parsing=True)["next"]
    return found


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER, True),
        (b"text/html", True),
        (b"TEXT/HTML ; q=0.1", True),
        (b"application/json, text/html;level=1;q=0.5", True),
        (b"*/*", False),
        (b"text/*", False),
        (b"application/json", False),
        (b"text/html;q=0", False),
        (b"text/html; q=0.000", False),
        (b"text/html;q=0.001", True),
        (b"text/htmlx", False),
        (b"application/x; a=text/html", False),
        (b"", False),
        (b",;,", False),
    ],
)
def test_browsers_name_html(accept: bytes, html: bool) -> None:
    assert wants_html(accept) is html
    location = Challenge("/login", "session").location(accept, b"http", b"h", b"/", None)
    assert (location is not None) is html


def test_without_a_login_url_or_accept_there_is_no_redirect() -> None:
    assert Challenge(None, "session").location(BROWSER, b"http", b"h", b"/", None) is None
    assert Challenge("/login", "session").location(None, b"http", b"h", b"/", None) is None


def test_the_line_of_the_401() -> None:
    assert Challenge(None, "__Host-s").lines == b'WWW-Authenticate: Cookie realm="gwt", cookie-name="__Host-s"\r\n'


def test_everything_is_escaped() -> None:
    location = Challenge("/login", "s").location(BROWSER, b"http", b"h", b"/a%20b&c", b"x=1&y=%23#")
    assert location == b"/login?next=%2Fa%2520b%26c%3Fx%3D1%26y%3D%2523%23"
    assert back("/login", b"/\xe4\r\nX: y", b'"<>') == '/\ufffd\r\nX: y?"<>'


@pytest.mark.parametrize(
    ("login_url", "location"),
    [
        ("/login", b"/login?next=%2Fa"),
        ("/login?tenant=x", b"/login?tenant=x&next=%2Fa"),
        ("/login#top", b"/login?next=%2Fa#top"),
        ("https://sso.example/in?x=1#y", b"https://sso.example/in?x=1&next=https%3A%2F%2Ffoo.example%2Fa#y"),
    ],
)
def test_login_urls_keep_what_they_have(login_url: str, location: bytes) -> None:
    assert Challenge(login_url, "s").location(BROWSER, b"https", b"Foo.Example", b"/a", None) == location


@pytest.mark.parametrize(
    "path", [b"//evil.example", b"///evil.example/x", b"/", b"//", b"/https://evil.example", b"/@evil"]
)
def test_next_leads_to_this_host(path: bytes) -> None:
    relative = urlsplit(back("/login", path))
    assert (relative.scheme, relative.netloc) == ("", "") and relative.path.startswith("/")
    assert not back("/login", path).startswith("//")
    absolute = urlsplit(back("https://sso.example/", path))
    assert (absolute.scheme, absolute.netloc) == ("https", "foo.example")


def test_a_url_too_long_leads_to_its_path_or_the_start() -> None:
    assert back("/login", b"/a", b"x" * 2048) == "/a"
    assert back("/login", b"/" + b"a" * 2048, b"x") == "/"
    assert back("/login", b"/a", b"x" * 2045) == "/a?" + "x" * 2045


@pytest.mark.parametrize(
    ("login_url", "authority", "path", "sent"),
    [
        ("/login", b"a.example", b"/login", False),
        ("/login?x", b"a.example", b"/login", False),
        ("/login", b"a.example", b"/login/x", True),
        ("https://a.example/login?x", b"A.example", b"/login", False),
        ("https://a.example/login", b"b.example", b"/login", True),
        ("https://a.example", b"a.example", b"/", False),
    ],
)
def test_nobody_goes_in_circles(login_url: str, authority: bytes, path: bytes, sent: bool) -> None:
    location = Challenge(login_url, "s").location(BROWSER, b"https", authority, path, None)
    assert (location is not None) is sent
