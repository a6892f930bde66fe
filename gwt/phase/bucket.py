"""Bucket: under which key of a shared zone a limit counts a request."""

from __future__ import annotations

from hashlib import blake2b

from gwt.phase.exchange import Exchange
from gwt.phase.plugin import Plugin


def bucket(plugin: Plugin, ctx: Exchange, key: str) -> bytes:
    """16 bytes for `plugin` at its place and `key` of the request.

    `key` is remote_addr, server_addr, or consumer_name: who the client is, or its address where nobody knows that.
    """
    if key == "server_addr":
        who = "s" + ctx.server_addr
    elif key == "consumer_name" and ctx.user is not None:
        who = "u" + ctx.user
    else:
        who = "a" + ctx.client
    return blake2b("\0".join((plugin.name, plugin.place, who)).encode("utf-8", "replace"), digest_size=16).digest()
