"""Stores that several controllers write to, each over a connection of its own on a Clock of its own: one that does as
Redis does, and an etcd behind the reader that gwt has of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from controller.memory import MemoryReader
from store.played_etcd import Etcd
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from gwt.etcd.address import Address
from gwt.etcd.client import EtcdError
from gwt.etcd.messages import b64
from gwt.store.base import StoreError
from gwt.store.etcd import EtcdReader
from gwt.store.follow import Change

#: Seconds for a question to come there, and for its answer.
WAY: Final = 0.001

#: Entries of a commit: few, so that there are many.
MOST: Final = 3


class Line:
    """A connection on `clock`: `asked` does something there, and brings the outcome back."""

    def __init__(self, clock: Any, lost: Callable[[], Exception | None]) -> None:
        self._clock, self._lost = clock, lost

    def asked(self, call: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred(lambda _: None)
        self._clock.callLater(WAY, self._there, call, done)
        return done

    def _there(self, call: Callable[[], Deferred[Any]], done: Deferred[Any]) -> None:
        found: list[Any] = []
        call().addBoth(found.append)
        lost = self._lost()
        self._clock.callLater(WAY, self._back, done, found[0] if lost is None else Failure(lost))

    def _back(self, done: Deferred[Any], result: Any) -> None:
        if not done.called:
            done.addErrback(lambda failure: (failure.check(CancelledError) and None) or failure)
            done.callback(result)


class PlayedRedis:
    """`deaf`: nobody hears of changes. `lose`: the answer to the next question is lost, what it did is done."""

    def __init__(self) -> None:
        self.memory = MemoryReader()
        self.memory.owner = self
        self.sessions: list[Session] = []
        self.deaf = self.lose = False
        self._saved: Any = None

    def reader(self, clock: Any) -> Session:
        return Session(self, clock)

    def entries(self, part: str) -> dict[str, bytes]:
        return dict(self.memory.hashes[part])

    @property
    def mark(self) -> Any:
        """Another one whenever anything was written."""
        return self.memory.id, dict(self.memory.revs)

    @property
    def epoch(self) -> int:
        return self.memory.epoch

    def write(self, part: str, name: str, text: str | None) -> None:
        """What a tool does."""
        self.memory.write(part, name, text)

    def empty(self) -> None:
        self.memory.empty()

    def save(self) -> None:
        """A replica has this."""
        memory = self.memory
        self._saved = copy.deepcopy((memory.id, memory.epoch, memory.revs, memory.hashes))

    def fail_over(self) -> bool:
        """The replica takes over, with what it has; whether there is one."""
        if self._saved is None:
            return False
        memory = self.memory
        memory.id, memory.epoch, memory.revs, memory.hashes = copy.deepcopy(self._saved)
        self.reconnect()
        return True

    def set_down(self, down: bool) -> None:
        was, self.memory.down = self.memory.down, down
        if was and not down:
            self.reconnect()

    def reconnect(self) -> None:
        for one in self.sessions:
            one.later(lambda owner: owner.follow_from())

    def heard(self, change: Change) -> None:
        for one in self.sessions:
            if not self.deaf:
                one.later(lambda owner: owner.heard(change))

    def drop(self, reader: Any) -> None:
        """Whoever read has died."""
        if reader in self.sessions:
            self.sessions.remove(reader)

    def lost(self) -> Exception | None:
        lose, self.lose = self.lose, False
        return StoreError("the connection broke") if lose else None


class Session:
    """A Reader of a PlayedRedis."""

    counted = True
    most = MOST

    def __init__(self, store: PlayedRedis, clock: Any) -> None:
        self._store, self._memory, self._clock = store, store.memory, clock
        self._line = Line(clock, store.lost)
        self._owner: Any = None

    def start(self, owner: Any) -> None:
        self._owner = owner
        self._store.sessions.append(self)
        self.later(lambda owner: owner.follow_from())

    def stop(self) -> Deferred[None]:
        self._owner = None
        self._store.drop(self)
        return succeed(None)

    def later(self, tell: Callable[[Any], None]) -> None:
        self._clock.callLater(WAY, lambda: self._owner is None or tell(self._owner))

    def state(self) -> Deferred[Any]:
        return self._line.asked(self._memory.state)

    def read(self, question: Any) -> Deferred[Any]:
        return self._line.asked(lambda: self._memory.read(question))

    def commit(self, commit: Any) -> Deferred[int]:
        return self._line.asked(lambda: self._memory.commit(commit))

    def history(self) -> Deferred[Any]:
        return self._line.asked(self._memory.history)

    def entry(self, hash_: str, name: str) -> Deferred[Any]:
        return self._line.asked(lambda: self._memory.entry(hash_, name))

    def holds(self, part: str, rev: int, revs: Any) -> bool:
        return self._memory.holds(part, rev, revs)

    def expected(self, part: str, revs: Any) -> int:
        return self._memory.expected(part, revs)

    def revision(self, revs: Any) -> int:
        return self._memory.revision(revs)


class PlayedEtcd:
    """As PlayedRedis, by gwt's own EtcdReader."""

    def __init__(self) -> None:
        self.etcd = Etcd()
        self.watches: list[PlayedWatch] = []
        self.deaf = self.lose = False
        self.compacted = 0
        self._saved: Any = None

    def reader(self, clock: Any) -> EtcdReader:
        made: Any = EtcdReader(clock, Address(("http://played",)))
        made._client, made.most = PlayedClient(self, clock), MOST
        return made  # type: ignore[no-any-return]

    def entries(self, part: str) -> dict[str, bytes]:
        start = f"/gwt/{part}/"
        return {key.removeprefix(start): raw for key, (raw, _) in self.etcd.keys.items() if key.startswith(start)}

    @property
    def mark(self) -> Any:
        return self.etcd.rev

    @property
    def epoch(self) -> int:
        return int(self.etcd.keys.get("/gwt/epoch", (b"0", 0))[0])

    def write(self, part: str, name: str, text: str | None) -> None:
        self.etcd.rev += 1
        if "/gwt/id" not in self.etcd.keys:
            self.etcd.set("/gwt/id", b"tools")
            self.etcd.set("/gwt/format", b"1")
        self.etcd.set(f"/gwt/{part}/{name}", None if text is None else text.encode())
        self.news()

    def empty(self) -> None:
        self.etcd.rev += 1
        for key in list(self.etcd.keys):
            self.etcd.set(key, None)
        self.news()

    def save(self) -> None:
        self._saved = copy.deepcopy((self.etcd.rev, self.etcd.keys, self.etcd.log))

    def fail_over(self) -> bool:
        """Restored from what was saved: watches break."""
        if self._saved is None:
            return False
        self.etcd.rev, self.etcd.keys, self.etcd.log = copy.deepcopy(self._saved)
        self.reconnect()
        return True

    def set_down(self, down: bool) -> None:
        self.etcd.down = down
        if down:
            self.reconnect()

    def reconnect(self) -> None:
        """Watches end, and whatever is older is forgotten."""
        self.compacted = self.etcd.rev
        for one in list(self.watches):
            one.later(lambda one=one: one.over("the connection broke"))  # type: ignore[misc]

    def news(self) -> None:
        for one in self.watches:
            one.later(one.pump)

    def drop(self, reader: Any) -> None:
        self.watches = [one for one in self.watches if one.client is not reader._client]

    def lost(self) -> Exception | None:
        lose, self.lose = self.lose, False
        return EtcdError("the connection broke") if lose else None


