"""What a limit counts a request by."""

from __future__ import annotations

from gwt.phase.bucket import bucket
from gwt.phase.exchange import Exchange
from gwt.phase.plugin import Plugin
from gwt.wire.request import RequestHead


class At(Exchange):
    server_addr = "10.0.0.1"


class Some(Plugin):
    name = "some"


def asked(client: str, user: str | None = None) -> Exchange:
    exchange = At(RequestHead())
    exchange.client, exchange.user = client, user
    return exchange


def test_each_key_and_each_place_has_its_own() -> None:
    one, other = Some(), Some()
    other.place = "elsewhere"  # type: ignore[misc]
    alice, bob = asked("192.0.2.1", "alice"), asked("192.0.2.1", "192.0.2.1")
    both = ("remote_addr", "server_addr")
    found = [bucket(plugin, who, key) for plugin in (one, other) for who in (alice, bob) for key in both]
    assert len(set(found)) == 4 and {len(key) for key in found} == {16}
    assert bucket(one, alice, "remote_addr") == bucket(one, bob, "remote_addr")
    assert bucket(one, alice, "consumer_name") != bucket(one, bob, "consumer_name") != bucket(one, bob, "remote_addr")
    assert bucket(one, asked("192.0.2.1"), "consumer_name") == bucket(one, alice, "remote_addr")


def test_of_ipv6_a_network_is_one_client() -> None:
    first, near, far, four, mapped = (
        bucket(Some(), asked(client), "remote_addr")
        for client in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.1")
    )
    assert first == near != far and four == mapped
