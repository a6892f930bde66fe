"""What the `store:` URLs have in common."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.storeurl import authority, read_hosts, read_login, split_url

HOSTS = st.sampled_from(["a", "a-b.example", "10.0.0.1", "::1", "fe80::2"])
PORTS = st.integers(1, 65535)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.lists(st.tuples(HOSTS, PORTS), min_size=1, max_size=3), TEXTS, TEXTS, TEXTS)
def test_what_is_written_is_read(hosts: list[tuple[str, int]], user: str, password: str, option: str) -> None:
    named = ",".join(authority(*one) for one in hosts)
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    parts, options = split_url(f"s://{login}@{named}?o={quote(option, safe='')}", ["s"], ["o"], "s://")
    assert read_hosts(parts, 1) == tuple(hosts)
    assert read_login(parts) == (user, password)
    assert options == {"o": option}


def test_what_is_left_out() -> None:
    parts, options = split_url("s://[::1],b", ["s"], [], "s://")
    assert read_hosts(parts, 7) == (("::1", 7), ("b", 7)) and read_login(parts) == (None, None) and not options
    assert read_hosts(split_url("s:///x", ["s"], [], "s://")[0], 7) == ()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("t://h", "expected s://"), ("s://h#x", "expected s://"), ("s://h?o", "expected s://"),
        ("s://[secret", "expected s://"), ("s://h?p=secret", "unknown option 'p' behind the ?; there are o"),
    ],
)  # fmt: skip
def test_a_wrong_url(url: str, told: str) -> None:
    with pytest.raises(ValueError) as error:
        split_url(url, ["s"], ["o"], "s://")
    assert str(error.value) == told


@pytest.mark.parametrize("hosts", ["a,", "a:0", "a:65536", "a:b", "::1", "a b"])
def test_a_wrong_host(hosts: str) -> None:
    with pytest.raises(ValueError, match="is no host:port"):
        read_hosts(split_url(f"s://secret:x@{hosts}", ["s"], [], "s://")[0], 1)


def test_half_a_login() -> None:
    with pytest.raises(ValueError, match="a login is written user:password@"):
        read_login(split_url("s://secret@h", ["s"], [], "s://")[0])
