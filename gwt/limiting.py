"""Limiting: `rate_limits` of a policy as members of chains, which ask the limiter of the process.

Limits that need to know who asks (`user`) are a member of their own, that runs once this is known. A member asks for
all of its limits at once, so that what one of them refuses the others do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.limit.gcra import retry_after
from gwt.limit.selectors import Limit
from gwt.phase.exchange import Exchange
from gwt.phase.member import Member
from gwt.phase.reply import Reply
from gwt.phase.roster import Roster

#: In the order of the chain: before anything that costs more, and once everybody is known who can be.
LIMITS, USER_LIMITS = 2900, 1001

#: A limit, and the key of the bucket that a request falls into.
Bid = tuple[bytes, Limit]


class Limiter(Protocol):
    """What limits are enforced with. `now` is on the monotonic clock, read just before."""

    def admit(self, key: bytes, limit: Limit, now: float) -> float | Deferred[float]:
        """0.0: the request passes, and is counted; else seconds until one may (`gcra.retry_after` makes a header of
        them), and nothing is counted. A Deferred of that where it must be asked for, which is not the usual case.
        """

    def admit_all(self, bids: Sequence[Bid], now: float) -> float | Deferred[float]:
        """As `admit` for all limits of a request, whose keys differ: it passes all of them, or is counted in none."""


class OneLimit:
    """429 `rate_limit` for what `limit` does not let through."""

    __slots__ = ("_admit", "_clock", "_key", "_limit")

    def __init__(self, limiter: Limiter, limit: Limit, clock: Callable[[], float]) -> None:
        self._admit, self._limit, self._key, self._clock = limiter.admit, limit, limit.key, clock

    def access(self, ctx: Exchange) -> Reply | Deferred[Reply | None] | None:
        """Hot."""
        seconds = self._admit(self._key(ctx), self._limit, self._clock())
        return None if seconds == 0.0 else _judged(seconds)


class Limits:
    """The same for several limits."""

    __slots__ = ("_admit", "_clock", "_limits")

    def __init__(self, limiter: Limiter, limits: Sequence[Limit], clock: Callable[[], float]) -> None:
        self._admit, self._limits, self._clock = limiter.admit_all, limits, clock

    def access(self, ctx: Exchange) -> Reply | Deferred[Reply | None] | None:
        """Hot."""
        seconds = self._admit([(limit.key(ctx), limit) for limit in self._limits], self._clock())
        return None if seconds == 0.0 else _judged(seconds)


def limits_member(roster: Roster, limiter: Limiter, limits: Sequence[Limit]) -> Member:
    """The member that enforces `limits`, which all wait for the user, or none does."""
    priority = USER_LIMITS if limits[0].by_user else LIMITS
    key = "rate_limits", priority, limiter, tuple((limit.name, limit.rate, limit.burst, limit.fail) for limit in limits)

    def make() -> Member:
        clock = roster.tools.clock
        guard = OneLimit(limiter, limits[0], clock) if len(limits) == 1 else Limits(limiter, limits, clock)
        return Member("rate_limits", priority, {"access": guard.access})

    return roster.guard(key, make)


def _judged(seconds: float | Deferred[float]) -> Any:
    """What a limiter said, as a phase method says it."""
    if isinstance(seconds, Deferred):
        return seconds.addCallback(_judged)
    return _refusal(retry_after(seconds)) if seconds else None


@lru_cache(maxsize=1024)
def _refusal(seconds: int) -> Reply:
    return Reply.of(GatewayError("rate_limit", "too many requests", fields=b"Retry-After: %d\r\n" % seconds))
