"""Mirror: what the store holds of some parts, byte for byte, as far as the controller has to know it.

Unlike a gateway it takes a store as it is, an empty one too: it is there to fill it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gwt.store.base import StoreError
from gwt.store.commit import Commit, Revision
from gwt.store.follow import FORMAT, Change, Question, State
from gwt.store.reach import Reach
from gwt.store.reader import Reader

#: Seconds between two looks at the revisions.
LOOK: Final = 1.0

#: Changes of one part that are remembered until they are read.
MOST: Final = 100

#: The parts that are always the controller's business, of each the hash that is called as it.
ALWAYS: Final = ("services", "routes")

#: (part, names that may be another now; None: all of them).
Told = Callable[[str, frozenset[str] | None], None]


class Mirror:
    """`reader` is that of a store; `told` is called when it holds something else. `ready`: it is there; `failure` says
    why it can't be read.

    Of other parts than `parts` nothing is read.
    """

    log = Logger("gwt.controller")

    def __init__(self, reader: Reader, clock: Any, told: Told, parts: tuple[str, ...] = ALWAYS) -> None:
        self._reader, self._clock, self._told = reader, clock, told
        self.entries: dict[str, dict[str, bytes]] = {part: {} for part in parts}
        self.revs: dict[str, int] = dict.fromkeys(parts, -1)
        self.ready = False
        self.failure: str | None = None
        self._id: str | None = None
        self._news: dict[str, dict[int, tuple[str, ...]]] = {part: {} for part in parts}
        self._busy: Deferred[None] | None = None
        self._again = self._stopped = self._committing = False
        self._reach = Reach(reader.holds, clock)
        self._looking = LoopingCall(self.look)
        self._looking.clock = clock

    def start(self) -> None:
        """Connect, and look."""
        self._reader.start(self)
        self._looking.start(LOOK, now=False)

    def stop(self) -> Any:
        """Disconnect."""
        self._stopped = True
        if self._looking.running:
            self._looking.stop()
        if self._busy is not None:
            self._busy.cancel()
        return self._reader.stop()

    @property
    def known(self) -> bool:
        """Whether it may be compared with."""
        return self.ready and min(self.revs.values()) >= 0

    @property
    def most(self) -> int:
        """Entries that a commit may have."""
        return self._reader.most

    def expected(self, part: str) -> int:
        """What to expect of a commit that is made from `entries` as they are."""
        return self._reader.expected(part, self.revs)

    # -- for the reader

    def follow_from(self) -> None:
        """Changes are told of from now on."""
        self.forget()

    def heard(self, change: Change) -> None:
        """A change was published."""
        if change.part not in self.revs or change.rev <= self.revs[change.part]:
            return
        news = self._news[change.part]
        news[change.rev] = change.names
        if len(news) > MOST:
            news.clear()
        if not self._committing:  # it may be our own, whose outcome is on its way
            self.look()

    # --

    def forget(self) -> None:
        """Read everything again: what we know may be wrong."""
        self.revs = dict.fromkeys(self.revs, -1)
        self.look()

    def look(self) -> None:
        """See whether the store is where we know it to be."""
        if self._stopped:
            return
        if self._busy is not None:
            self._again = True
            return
        self._busy = Deferred.fromCoroutine(self._read())
        self._busy.addErrback(self._failed).addBoth(self._ended)

    def commit(self, commit: Commit) -> Deferred[int]:
        """Fires with the revision, once it is made and known here. Fails as the reader's `commit` does."""
        self._committing = True
        made: Deferred[int] = self._reader.commit(commit)
        made.addCallback(self._committed, commit).addBoth(self._catch_up)
        return made.addCallback(self._reached, commit.part)

    def history(self) -> Deferred[list[Revision]]:
        """What the store remembers of its revisions."""
        return self._reader.history()

    def _committed(self, rev: int, commit: Commit) -> int:
        part = commit.part
        if self._reader.holds(part, rev, self.revs):
            return rev  # it was read already, and maybe more
        if self._reader.counted:
            if rev != self.revs[part] + 1:
                return rev
            self.revs[part] = rev
            self._news[part].pop(rev, None)
        for name, text in commit.entries[part].items():
            self._set(part, name, None if text is None else text.encode())
        return rev

    def _set(self, part: str, name: str, raw: bytes | None) -> bool:
        """Note what stands there; whether that is another than was known."""
        entries = self.entries[part]
        if entries.get(name) == raw:
            return False
        if raw is None:
            del entries[name]
        else:
            entries[name] = raw
        return True

    def _reached(self, rev: int, part: str) -> Deferred[int]:
        """Whoever commits next expects what was made by this one: not where it is not known yet."""
        done = self._reach.wait(rev, part)
        self._reach.release(self.revs)
        return done

    def _catch_up(self, result: Any) -> Any:
        self._committing = False
        if any(rev > self.revs[part] for part, news in self._news.items() for rev in news):
            self.look()
        return result

    def _ended(self, _: Any) -> None:
        self._busy = None
        self._reach.release(self.revs)
        again, self._again = self._again, False
        if again:
            self.look()

    def _failed(self, failure: Any) -> None:
        if failure.check(CancelledError):
            return
        self.ready = False
        before, self.failure = self.failure, "a bug: see the log"
        if not failure.check(StoreError):
            self.log.failure("the store can't be read", failure)
            return
        self.failure = failure.getErrorMessage()
        if self.failure != before:
            self.log.warn("{why}: it is tried again each second", why=self.failure)

    async def _read(self) -> None:
        state: State = await self._reader.state()
        if state.format not in (None, FORMAT):
            raise StoreError(f"the store is of format {state.format}, this gwt writes {FORMAT}")
        made_by_us = self._id is None and all(state.revs.get(part, 0) == rev for part, rev in self.revs.items())
        if state.id != self._id and not made_by_us:
            self.revs = dict.fromkeys(self.revs, -1)
        for part in self.revs:
            if state.revs.get(part, 0) != self.revs[part]:
                await self._read_part(part, state)
        self._id = state.id
        self.failure = None
        if not self.ready:
            self.ready = True
            for part in self.revs:
                self._told(part, None)

    async def _read_part(self, part: str, seen: State) -> None:
        names = self._missed(part, seen.revs.get(part, 0))
        state, found = await self._reader.read(Question(part, names))
        rev = state.revs.get(part, 0)
        if names is not None and (rev != seen.revs.get(part, 0) or state.id != self._id):
            self._again = True  # there is more by now
            return
        if names is None:
            self.entries[part] = {name: raw for name, raw in found[part].items() if raw is not None}
        else:
            names = frozenset(name for name, raw in found[part].items() if self._set(part, name, raw))
        self.revs[part] = rev
        self._news[part].clear()
        if names is None or names:  # what we wrote ourselves is no news
            self._told(part, names)

    def _missed(self, part: str, rev: int) -> frozenset[str] | None:
        """What has changed since the revision that we know; None where that is not known."""
        known = self.revs[part]
        wanted = range(known + 1, rev + 1)
        news = self._news[part]
        if known < 0 or rev < known or len(wanted) > MOST or not all(news.get(one) for one in wanted):
            return None
        return frozenset(name for one in wanted for name in news[one])
