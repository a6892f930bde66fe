"""GCRA, told as a bucket that drains.

A bucket has a *level*: the requests that it let through and that have not drained yet; it drains by `rate` a second. A
request passes where the level is at most `burst`, and adds 1. So in any window of t seconds at most
`rate * t + burst + 1` pass; where more is offered evenly and a burst is allowed, at least `rate * t - 1`.

What is kept is a level and when it was that. Unlike a theoretical arrival time, which says the same, a level means
the same after an edit: a bucket that was full is full under the new limit too, not reset and not shut for longer.
Times are in seconds on one monotonic clock. A `now` before `last` (two processes read the clock and came in the other
order) counts back exactly: the bound holds for whatever order.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, inf
from typing import NamedTuple

#: Requests: what adding and multiplying floats may be off by. A clock's own steps are larger.
SLACK = 1e-6
#: Nobody is told to come back later than this, in seconds; it is also the answer where nothing will ever pass.
LATEST = 86400


def drained(level: float, last: float, rate: float, burst: float, now: float) -> float:
    """The level at `now` of a bucket that had `level` at `last`.

    No bucket is fuller than `burst + 1`: if it was, `burst` has been lowered since.
    """
    if level > burst + 1.0 + SLACK:
        level = burst + 1.0
    level -= (now - last) * rate
    return level if level > 0.0 else 0.0


def wait(level: float, rate: float, burst: float) -> float:
    """Seconds until a request passes at this level: 0.0 now, inf never (`rate` is 0)."""
    over = level - burst
    if over <= SLACK and rate:
        return 0.0
    return over / rate if rate else inf


class Part(NamedTuple):
    """Of a limit what one of several gateways lets through. `whole` times its level is that of a bucket which is as
    full and has the whole limit: so a full one stays full as gateways come and go.
    """

    rate: int
    burst: int
    whole: float


@lru_cache(maxsize=4096)
def part(rate: int, burst: int, gateways: int) -> Part:
    """The part of one of `gateways` (at least 1) that share a limit evenly, rounded up."""
    mine = ceil(burst / gateways)
    return Part(ceil(rate / gateways), mine, (burst + 1) / (mine + 1))


def retry_after(seconds: float) -> int:
    """A wait as Retry-After has it: whole seconds, at least 1."""
    return max(1, min(ceil(seconds), LATEST)) if seconds < LATEST else LATEST