class PlayedClient:
    """What a reader asks through."""

    def __init__(self, store: PlayedEtcd, clock: Any) -> None:
        self.store, self.clock = store, clock
        self._line = Line(clock, store.lost)

    def ask(self, path: str, question: Any) -> Deferred[Any]:
        return self._line.asked(lambda: self._done(path, question))

    def _done(self, path: str, question: Any) -> Deferred[Any]:
        answer = self.store.etcd.ask(path, question)
        self.store.news()
        return answer

    def watch(self, question: Any, heard: Any, over: Any) -> PlayedWatch:
        return PlayedWatch(self, int(question["start_revision"]), heard, over)

    def close(self) -> Deferred[None]:
        return succeed(None)


class PlayedWatch:
    """Tells of revision after revision, each whole."""

    def __init__(self, client: PlayedClient, begin: int, heard: Any, over: Any) -> None:
        self.client, self._store, self._next, self._heard, self._over = client, client.store, begin, heard, over
        self._store.watches.append(self)
        self.later(self.pump)

    def later(self, call: Callable[[], None]) -> None:
        self.client.clock.callLater(WAY, call)

    def pump(self) -> None:
        if self not in self._store.watches or self._store.deaf:
            return
        if self._store.etcd.down:
            self.over("nobody answers")
            return
        while (told := [one for one in self._store.etcd.log if one[0] >= self._next]) and self in self._store.watches:
            rev = told[0][0]
            self._next = rev + 1
            self._heard({"events": [_event(*one) for one in told if one[0] == rev]})

    def over(self, why: str) -> None:
        if self in self._store.watches:
            self._store.watches.remove(self)
            self._over(why)

    def stop(self) -> None:
        if self in self._store.watches:
            self._store.watches.remove(self)


def _event(rev: int, key: str, value: bytes | None) -> Any:
    if value is None:
        return {"type": "DELETE", "kv": {"key": b64(key), "mod_revision": str(rev)}}
    return {"kv": {"key": b64(key), "value": b64(value), "mod_revision": str(rev)}}
