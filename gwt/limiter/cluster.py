"""The limiter of many gateways that count in one Redis. `gwt.limit.lease` decides; here it meets memory and wire.

A request is decided at once wherever leases, a known refusal, or the one request on trust allow it. What is to be asked
is noted while the memory is locked and sent afterwards; requests that can't go on without an answer wait for it
together. When it is late, or the link is lost, all of them are decided at once by this node's part of the limit.
While the link is lost a limit may say something else (`fail`): open or closed. That leaves no trace in any lease: what
the leases are proved to keep, they keep as if those requests had not come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from gwt.limit import lease as leases
from gwt.limit.lease import ASK, Lease, Terms, terms
from gwt.limit.selectors import Limit
from gwt.limiter.node import SLOTS
from gwt.limiter.script import arguments
from gwt.limiting import Bid
from gwt.zones.arena import Arena
from gwt.zones.table import STAMP, WAYS, WORD

#: A lease in a slot: its stamp is `last`, its words are the others.
_HELD, _OWED, _MISSED, _CLEAR, _ASKED, _GOAL = (WORD + number * WAYS for number in range(1, 7))
_WORDS = 7
#: Seconds after which whoever is refused for want of the counter may try again.
_SHUT = 1.0


class Counter(Protocol):
    """Who asks Redis: `gwt.limiter.link.Link`. It calls `on_late` when it ceases to be `prompt`, `on_lost` when it
    ceases to be `up`.
    """

    up: bool
    prompt: bool
    on_late: Callable[[], None]
    on_lost: Callable[[], None]

    def ask(self, key: bytes, arguments: tuple[bytes, ...], answered: Callable[[int, float], None]) -> None:
        """Ask about a bucket."""


class Waiter:
    """A request that waits, `since` when. `pending` counts the questions whose answers it needs."""

    __slots__ = ("bids", "deferred", "pending", "since")

    def __init__(self, bids: Sequence[Bid], since: float) -> None:
        self.bids, self.since = bids, since
        self.deferred: Deferred[float] = Deferred()
        self.pending = 0


class Question:
    """What is to be asked about a bucket, or was, and who waits for the answer."""

    __slots__ = ("asked", "key", "limit", "waiters")

    def __init__(self, key: bytes, limit: Limit) -> None:
        self.key, self.limit = key, limit
        self.waiters: list[Waiter] = []
        self.asked = leases.Question(0.0, 0)


class ClusterLimiter:
    """Buckets that `gateways` nodes share (set it as they come and go; at least 1), on this node over all workers."""

    def __init__(
        self, arena: Arena, link: Counter, clock: Callable[[], float], gateways: int = 1, slots: int = SLOTS
    ) -> None:
        """`clock` is the one that `now` is read from. Raises ArenaError."""
        self._table = arena.table("leases", slots, _WORDS)
        self._link, self._clock, self.gateways = link, clock, gateways
        self._due: dict[bytes, Question] = {}
        self._open: dict[bytes, Question] = {}
        self._unclear: list[Bid] = []
        link.on_late, link.on_lost = self._late, self._lost

    def admit(self, key: bytes, limit: Limit, now: float) -> float | Deferred[float]:
        """As Limiter has it."""
        return self.admit_all(((key, limit),), now)

    def admit_all(self, bids: Sequence[Bid], now: float) -> float | Deferred[float]:
        """As Limiter has it."""
        seconds = self._decide(bids, now)
        if seconds != ASK:
            if self._due:
                self._send(now)
            return seconds
        waiter = Waiter(bids, now)
        self._join(waiter)
        self._send(now)
        return waiter.deferred

    def _decide(self, bids: Sequence[Bid], now: float, patient: bool = True) -> float:
        """What `admit_all` returns, or ASK: then `_unclear` says about which bids. A request that passes is counted;
        what to ask because of that is due. A request that is not `patient` is decided without the counter.
        """
        prompt = self._link.prompt and patient
        if not prompt and not self._link.up:
            kept = _without_counter(bids)
            if kept is None:
                return _SHUT
            bids = kept
        table = self._table
        if table.lock is not None:
            table.lock()
        try:
            seconds, found, unclear = 0.0, [], []
            judge = leases.judge if prompt else leases.judge_alone
            for bid in bids:
                slot, lease, on = self._load(*bid, now)
                one = judge(lease, on, now)
                if one == ASK:
                    unclear.append(bid)
                elif one > seconds:
                    seconds = one
                found.append((slot, lease, on))
            if seconds or unclear:
                self._unclear = unclear
                return seconds or ASK
            self._take(bids, found, now, prompt)
            return 0.0
        finally:
            if table.unlock is not None:
                table.unlock()

    def _take(self, bids: Sequence[Bid], found: Sequence[tuple[int, Lease, Terms]], now: float, prompt: bool) -> None:
        up = self._link.up
        take = leases.take if prompt else leases.take_late if up else leases.take_alone
        for (key, limit), (_, lease, on) in zip(bids, found, strict=True):
            take(lease, on, now)
            if up and key not in self._due and leases.curious(lease, on, now):
                self._due[key] = Question(key, limit)
        for slot, lease, _ in found:
            if slot >= 0:
                self._store(slot, lease)
        for (key, _), (slot, lease, _) in zip(bids, found, strict=True):
            if slot < 0:  # only now: it may take the place of a bucket that is none of these
                self._store(self._table.claim(key, now), lease)

    # -- waiting for answers

    def _join(self, waiter: Waiter) -> None:
        """Have a request wait for the buckets that `_decide` could not judge."""
        for key, limit in self._unclear:
            question = self._open.get(key) or self._due.setdefault(key, Question(key, limit))
            question.waiters.append(waiter)
            waiter.pending += 1

    def _send(self, now: float) -> None:
        """Ask what is due."""
        due, self._due = self._due, {}
        for question in due.values():
            on = self._change(question, now, partial(_put, question, now))
            before = self._open.get(question.key)
            if before is not None:  # its answer is late, or its lease was dropped for another bucket's
                question.waiters += before.waiters
                before.waiters.clear()
            self._open[question.key] = question
            told = arguments(on, self.gateways, question.asked)
            self._link.ask(question.key, told, partial(self._answered, question))

    def _answered(self, question: Question, granted: int, level: float) -> None:
        now = self._clock()
        if self._open.get(question.key) is question:
            del self._open[question.key]
        self._change(question, now, lambda lease, on: leases.settle(lease, on, question.asked, granted, level, now))
        decided = [(waiter, seconds) for waiter in question.waiters if (seconds := self._again(waiter, now)) != ASK]
        if question.asked.wanted:
            promised = sum(waiter.pending > 0 for waiter in question.waiters)
            self._change(question, now, partial(leases.trim, promised=promised))
        for waiter, seconds in decided:
            if seconds and len(waiter.bids) > 1:  # what it was promised elsewhere it will not use
                for key, limit in waiter.bids:
                    self._change(Question(key, limit), now, leases.trim)
        self._send(now)
        _fire(decided)

    def _again(self, waiter: Waiter, now: float) -> float:
        """One of the answers has come that a request waits for: decide, or ASK if it has to wait on.

        Other workers may have been quicker to take what was let through for it: it does not wait for ever.
        """
        waiter.pending -= 1
        if waiter.pending:
            return ASK
        seconds = self._decide(waiter.bids, now, now - waiter.since < leases.DEADLINE)
        if seconds == ASK:
            self._join(waiter)
        return seconds

    def _late(self) -> None:
        """Nobody waits any longer: who did is decided by this node's part. Answers may still come."""
        now = self._clock()
        waiters = {waiter: None for question in self._open.values() for waiter in question.waiters}
        for question in self._open.values():
            question.waiters.clear()
        decided = [(waiter, self._decide(waiter.bids, now)) for waiter in waiters]
        self._send(now)
        _fire(decided)

    def _lost(self) -> None:
        """Nothing will be answered any more."""
        self._late()
        self._open.clear()

    # -- leases in memory

    def _change(self, question: Question, now: float, change: Callable[[Lease, Terms], Any]) -> Terms:
        """Let `change` work on the lease of a bucket."""
        table = self._table
        if table.lock is not None:
            table.lock()
        try:
            slot, lease, on = self._load(question.key, question.limit, now)
            change(lease, on)
            self._store(slot if slot >= 0 else table.claim(question.key, now), lease)
            return on
        finally:
            if table.unlock is not None:
                table.unlock()

    def _load(self, key: bytes, limit: Limit, now: float) -> tuple[int, Lease, Terms]:
        """The slot of a bucket (-1: none yet), its lease and its terms."""
        on = terms(limit.rate, limit.burst, self.gateways)
        slot = self._table.find(key)
        if slot < 0:
            return slot, Lease(last=now), on
        words = self._table.floats
        return slot, Lease(
            words[slot + WORD], words[slot + STAMP], words[slot + _HELD], words[slot + _OWED],
            words[slot + _MISSED], words[slot + _CLEAR], words[slot + _ASKED], words[slot + _GOAL],
        ), on  # fmt: skip

    def _store(self, slot: int, lease: Lease) -> None:
        words = self._table.floats
        words[slot + STAMP] = lease.last
        words[slot + WORD] = lease.level
        words[slot + _HELD] = lease.held
        words[slot + _OWED] = lease.owed
        words[slot + _MISSED] = lease.missed
        words[slot + _CLEAR] = lease.clear
        words[slot + _ASKED] = lease.asked
        words[slot + _GOAL] = lease.goal


def _without_counter(bids: Sequence[Bid]) -> Sequence[Bid] | None:
    """Which of them this node decides while nobody can be asked; None: one of them lets nothing through then."""
    kept = [bid for bid in bids if bid[1].fail == "local"]
    if len(kept) < len(bids) and any(limit.fail == "closed" for _, limit in bids):
        return None
    return kept


def _put(question: Question, now: float, lease: Lease, on: Terms) -> None:
    question.asked = leases.ask(lease, on, len(question.waiters), now)


def _fire(decided: Iterable[tuple[Waiter, float]]) -> None:
    for waiter, seconds in decided:
        waiter.deferred.callback(seconds)
