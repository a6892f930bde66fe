"""Bucket: under which key of a shared zone a limit counts a request."""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import IPv6Address

from gwt.phase.exchange import Exchange
from gwt.phase.plugin import Plugin


def bucket(plugin: Plugin, ctx: Exchange, key: str) -> bytes:
    """16 bytes for `plugin` at its place and `key` of the request.

    `key` is remote_addr (of IPv6 the /64, which is what one customer has), server_addr, or consumer_name: who the
    client is, or its address where nobody knows that.
    """
    if key == "server_addr":
        who = "s" + ctx.server_addr
    elif key == "consumer_name" and ctx.user is not None:
        who = "u" + ctx.user
    else:
        who = "a" + _network(ctx.client)
    return blake2b("\0".join((plugin.name, plugin.place, who)).encode("utf-8", "replace"), digest_size=16).digest()


def _network(client: str) -> str:
    if ":" not in client:
        return client
    try:
        address = IPv6Address(client)
    except ValueError:  # whatever a trusted proxy calls it
        return client
    return str(address.ipv4_mapped or int(address) >> 64)
