"""A store in memory that does as Redis does: a Reader that can fail, take its time, and be written to by others."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater

from gwt.store.base import StoreError
from gwt.store.commit import Commit, Conflict, Fenced, Revision
from gwt.store.follow import PARTS, Change, Question, State

#: Seconds that an answer of a slow store takes.
SLOW = 0.003


class MemoryReader:
    """`hashes` are what it holds; `down` while it can't be asked; `deaf` while nobody hears of changes.

    Answers take their time on `slow`; without it they are there at once.
    """

    counted = True
    most = 500

    def __init__(self, slow: Clock | None = None) -> None:
        self._slow = slow
        self.down = self.deaf = False
        self.commits: list[Commit] = []
        self.revisions: list[Revision] = []
        self.owner: Any = None
        self.epoch = 0
        self.reads: list[Question] = []
        self.empty()

    def empty(self) -> None:
        """FLUSHALL."""
        self.id: str | None = None
        self.epoch = 0
        self.revs = dict.fromkeys(PARTS, 0)
        self.hashes: dict[str, dict[str, bytes]] = {"routes": {}, "services": {}, "certificates": {}}

    def write(self, part: str, name: str, text: str | None) -> None:
        """What a tool does."""
        self.id = self.id or "tools"
        self._put(part, {name: text})

    def _put(self, part: str, entries: Any) -> None:
        for name, text in entries.items():
            if text is None:
                self.hashes[part].pop(name, None)
            else:
                self.hashes[part][name] = text.encode()
        self.revs[part] += 1
        if self.owner is not None and not self.deaf and not self.down:
            self.owner.heard(Change(part, self.revs[part], tuple(entries)))

    # -- Reader

    def start(self, owner: Any) -> None:
        self.owner = owner
        owner.follow_from()

    def stop(self) -> Deferred[None]:
        self.owner = None
        return succeed(None)

    def state(self) -> Deferred[State]:
        return self._answer(State(self.id, None if self.id is None else "1", dict(self.revs)))

    def read(self, question: Question) -> Deferred[Any]:
        self.reads.append(question)
        held = self.hashes[question.part]
        found = dict(held) if question.names is None else {name: held.get(name) for name in question.names}
        return self._answer((State(self.id, "1", dict(self.revs)), {question.part: found}))

    def commit(self, commit: Commit) -> Deferred[int]:
        if self.down:
            return fail(StoreError("Redis is gone"))
        if commit.expected is not None and commit.expected != self.revs[commit.part]:
            return fail(Conflict(self.revs[commit.part]))
        if commit.epoch is not None:
            if commit.epoch < self.epoch:
                return fail(Fenced(self.epoch))
            self.epoch = commit.epoch
        self.id = self.id or "ours"
        self.commits.append(commit)
        self._put(commit.part, commit.entries[commit.part])
        return self._answer(self.revs[commit.part])

    def history(self) -> Deferred[list[Revision]]:
        return self._answer(self.revisions)

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        return self._answer(self.hashes[hash_].get(name))

    def holds(self, part: str, rev: int, revs: Any) -> bool:
        return bool(revs.get(part, -1) >= rev)

    def expected(self, part: str, revs: Any) -> int:
        return int(revs.get(part, -1))

    def revision(self, revs: Any) -> int:
        return int(revs.get("routes", 0))

    def _answer(self, value: Any) -> Deferred[Any]:
        if self.down:
            return fail(StoreError("Redis is gone"))
        return succeed(value) if self._slow is None else deferLater(self._slow, SLOW, lambda: value)
