"""The `store:` URL of a Redis."""

from __future__ import annotations

import pytest

from gwt.redis.address import Address, read_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://r", Address((("r", 6379),))),
        ("redis://r:1/2?prefix=x", Address((("r", 1),), database=2, prefix="x")),
        ("redis://:p%40ss@[::1]:7/", Address((("::1", 7),), password="p@ss")),
        ("rediss://u:p@r?ca=/x.pem", Address((("r", 6379),), username="u", password="p", tls=True, ca="/x.pem")),
        ("redis+unix:///run/r.sock?db=3", Address(path="/run/r.sock", database=3)),
        ("redis+unix://:p@/run/r.sock", Address(path="/run/r.sock", password="p")),
        (
            "redis+sentinel://a,b:2/main/4?tls=1",
            Address((("a", 26379), ("b", 2)), master="main", database=4, tls=True),
        ),
    ],
)
def test_forms(url: str, address: Address) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "redis://", "redis:///0", "redis://a,b", "redis://a:0", "redis://a:99999", "redis://a/x", "redis://a?b=c",
        "redis://secret@a", "redis+unix://", "redis+unix://a/b", "redis+sentinel://a", "redis+sentinel:///x", "http://a",
        "redis://a?prefix=a%20b", "redis://a?prefix=%7Bx%7D", "redis://a#b", "redis://a b",
    ],
)  # fmt: skip
def test_what_is_none_is_told_without_secrets(url: str) -> None:
    with pytest.raises(ValueError) as told:
        read_address(url)
    assert "secret" not in str(told.value) and "\n" not in str(told.value)


def test_it_shows_where_and_never_the_password() -> None:
    assert str(read_address("redis://u:secret@[::1]:7/2")) == "Redis at [::1]:7"
    assert repr(read_address("redis+sentinel://:secret@a,b/m")) == "Redis m of the Sentinels a:26379,b:26379"
