"""Durations, sizes, CIDRs, hosts, addresses: what is accepted, its canonical form, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model import units


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(10, 10.0), ("10", 10.0), ("10s", 10.0), ("500ms", 0.5), ("1m", 60.0), ("1.5h", 5400.0), (0.5, 0.5), (0, 0.0)],
)
def test_durations(value: Any, seconds: float) -> None:
    assert units.duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (1024, 1024),
        ("64KiB", 65536),
        ("1MiB", 1 << 20),
        ("1m", 1 << 20),
        ("2k", 2048),
        ("1g", 1 << 30),
        ("1kB", 1000),
        ("3 MB", 3_000_000),
        ("512B", 512),
        ("0", 0),
        ("1M", 1 << 20),
    ],
)
def test_sizes(value: Any, count: int) -> None:
    assert units.size(value) == count


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("1.2.3.4", "1.2.3.4/32"),
        ("::1", "::1/128"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:1.2.3.4", "1.2.3.4/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_cidrs(value: str, canonical: str) -> None:
    assert units.cidr(value) == canonical


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ("Foo.Example.COM", "foo.example.com"),
        ("a.b:8080", "a.b"),
        ("a.b.", "a.b"),
        ("a.b.:80", "a.b"),
        ("*", "*"),
        ("*.Example.com", "*.example.com"),
        ("foo{mark}.example.com", "foo{mark}.example.com"),
        ("{mark}.x", "{mark}.x"),
        ("[2001:DB8::1]:80", "[2001:db8::1]"),
        ("10.0.0.1", "10.0.0.1"),
        ("a_b.c", "a_b.c"),
        ("localhost", "localhost"),
        ("Foo{MARK}.x", "foo{mark}.x"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a.b:", "a.b"),
    ],
)
def test_hosts(value: str, canonical: str) -> None:
    assert units.host(value) == canonical
    assert units.host(canonical) == canonical


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("[2001:DB8::1]:8080", "[2001:db8::1]:8080"),
        ("Backend.local:1", "backend.local:1"),
    ],
)
def test_addresses(value: str, canonical: str) -> None:
    assert units.address(value) == canonical


def test_addresses_with_a_default_port() -> None:
    assert units.address("10.0.0.1", 80) == "10.0.0.1:80"
    assert units.address("[::1]", 80) == "[::1]:80"


@pytest.mark.parametrize(
    ("convert", "value"),
    [
        (units.duration, value)
        for value in ("", "x", "10 s", "-1", "1d", "1e3", ".5", "10s ", -1, float("inf"), float("nan"))
    ]
    + [(units.size, value) for value in ("", "x", "1TiB", "-1", "1.5m", "1 mm", -1, "9" * 30 + "g")]
    + [
        (units.cidr, value)
        for value in ("", "10.0.0.0/33", "10.0.0", "x", "1.2.3.4/", "fe80::1%eth0", "@x", "010.0.0.1")
    ]
    + [
        (units.host, value)
        for value in (
            "",
            "a..b",
            "a b",
            "a/b",
            "x*.y",
            "*.*.y",
            "**",
            "*x",
            "a.b:0",
            "a.b:99999",
            "a.b:x",
            "{other}.x",
            "{mark}{mark}.x",
            "a" * 64 + ".x",
            ".".join(["a" * 60] * 5),
            "[::1",
            "[1.2.3.4]",
            "[::1]x",
            "[::1%25eth0]",
            "a{.x",
            "http://a",
            "a,b",
        )
    ]
    + [
        (units.address, value)
        for value in (
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:65536",
            "10.0.0.1:8o",
            "2001:db8::1:80",
            "[::1]",
            "[::1]80",
            "[x]:80",
            "999.0.0.1:80",
            "a b:80",
            ":80",
            "10.0.0.1:80:90",
            "1.2.3:80",
            "10.0.0.1:\u0661",
        )
    ],
)
def test_refused(convert: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        convert(value)
    assert type(caught.value) is ValueError


@settings(deadline=None)
@given(st.text(max_size=20))
def test_nothing_else_is_raised(text: str) -> None:
    for convert in (units.duration, units.size, units.cidr, units.host, units.address, units.mark):
        try:
            once = convert(text)  # type: ignore[operator]
        except ValueError:
            continue
        if convert in (units.cidr, units.host, units.address):
            assert convert(once) == once  # type: ignore[operator]


def test_marks_are_expanded_once_each() -> None:
    hosts = ("a{mark}.x", "b.x", "ab.x")
    assert units.expand_marks(hosts, ("", "-t", "b")) == ("a.x", "a-t.x", "ab.x", "b.x")


def test_names() -> None:
    assert units.token("X-Canary", "header") == "X-Canary"
    assert units.label("foo-1", "service") == "foo-1"
    assert units.printable("a name é", "a name") == "a name é"
    for call in (
        lambda: units.token("a b", "header"),
        lambda: units.label("Foo", "service"),
        lambda: units.label("-", "x"),
        lambda: units.printable("a\nb", "a name"),
        lambda: units.printable("", "a name"),
        lambda: units.printable("x" * 254, "a name"),
        lambda: units.mark("a.b"),
        lambda: units.port("1e3"),
    ):
        with pytest.raises(ValueError, match=r"."):
            call()


def test_host_bits() -> None:
    assert units.has_host_bits("10.0.0.1/8")
    assert not units.has_host_bits("10.0.0.0/8")
