"""limit-req: a steady rate of requests (a leaky bucket), over all workers of a node; what comes too early waits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Literal

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from gwt.phase.bucket import bucket
from gwt.phase.plugin import Exchange, Plugin, Reply
from gwt.phase.tools import Tools, Zone

#: Turn, and when in nanoseconds the bucket is empty again.
_STATE = struct.Struct(">QQ")
#: Turns that are kept behind the last: no worker is overtaken so often between two steps.
_BEHIND = 64


def take(zone: Zone, key: bytes, now: int, each: int, most: int) -> int:
    """Take a place in the bucket `key`: how long to wait for it. All times are in nanoseconds.

    Each place lasts `each`; more than `most` is not waited for: then no place is taken.

    A bucket is a chain of turns: whoever adds turn N+1 goes next, and `add` lets one alone do so. `key` itself is but
    a hint at how far the chain has come. So the count is exact without a lock that somebody could die with.
    """
    raw = zone.get(key)
    turn, empty = (0, 0) if raw is None else _STATE.unpack(raw)
    while True:
        begin = max(empty, now)
        if begin - now > most:
            return begin - now
        turn += 1
        state, ttl = _STATE.pack(turn, begin + each), (begin + each - now) / 1e9 + 1
        if zone.add(key + turn.to_bytes(8), state, ttl=ttl):
            zone.set(key, state, ttl=ttl)
            if turn > _BEHIND:
                zone.delete(key + (turn - _BEHIND).to_bytes(8))
            return begin - now
        taken = zone.get(key + turn.to_bytes(8))
        empty = empty if taken is None else max(empty, _STATE.unpack(taken)[1])


@dataclass(frozen=True)
class LimitReq(Plugin):
    """`rate` requests a second of one `key`. Up to `burst` more wait for their turn; the others get `rejected_code`.

    With `nodelay` the burst is let through at once.
    """

    name = "limit-req"
    priority = 1001
    admits = True

    rate: Annotated[float, {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000}]
    burst: Annotated[float, {"type": "number", "minimum": 0, "maximum": 1_000_000}]
    key: Literal["remote_addr", "server_addr", "consumer_name"]
    rejected_code: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}] = 429
    rejected_msg: str = "too many requests"
    nodelay: bool = False

    def start(self, tools: Tools) -> None:
        """What can't count lets nobody in: this raises where there are no zones."""
        tools.shared(self.name)

    def access(self, ctx: Exchange) -> Reply | Deferred[None] | None:
        """Let go on, now or in a while, or refuse."""
        each = round(1e9 / self.rate)
        most = round(self.burst * each)
        key = bucket(self, ctx, self.key)
        wait = take(ctx.shared(self.name), key, int(ctx.tools.clock() * 1e9), each, most)
        if wait > most:
            after = {"Retry-After": str(max(1, ceil((wait - most) / 1e9)))}
            return Reply.error("rate_limit", self.rejected_msg, after, self.rejected_code)
        if self.nodelay or wait < 1_000_000:
            return None
        return deferLater(ctx.tools.reactor, wait / 1e9)
