"""SharedStore: follows a store that many gateways share (Redis, etcd), told at once of changes, pulling to be sure.

What is in force is always the store as it was at one moment. A store that can't be reached, that is empty, or that has
lost more than half of what it held without a revision that says so keeps what is in force; the last content also stands
on disk, to start with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.store.base import Apply, StoreError
from gwt.store.commit import Commit, Revision
from gwt.store.copy import Copy, CopyError
from gwt.store.doubt import Doubt
from gwt.store.file import InThread, at_once
from gwt.store.follow import PARTS, Change, Follower, Question, State, Unreadable
from gwt.store.gather import Gather
from gwt.store.keeper import Keeper
from gwt.store.pace import BUDGET, HURRY, Pacer
from gwt.store.reach import Reach
from gwt.store.reader import Found, Reader
from gwt.store.stock import Stock
from gwt.store.timers import Timers

#: Seconds for which a start waits for the store before it takes the copy on disk.
PATIENCE = 1.0

#: Seconds between attempts to read the first content.
RETRY = 1.0


class SharedStore:
    """The Store behind `reader`; `name` says which, without secrets. `copy` is a path, `hold` in seconds."""

    log = Logger("gwt.store")

    def __init__(
        self, reader: Reader, clock: Any, name: str, copy: str | None = None, hold: float = 30.0,
        in_thread: InThread = at_once,
    ) -> None:  # fmt: skip
        self._reader, self._clock, self._name = reader, clock, name
        self._doubt = Doubt(name, hold)
        self._keeper = None if copy is None else Keeper(copy, name, clock, in_thread, self._copied)
        self._follower = Follower()
        self._stock = Stock()
        self._pacer = Pacer(clock, HURRY)
        self._apply: Apply | None = None
        self._handed: tuple[int, ...] = ()
        self._gather = Gather()
        self._busy: Deferred[None] | None = None
        self._again = self._news = False
        self._copied_at: dict[str, int] = {}
        self._started: Deferred[None] | None = None
        self._timers = Timers(clock)
        self._said = ""
        self._reach = Reach(reader.holds, clock)

    # -- Store

    def start(self, apply: Apply) -> Deferred[None]:
        """See `Store.start`. Does not fail: what can't be reached now may be soon."""
        self._apply = apply
        started = self._started = Deferred()
        self._timers.later("copy", PATIENCE, self._start_from_copy)
        self._reader.start(self)
        return started

    def pull(self) -> Deferred[None]:
        """See `Store.pull`."""
        return self._run(True)

    def stop(self) -> Deferred[None]:
        """See `Store.stop`."""
        self._apply = None
        written = succeed(None) if self._keeper is None else self._keeper.end()
        self._timers.stop()
        return written.addCallback(lambda _: self._reader.stop())

    def hold(self, seconds: float) -> None:
        """What `shrink_hold` of gateway.yaml says now."""
        self._doubt.hold = seconds

    def commit(self, commit: Commit) -> Deferred[int]:
        """See `Writable.commit`."""
        return self._reader.commit(commit)

    def reached(self, part: str, rev: int) -> Deferred[int]:
        """See `Writable.reached`; a gateway hears of what it has written itself like all others."""
        done = self._reach.wait(rev, part)
        self._release()
        return done

    @inlineCallbacks
    def whole(self, part: str) -> Any:
        """See `Writable.whole`."""
        yield self._reader.state()  # fails where the store can't be asked
        state, found = yield self._reader.read(Question(part, None))
        return self._reader.expected(part, state.revs), found

    def _release(self) -> None:
        if self._busy is None:  # else what was read is not handed over yet
            self._reach.release(self._follower.revs)

    def history(self) -> Deferred[list[Revision]]:
        """See `Reader.history`."""
        return self._reader.history()

    @property
    def counted(self) -> bool:
        """Whether each revision is one more than the one before."""
        return self._reader.counted

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        """See `Reader.entry`."""
        return self._reader.entry(hash_, name)

    @property
    def revision(self) -> int:
        """Of routes, as far as this gateway knows."""
        return self._reader.revision(self._follower.revs)

    def describe(self) -> str:
        """Where it is and how much there is."""
        routes, services = len(self._stock.raw["routes"]), len(self._stock.raw["services"])
        return f"{self._name} ({routes} routes, {services} services)"

    # -- for the Reader

    def follow_from(self) -> None:
        """From now on every change is told of; what came before may have been missed."""
        self._follower.deaf()
        self._run(True).addErrback(self._tell)

    def heard(self, change: Change) -> None:
        """A change was published."""
        self._follower.heard(change)
        if self._busy is None:
            self._run(False).addErrback(self._tell)
        else:
            self._news = True

    # -- one reader at a time

    def _run(self, look: bool) -> Deferred[None]:
        if self._apply is None:
            return succeed(None)
        if self._busy is not None:
            self._again = self._again or look
            return succeed(None)
        self._busy = Deferred.fromCoroutine(self._read(look))
        return self._busy.addBoth(self._ended)

    def _ended(self, result: Any) -> Any:
        self._busy = None
        self._release()
        look, news = self._again and not isinstance(result, Failure), self._news
        self._again = self._news = False
        if look or news:  # what was heard of meanwhile may be of a part that had been passed over by then
            self._run(look).addErrback(self._tell)
        return result

    async def _read(self, look: bool) -> None:
        try:
            if look:
                self._follower.looked(await self._reader.state())
            await self._follow(set() if look else self._doubt.parts)
        except Unreadable as error:
            raise StoreError(f"{self._name}: {error}") from None

    async def _follow(self, passed_over: set[str]) -> None:
        """Read what is to be read of all parts but those `passed_over`. Raises StoreError where one is held back."""
        held: StoreError | None = None
        while (question := self._follower.question(passed_over)) is not None:
            if question.names is not None and (left := self._left(question.part, len(question.names))):
                await self._rest(left)
                continue
            state, found = await self._reader.read(question)
            if self._apply is None:
                return
            why = self._check(question.part, found, state) if question.names is None else None
            if why is not None:
                held = held or why
                passed_over.add(question.part)
            elif self._follower.answered(question, state):
                self._copied_at.pop(question.part, None)
                self._doubt.believed(question.part)
                await self._take(question, found, self._follower.revs.keys() == PARTS.keys())
            else:  # the message about what is newer is on its way
                self._gather.missed()
                if self._follower.question(passed_over) == question:
                    passed_over.add(question.part)
        if held is not None:
            raise held

    def _left(self, part: str, names: int) -> float:
        """Seconds for which what was heard of waits for more."""
        return self._gather.wait(self._clock.seconds(), self._follower.waiting(part), names)

    async def _rest(self, seconds: float) -> None:
        rested: Deferred[None] = Deferred()
        self._timers.later("gather", seconds, lambda: rested.callback(None))
        await rested

    def _check(self, part: str, found: Found, state: State) -> StoreError | None:
        """Why what was read is held back: so much is gone, and no revision of the store that is followed says so."""
        said = self._reader.expected(part, state.revs) > self._stands_at(part)
        if state.id is None or (said and not self._follower.is_new(part, state)):
            return None
        before = self._stock.names(part)
        after = [f"{hash_}/{name}" for hash_ in PARTS[part] for name in found[hash_]]
        return self._doubt.of(part, before, after, self._clock.seconds())

    def _stands_at(self, part: str) -> int:
        """The revision of the store at which what is in force of `part` was there."""
        return self._copied_at.get(part, self._reader.expected(part, self._follower.revs))

    async def _take(self, question: Question, found: Found, complete: bool) -> None:
        """Put what was read in force; `complete`: nothing is missing any more then."""
        delta = await self._pacer.run(self._stock.take(question, found))
        if self._apply is None:
            return
        first = self._started is not None and complete
        # Also what changed nothing has a revision, which whoever changes something next must be told of.
        apart = (max(0, self._reader.expected(part, self._follower.revs)) for part in ("services", "certificates"))
        handed = (self.revision, *apart)
        if delta or first or (self._started is None and handed != self._handed):
            self._handed = handed
            self._apply(
                replace(delta, revision=handed[0], services_revision=handed[1], certificates_revision=handed[2])
            )
            if self._keeper is not None:
                self._keeper.changed()
        if first:
            self._ready()

    def _ready(self) -> None:
        started, self._started = self._started, None
        self._timers.cancel("copy")
        self._pacer.budget = BUDGET
        if started is not None:
            started.callback(None)

    # -- the copy

    def _start_from_copy(self) -> None:
        if self._keeper is None or self._started is None:
            return
        if self._busy is not None:  # the store has been asked, and may answer yet
            self._timers.later("copy", RETRY, self._start_from_copy)
            return
        self._keeper.read().addCallback(self._take_copy).addErrback(self._no_copy)

    def _take_copy(self, copy: Copy) -> Deferred[None] | None:
        if self._started is None or self._busy is not None or self._keeper is None:
            return None
        self.log.warn("{name} can't be read: starting with the copy at {path}", name=self._name, path=self._keeper.path)
        # who counts for itself begins anew with each process; only where the store stood goes on
        self._follower = Follower(copy.id, copy.revs if self._reader.counted else dict.fromkeys(copy.revs, -1))
        self._copied_at = {} if self._reader.counted else dict(copy.revs)
        self._busy = Deferred.fromCoroutine(self._take_all(copy))
        return self._busy.addBoth(self._ended)

    async def _take_all(self, copy: Copy) -> None:
        # It is all there is, also where it was made while a part was held back: that has no revision then.
        for number, (part, hashes) in enumerate(PARTS.items(), 1):
            found = {hash_: copy.raw.get(hash_, {}) for hash_ in hashes}
            await self._take(Question(part, None), found, number == len(PARTS))

    def _no_copy(self, failure: Failure) -> None:
        if failure.check(CopyError):
            self._say(f"no content yet: {self._name} can't be read, and {failure.getErrorMessage()}")
        else:
            self.log.failure("the copy of the store can't be used", failure)

    def _copied(self) -> Copy | None:
        if self._follower.id is None:
            return None
        raw = {hash_: dict(entries) for hash_, entries in self._stock.raw.items()}
        return Copy(self._follower.id, {part: self._stands_at(part) for part in self._follower.revs}, raw)

    # --

    def _tell(self, failure: Failure) -> None:
        """Before the first content; after it the next pull says the same to those who count and log it."""
        if self._started is not None:
            self._say(f"no content yet: {failure.getErrorMessage()}")
            self._timers.later("retry", RETRY, self._retry)

    def _retry(self) -> None:
        self._run(True).addErrback(self._tell)

    def _say(self, what: str) -> None:
        if what != self._said:
            self._said = what
            self.log.warn("{what}", what=what)
