"""What a node may do with a bucket that it shares with others through a counter in Redis.

The counter is a bucket as in `gcra`. A node does not ask it for each request: it holds *leases*, requests that the
counter has let through and that have not come yet (`held`), and it may let one pass that the counter is told of
afterwards (`owed`). How much of both is a matter of arithmetic, so that the sum over all nodes stays in bounds:

With G nodes that hold at most `ahead` each and owe at most `credit`, and a counter that lets leases through up to
`burst + 1 + G * ahead`, in any window of t seconds at most `drain * t + burst + 1 + E` pass, where
E = G * (2 * ahead + credit): what was held when the window began, what the counter let through in it beyond the burst,
and what it was not told yet when the window ended.
`terms` chooses E at most 10 % of the rate, or one a node where that is more; and a `drain` slower than the rate by
E / 60, so that over 60 seconds and more the excess is gone and `rate * t + burst + 1` holds.
Where that would slow the limit down by more than 1 % (few requests a second, many nodes) E is 0: every request asks.

Nothing here waits, sends or reads a clock. `Lease` is what a node keeps for a bucket; all workers of a node share it.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import NamedTuple

from gwt.limit import gcra

#: The excess over all nodes: this part of the rate, and gone within so many seconds, at this cost at most.
EXCESS, WINDOW, LOSS = 0.1, 60.0, 0.01
#: Seconds after which no request waits for an answer any more, and after which none is expected any more.
DEADLINE, LOST = 0.02, 0.25
#: Seconds between two questions about a bucket that had nothing left.
PACE = 0.02
#: A bucket that is asked about again within HOT seconds is leased more of, up to `ahead`; after COLD, nothing ahead.
HOT, COLD = 0.1, 1.0
#: What `judge` says where only the counter can tell.
ASK = -1.0


class Terms(NamedTuple):
    """What a node may do with a limit: `rate` and `burst` as written; the counter drains by `drain` a second and lets
    leases through up to `burst + 1 + over`; a node holds at most `ahead` of them and owes at most `credit`. By itself
    it lets `alone` a second through, with `alone_burst`.
    """

    rate: int
    burst: int
    drain: float
    over: int
    ahead: int
    credit: int
    alone: int
    alone_burst: int


@lru_cache(maxsize=4096)
def terms(rate: int, burst: int, gateways: int) -> Terms:
    """The terms of a limit that `gateways` nodes share."""
    alone, alone_burst, _ = gcra.part(rate, burst, gateways)
    if gateways > rate * LOSS * WINDOW:
        return Terms(rate, burst, rate, 0, 0, 0, alone, alone_burst)
    ahead = max(0, int((rate * EXCESS / gateways - 1) / 2))
    drain = rate - gateways * (2 * ahead + 1) / WINDOW
    return Terms(rate, burst, drain, gateways * ahead, ahead, 1, alone, alone_burst)


class Lease:
    """What a node keeps for one bucket.

    `level` and `last` are its own bucket: what passed on this node alone never exceeds the limit, and where the counter
    does not answer it is all there is. `held`: leases. `owed`: passed, and not told yet; `missed`: the same from when
    the counter was lost. `clear`: when the counter, by what it said last, will let a request through; may be long ago.
    `asked`: when it was last asked for more than those who wait, negative where it has answered. `goal`: how many
    leases to ask for.
    """

    __slots__ = ("asked", "clear", "goal", "held", "last", "level", "missed", "owed")

    def __init__(
        self, level: float = 0.0, last: float = 0.0, held: float = 0.0, owed: float = 0.0,
        missed: float = 0.0, clear: float = 0.0, asked: float = 0.0, goal: float = 0.0,
    ) -> None:  # fmt: skip
        self.level, self.last, self.held, self.owed, self.missed = level, last, held, owed, missed
        self.clear, self.asked, self.goal = clear, asked, goal


class Question(NamedTuple):
    """What to ask the counter at the time `at`: to let up to `wanted` through, and to add `told` that passed already.

    `perhaps` are those that passed while the counter was lost: they have drained since, unless others went on to ask.
    So it adds none of them where it is less than half full, and all where it is full. `settles`: how much of `owed`
    and `missed` the answer settles.
    """

    at: float
    wanted: int
    told: int = 0
    perhaps: int = 0
    settles: tuple[float, float] = (0.0, 0.0)


def judge(lease: Lease, terms: Terms, now: float) -> float:
    """0.0: a request may pass; more: not for so many seconds (inf: never); ASK: the counter must be asked first."""
    level = gcra.drained(lease.level, lease.last, terms.rate, terms.burst, now)
    wait = gcra.wait(level, terms.rate, terms.burst)
    if wait or lease.held >= 1.0:
        return wait
    if now < lease.clear:
        return lease.clear - now
    return 0.0 if lease.owed + lease.missed < terms.credit else ASK


def take(lease: Lease, terms: Terms, now: float) -> None:
    """Let a request pass that `judge` said may."""
    lease.level = gcra.drained(lease.level, lease.last, terms.rate, terms.burst, now) + 1.0
    lease.last = now
    if lease.held >= 1.0:
        lease.held -= 1.0
    else:
        lease.owed += 1.0


def curious(lease: Lease, terms: Terms, now: float) -> bool:
    """Whether to ask now, though nobody waits for it: something is owed, or leases run low."""
    if waiting(lease, now):
        return False
    return lease.owed > 0.0 or lease.missed > 0.0 or (lease.held * 2.0 < lease.goal and now >= lease.clear)


def waiting(lease: Lease, now: float) -> bool:
    """Whether an answer is still to be expected (not where the worker that asked has died)."""
    return 0.0 < lease.asked and now - lease.asked < LOST


def ask(lease: Lease, terms: Terms, waiters: int, now: float) -> Question:
    """The question for now; `waiters` requests can't go on without it."""
    gap = now - abs(lease.asked)
    if gap > COLD:
        lease.goal = 0.0
    elif gap < HOT:
        lease.goal = min(terms.ahead, lease.goal * 2.0 + 1.0)
    if waiting(lease, now):  # another worker has asked for the rest
        return Question(now, waiters)
    lease.asked = now
    level = gcra.drained(lease.level, lease.last, terms.alone, terms.alone_burst, now)
    fresh = ceil(min(lease.missed, level))
    room = max(0, min(int(lease.goal), terms.ahead) - int(lease.held))
    told, perhaps = int(lease.owed) + fresh, int(lease.missed) - fresh
    return Question(now, waiters + room, told, perhaps, (lease.owed, lease.missed))


