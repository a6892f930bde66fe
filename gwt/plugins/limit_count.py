"""limit-count: so many requests in each window of time, counted over all workers of a node."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Literal

from gwt.phase.bucket import bucket
from gwt.phase.plugin import Exchange, Plugin, Reply
from gwt.phase.tools import Tools


@dataclass(frozen=True)
class LimitCount(Plugin):
    """At most `count` requests of one `key` in each `time_window` (seconds); the others get `rejected_code`.

    A window begins with the first request that finds none. Every answer says in X-RateLimit-Limit, -Remaining and
    -Reset (seconds) how things stand.
    """

    name = "limit-count"
    priority = 1002
    admits = True

    count: Annotated[int, {"type": "integer", "minimum": 1}]
    time_window: Annotated[int, {"type": "integer", "minimum": 1}]
    key: Literal["remote_addr", "server_addr"]
    rejected_code: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}]

    def start(self, tools: Tools) -> None:
        """What can't count lets nobody in: this raises where there are no zones."""
        tools.shared(self.name)

    def access(self, ctx: Exchange) -> Reply | None:
        """Count: the number lives as long as its window, which is how all workers agree when that is over."""
        zone, key = ctx.shared(self.name), bucket(self, ctx, self.key) + b"%d" % self.time_window
        number = zone.incr(key, 1, ttl=self.time_window)
        reset = str(min(ceil(zone.ttl(key) or 1), self.time_window))  # the difference of two floats may be a bit more
        ctx.notes[self.name] = (str(max(0, self.count - number)), reset)
        if number <= self.count:
            return None
        message = f"more than {self.count} requests in {self.time_window} s"
        return Reply.error("rate_limit", message, {"Retry-After": reset}, self.rejected_code)

    def header_filter(self, ctx: Exchange) -> None:
        """Tell how things stand."""
        told = ctx.notes.get(self.name)
        if ctx.answer is not None and told is not None:
            ctx.answer.set_header("X-RateLimit-Limit", str(self.count))
            ctx.answer.set_header("X-RateLimit-Remaining", told[0])
            ctx.answer.set_header("X-RateLimit-Reset", told[1])
