"""The `store:` URL of an etcd."""

from __future__ import annotations

import pytest

from gwt.etcd.address import Address, read_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("etcd://h", Address(("http://h:2379",))),
        ("etcd://h:1,[::1]/?prefix=/a/b", Address(("http://h:1", "http://[::1]:2379"), prefix="/a/b")),
        ("etcds://u:p%40@h?ca=/x.pem", Address(("https://h:2379",), "u", "p@", ca="/x.pem")),
    ],
)
def test_forms(url: str, address: Address) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize(
    "url",
    ["etcd://", "etcd://h/0", "etcd://h:0", "etcd://h:x", "etcd://a b", "etcd://secret@h", "etcd://:secret@h", "etcd://:@h",
     "http://h", "etcd://h?prefix=gwt", "etcd://h?prefix=/", "etcd://h?x=1", "etcd://h,,"],
)  # fmt: skip
def test_what_is_none_is_told_without_secrets(url: str) -> None:
    with pytest.raises(ValueError) as told:
        read_address(url)
    assert "secret" not in str(told.value) and "\n" not in str(told.value)


def test_it_never_shows_the_password() -> None:
    assert repr(read_address("etcds://u:secret@h,[::1]:3")) == "etcd at h:2379, [::1]:3"
