from __future__ import annotations

import pytest

from gwt.route.hosts import BadHost, expand_mark, host_pattern, normalise_host, split_authority, wildcard_suffixes


@pytest.mark.parametrize(
    ("raw", "host", "port"),
    [
        (b"foo.example.com", b"foo.example.com", None),
        (b"Foo.Example.COM:8080", b"foo.example.com", 8080),
        (b"foo.", b"foo", None),
        (b"foo.:443", b"foo", 443),
        (b"foo:", b"foo", None),
        (b"localhost:1", b"localhost", 1),
        (b"10.0.0.1:65535", b"10.0.0.1", 65535),
        (b"[::1]", b"[::1]", None),
        (b"[2001:DB8:0:0::1]:80", b"[2001:db8::1]", 80),
        (b"a_b-c.~d", b"a_b-c.~d", None),
        (b"xn--bcher-kva.example", b"xn--bcher-kva.example", None),
        (b"a." * 126 + b"b", b"a." * 126 + b"b", None),
    ],
)
def test_a_host_has_one_form(raw: bytes, host: bytes, port: int | None) -> None:
    assert split_authority(raw) == (host, port)
    assert normalise_host(raw) == host
    assert normalise_host(host) == host


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b".", b":80", b"a b", b" a", b"a\t", b"user@a", b"a:b@c", b"a/b", b"a\\b", b"a?b", b"a#b", b"a,b"),
        *(
            b"a%2eb",
            b"%61",
            b"..",
            b"a..b",
            b".a",
            b"a..",
            b"a:x",
            b"a:0",
            b"a:00000",
            b"a:65536",
            b"a:123456",
            b"a:-1",
        ),
        *(
            b"a:+1",
            b"a:1 ",
            b"a:1:2",
            b"::1",
            b"[::1",
            b"::1]",
            b"[]",
            b"[::g]",
            b"[1.2.3.4]",
            b"[::1%25eth0]",
            b"[::1]x",
        ),
        *(
            b"[::1%eth0]",
            b"[v1.x]",
            b"[[::1]]",
            b"a[::1]",
            b"\xc3\xa9",
            b"a\0",
            b"a\n",
            b"a" * 64,
            b"a." * 127 + b"b",
            b"<a>",
            b'"',
        ),
        *(b"a:\xd9\xa1", b"a." * 5000),
    ],
)
def test_what_is_no_host_is_refused(raw: bytes) -> None:
    with pytest.raises(BadHost) as caught:
        normalise_host(raw)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("*", "*"),
        ("Foo.example.com.", "foo.example.com"),
        ("foo.example.com:8080", "foo.example.com"),
        ("*.Example.com", "*.example.com"),
        ("[::1]:80", "[::1]"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_pattern_has_one_form(text: str, pattern: str) -> None:
    assert host_pattern(text) == pattern
    assert host_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "text", ["", "*.", "**", "*foo.com", "a.*.b", "*.*.a", "a b", "a{mark}", "u@a", "*.[::1]", "a/b", "a'b", "http://a"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadHost):
        host_pattern(text)


def test_a_pattern_in_other_letters_gets_advice() -> None:
    with pytest.raises(BadHost, match=r"write 'xn--bcher-kva\.example'"):
        host_pattern("b\u00fccher.example")
    with pytest.raises(BadHost, match="punycode"):
        host_pattern("\u00fc" * 80)


def test_marks() -> None:
    assert expand_mark("foo{mark}.example.com", "-prod") == "foo-prod.example.com"
    assert expand_mark("foo{mark}.example.com", "") == "foo.example.com"
    assert expand_mark("{mark}{mark}", "a") == "aa"
    assert expand_mark("foo", "-prod") == "foo"


@pytest.mark.parametrize("mark", [".", "a.b", "A", "_", "a/", "{", "*", "\u00e9", "a\n"])
def test_a_mark_brings_no_dot_and_nothing_odd(mark: str) -> None:
    with pytest.raises(BadHost, match="mark"):
        expand_mark("foo{mark}.example.com", mark)


def test_wildcard_suffixes_go_from_long_to_short() -> None:
    assert wildcard_suffixes(b"a.b.c") == [b".b.c", b".c"]
    assert wildcard_suffixes(b"a") == []
