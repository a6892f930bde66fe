"""limit-req: a steady rate of requests, over all workers of a node; what comes too early waits."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Literal

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from gwt.phase.bucket import bucket
from gwt.phase.plugin import Exchange, Plugin, Reply
from gwt.phase.tools import Tools, Zone

#: Seconds for which a turn is kept beyond its time: longer than a worker stands still between two steps.
_SPARE = 0.1


def take(zone: Zone, key: bytes, now: int, most: int, each: float) -> int:
    """The turn that a request gets: the first from `now` on that is free, and nobody else's from then on.

    Turns are numbered by time, each lasts `each` seconds. One that is more than `most` ahead is told but not taken.
    `add` gives a turn to one worker alone; what stands under `key` itself only spares looking at those that are taken.
    """
    turn, ttl = now, each + _SPARE
    if zone.add(key + turn.to_bytes(8), b"", ttl=ttl):
        return turn
    turn = max(now + 1, int(zone.get(key) or 0))
    while turn - now <= most:
        ttl = (turn - now + 1) * each + _SPARE
        if zone.add(key + turn.to_bytes(8), b"", ttl=ttl):
            zone.set(key, b"%d" % (turn + 1), ttl=ttl)
            break
        turn += 1
    return turn


@dataclass(frozen=True)
class LimitReq(Plugin):
    """`rate` requests a second of one `key`. Up to `burst` more wait for their turn; the others get `rejected_code`.

    Time is cut into turns of 1/`rate` seconds, each for one request: in any time t at most `rate` * t + `burst` + 2 are
    let through. With `nodelay` the burst is let through at once.
    """

    name = "limit-req"
    priority = 1001
    admits = True

    rate: Annotated[float, {"type": "number", "minimum": 0.001, "maximum": 100_000}]
    burst: Annotated[float, {"type": "number", "minimum": 0, "maximum": 10_000}]
    key: Literal["remote_addr", "server_addr", "consumer_name"]
    rejected_code: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}] = 429
    rejected_msg: str = "too many requests"
    nodelay: bool = False

    def start(self, tools: Tools) -> None:
        """What can't count lets nobody in: this raises where there are no zones."""
        tools.shared(self.name)

    def access(self, ctx: Exchange) -> Reply | Deferred[None] | None:
        """Let go on, now or in a while, or refuse."""
        each, now = round(1e9 / self.rate), int(ctx.tools.clock() * 1e9)
        key = bucket(self, ctx, self.key) + each.to_bytes(8)
        turn = take(ctx.shared(self.name), key, now // each, int(self.burst), each / 1e9)
        wait = (turn * each - now) / 1e9
        if turn - now // each > self.burst:
            after = {"Retry-After": str(max(1, ceil(wait - int(self.burst) * each / 1e9)))}
            return Reply.error("rate_limit", self.rejected_msg, after, self.rejected_code)
        if self.nodelay or wait <= 0:
            return None
        return deferLater(ctx.tools.reactor, wait)
