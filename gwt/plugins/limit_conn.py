"""limit-conn: so many requests at a time, counted over all workers of a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from gwt.phase.bucket import bucket
from gwt.phase.plugin import Exchange, Plugin, Reply
from gwt.phase.tools import Tools

#: Seconds. Requests are counted by the period in which they began, the present and the last: so what a worker had
#: counted when it was killed is forgotten after two of them at most, and so is a request that lasts longer.
PERIOD = 3600


@dataclass(frozen=True)
class LimitConn(Plugin):
    """`conn` requests of one `key` at a time; up to `burst` more wait `default_conn_delay` seconds.

    Each further `conn` among the burst wait that long once more. The others get `rejected_code`.
    """

    name = "limit-conn"
    priority = 1003
    admits = True

    conn: Annotated[int, {"type": "integer", "minimum": 1}]
    burst: Annotated[int, {"type": "integer", "minimum": 0}]
    default_conn_delay: Annotated[float, {"type": "number", "exclusiveMinimum": 0}]
    key: Literal["remote_addr", "server_addr", "consumer_name"]
    rejected_code: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}] = 429
    rejected_msg: str = "too many requests at a time"

    def start(self, tools: Tools) -> None:
        """What can't count lets nobody in: this raises where there are no zones."""
        tools.shared(self.name)

    def access(self, ctx: Exchange) -> Reply | Deferred[None] | None:
        """Count it in, and let it go on, now or in a while, or refuse."""
        zone, period = ctx.shared(self.name), int(ctx.tools.clock() // PERIOD)
        base = bucket(self, ctx, self.key)
        key = base + period.to_bytes(8)
        number = zone.incr(key, 1, ttl=2 * PERIOD)
        ctx.notes[self.name] = key
        number += max(0, int(zone.get(base + (period - 1).to_bytes(8)) or 0)) if period else 0
        if number > self.conn + self.burst:
            self._leave(ctx)
            return Reply.error("rate_limit", self.rejected_msg, {"Retry-After": "1"}, self.rejected_code)
        if number <= self.conn:
            return None
        return deferLater(ctx.tools.reactor, self.default_conn_delay * ((number - 1) // self.conn))

    def log(self, ctx: Exchange) -> None:
        """Count it out, however it ended."""
        self._leave(ctx)

    def _leave(self, ctx: Exchange) -> None:
        key = ctx.notes.pop(self.name, None)
        if key is None:
            return
        zone = ctx.shared(self.name)
        if zone.incr(key, -1, ttl=2 * PERIOD) < 0:  # the zone was full, and forgot what it had counted
            zone.incr(key, 1, ttl=2 * PERIOD)
