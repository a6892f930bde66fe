"""Hosts: however a name is read, it is one name; and what a router knows by its full name needs no reading."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gwt.route.entry import Entry
from gwt.route.hosts import BadHost, host_pattern, normalise_host, split_authority
from gwt.route.router import Router

authorities = st.text("aZ09-_.:[]!@%*é/ ", max_size=12).map(str.encode) | st.from_regex(
    rb"[A-Za-z0-9_-]{1,64}(\.[a-z0-9-]{1,5}){0,4}\.?(:[0-9]{1,6})?", fullmatch=True
)


def parsed(raw: bytes) -> bytes | None:
    try:
        return split_authority(raw)[0]
    except BadHost:
        return None


@given(authorities)
@example(b"a." * 126 + b"a")
@example(b"a." * 127 + b"a")
@example(b"a" * 64)
@example(b"a.example.com\n")
def test_the_short_way_says_what_parsing_says(raw: bytes) -> None:
    try:
        assert normalise_host(raw) == parsed(raw)
    except BadHost:
        assert parsed(raw) is None


@given(st.lists(authorities, max_size=5))
def test_exact_names_are_canonical(names: list[bytes]) -> None:
    patterns = []
    for name in names:
        try:
            patterns.append(host_pattern(name.decode()))
        except BadHost:
            continue
    router = Router().with_hosts({pattern: [Entry(b"/")] for pattern in patterns})
    assert all(normalise_host(host) == host for host in router.exact)
