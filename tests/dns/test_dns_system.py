"""resolv.conf and hosts."""

from __future__ import annotations

import pytest

from gwt.dns.system import NONE_GIVEN, Server, hosts_of, server_of, servers_of


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", NONE_GIVEN),
        ("# nameserver 10.0.0.1\nsearch a b\noptions ndots:5\nnameserver\nnameserver nonsense\n", NONE_GIVEN),
        ("nameserver 10.0.0.1\nnameserver\t::1 # x\n", (("10.0.0.1", 53), ("::1", 53))),
        ("nameserver fe80::1%eth0", (("fe80::1%eth0", 53),)),
        ("".join(f"nameserver 10.0.0.{n}\n" for n in range(5)), tuple((f"10.0.0.{n}", 53) for n in range(3))),
    ],
)
def test_servers(text: str, servers: tuple[Server, ...]) -> None:
    assert servers_of(text) == servers


def test_hosts() -> None:
    text = (
        "127.0.0.1 localhost\n::1 localhost ip6\n10.0.0.1\tA.example.com. a a # b\n# 10.0.0.2 c\nnonsense d\n\n10.0.0.3"
    )
    assert hosts_of(text) == {
        "localhost": ("127.0.0.1", "::1"), "ip6": ("::1",), "a.example.com": ("10.0.0.1",), "a": ("10.0.0.1",),
    }  # fmt: skip


def test_servers_of_settings() -> None:
    assert (server_of("10.0.0.1:53"), server_of("[::1]:5353")) == (("10.0.0.1", 53), ("::1", 5353))