def settle(lease: Lease, terms: Terms, question: Question, granted: int, level: float, now: float) -> None:
    """The counter has let `granted` through, and has `level` now."""
    if lease.asked == question.at:
        lease.asked = -question.at
    lease.owed = max(0.0, lease.owed - question.settles[0])
    lease.missed = max(0.0, lease.missed - question.settles[1])
    lease.held = min(lease.held, terms.ahead) + granted
    until = (level - terms.burst - terms.over) / terms.drain
    if granted < question.wanted:
        # Several nodes are after the last ones: let some gather, but never so many that any are lost.
        until = max(until, min(PACE, (terms.burst + 1 + terms.over) / (2.0 * terms.drain)))
    lease.clear = now + until


def trim(lease: Lease, terms: Terms, promised: int = 0) -> None:
    """Give up what nobody has come for: a node holds no more than its terms allow, and what it has `promised`."""
    lease.held = min(lease.held, terms.ahead + promised)


def judge_alone(lease: Lease, terms: Terms, now: float) -> float:
    """As `judge`, where the counter does not answer: by this node's part of the limit."""
    return gcra.wait(_level_alone(lease, terms, now), terms.alone, terms.alone_burst)


def take_late(lease: Lease, terms: Terms, now: float) -> None:
    """Let a request pass that `judge_alone` said may. The counter is only slow: it will be told, as others ask it."""
    lease.level = _level_alone(lease, terms, now) + 1.0
    lease.last = now
    lease.owed += 1.0


def take_alone(lease: Lease, terms: Terms, now: float) -> None:
    """The same where the counter is lost, perhaps to others too."""
    lease.level = _level_alone(lease, terms, now) + 1.0
    lease.last = now
    lease.missed += lease.owed + 1.0
    lease.owed = 0.0


def _level_alone(lease: Lease, terms: Terms, now: float) -> float:
    """The level of this node's part: its own, or its part of what the counter last had, whichever is higher.

    So losing the counter gives nobody a fresh burst.
    """
    own = gcra.drained(lease.level, lease.last, terms.alone, terms.alone_burst, now)
    there = 0.0
    if lease.clear:  # 0.0: it has said nothing, and the clock may have begun a moment ago
        there = terms.burst + terms.over + (lease.clear - now) * terms.drain
    part = there / (terms.burst + 1) * (terms.alone_burst + 1)
    return min(max(own, part), terms.alone_burst + 1.0)
