"""RedisRegister: which gateways are alive, in a Redis; each is there for as long as its last word counts.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from gwt.redis.client import Client
from gwt.redis.layout import Layout

#: KEYS: that of this gateway, and of all. ARGV: its id, what it says of itself, seconds for which that counts.
#: Returns how many are alive.
SCRIPT: Final = b"""
local now = tonumber(redis.call('TIME')[1])
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
return redis.call('ZCARD', KEYS[2])
"""


class RedisRegister:
    """See `gwt.presence.Register`. `node` is the id of this gateway, `told` what is to be seen of it (JSON)."""

    def __init__(self, client: Client, layout: Layout, node: str, told: str) -> None:
        self._client = client
        self._keys = (layout.key(f"node:{node}"), layout.key("nodes"))
        self._node, self._told = node.encode(), told.encode()

    def tell(self, lifetime: int) -> Deferred[int]:
        words = (b"2", *self._keys, self._node, self._told, b"%d" % lifetime)
        asked: Deferred[Any] = self._client.ask(b"EVAL", SCRIPT, *words)
        return asked.addCallback(int)

    def leave(self) -> Deferred[Any]:
        if not self._client.up:
            return succeed(None)
        self._client.ask(b"DEL", self._keys[0]).addErrback(lambda failure: None)
        return self._client.ask(b"ZREM", self._keys[1], self._node)
