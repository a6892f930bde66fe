"""What every Reader does alike, each over a real server: read, be told, write, refuse, remember, come back."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from system.shared import SharedStore, opened
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.trial.unittest import TestCase

from gwt.store.base import StoreError
from gwt.store.commit import REMEMBERED, Commit, Conflict, Fenced
from gwt.store.follow import Question
from gwt.store.open import open_reader


class Owner:
    """Whoever a reader is for: `wait` fires once it was told what is looked for."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self._waiting: list[tuple[Any, Deferred[Any]]] = []

    def follow_from(self) -> None:
        self._note("follow")

    def heard(self, change: Any) -> None:
        self._note(change)

    def _note(self, what: Any) -> None:
        self.told.append(what)
        for one in [one for one in self._waiting if one[0](what)]:
            self._waiting.remove(one)
            one[1].callback(what)

    def wait(self, wanted: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self._waiting.append((wanted, done))
        return done


def text(**doc: Any) -> str:
    return json.dumps({"doc": doc, "source": "admin"})


def commit(entries: Any, part: str = "routes", **more: Any) -> Commit:
    return Commit(part, {part: entries}, "me", "why", 12.0, **more)


class Readers:
    """The tests; `kind` is that of the store."""

    timeout = 60
    kind: str
    store: SharedStore

    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = ExitStack()
        cls.store = cls.servers.enter_context(opened(cls.kind))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.servers.close()

    @inlineCallbacks
    def setUp(self) -> Any:
        self.store.clear()
        self.store.fill()
        self.reader, self.name = open_reader(self.store.url, reactor)
        self.owner = Owner()
        up = self.owner.wait(lambda told: told == "follow")
        self.reader.start(self.owner)
        yield up
        yield self.reader.state()

    def tearDown(self) -> Any:
        return self.reader.stop()

    @inlineCallbacks
    def refused(self, change: Commit, why: Any) -> Any:
        before = self.store.revisions()
        yield self.assertFailure(self.reader.commit(change), why)
        assert self.store.revisions() == before

    @inlineCallbacks
    def until_held(self, part: str, rev: int) -> Any:
        """What a commit has made is known to the reader."""
        while True:
            state = yield self.reader.state()
            if self.reader.holds(part, rev, state.revs):
                return state
            yield self.owner.wait(lambda told: True)

    @inlineCallbacks
    def test_all_and_what_is_named(self) -> Any:
        told = self.owner.wait(lambda told: "b" in told.names)
        self.store.write("routes", {"routes": {"a": 1, "b": 2}, "lists": {"l": []}})
        change = yield told
        assert change.part == "routes" and set(change.names) == {"a", "b", "l"}
        state = yield self.reader.state()
        assert (state.id, state.format, state.revs["routes"]) == ("a", "1", change.rev)
        again, found = yield self.reader.read(Question("routes", None))
        assert again == state
        assert found == {"routes": {"a": b"1", "b": b"2"}, "rules": {}, "lists": {"l": b"[]"}, "consumers": {}}
        _, found = yield self.reader.read(Question("routes", frozenset(["a", "x"])))
        assert found["routes"] == {"a": b"1", "x": None}
        assert (yield self.reader.entry("routes", "b")) == b"2"
        assert (yield self.reader.entry("routes", "x")) is None

    @inlineCallbacks
    def test_a_commit_is_made_told_and_remembered(self) -> Any:
        told = self.owner.wait(lambda told: "a" in told.names)
        first = yield self.reader.commit(commit({"a": text(n=1)}))
        yield told
        state = yield self.until_held("routes", first)
        assert self.reader.revision(state.revs) == first
        second = yield self.reader.commit(commit({"a": None, "b": text(n=2)}))
        assert self.store.entries("routes") == {"b": json.loads(text(n=2))}
        history = yield self.reader.history()
        assert [(one.rev, one.actor, one.reason, one.time) for one in history] == [
            (first, "me", "why", 12.0), (second, "me", "why", 12.0)
        ]  # fmt: skip
        assert history[0].changed == {"a": (None, json.loads(text(n=1)))}
        assert history[1].changed == {"a": (json.loads(text(n=1)), None), "b": (None, json.loads(text(n=2)))}

    @inlineCallbacks
    def test_whoever_expects_another_revision_changes_nothing(self) -> Any:
        first = yield self.reader.commit(commit({"a": text(n=1)}))
        second = yield self.reader.commit(commit({"a": text(n=2)}))
        yield self.refused(commit({"a": None}, expected=first), Conflict)
        yield self.refused(commit({"b": None}, expected=first), Conflict)
        third = yield self.reader.commit(commit({"a": None}, expected=second))
        yield self.refused(commit({"a": "{}"}, expected=second), Conflict)  # what was deleted has changed, too
        state = yield self.until_held("routes", third)
        expected = self.reader.expected("routes", state.revs)
        yield self.reader.commit(commit({"a": text(n=4)}, expected=expected))

    @inlineCallbacks
    def test_a_part_expects_nothing_of_the_other(self) -> Any:
        rev = yield self.reader.commit(commit({"n/s:80": "{}"}, "services"))
        state = yield self.until_held("services", rev)
        expected = self.reader.expected("services", state.revs)
        yield self.reader.commit(commit({"a": text()}))
        rev = yield self.reader.commit(commit({"n/s:80": None}, "services", expected=expected))
        yield self.refused(commit({"n/s:80": "1"}, "services", expected=expected - 1), Conflict)
        yield self.until_held("services", rev)
        told = self.owner.wait(lambda told: told.part == "services")
        self.store.service("n/t:80", "10.0.0.1:80")
        yield told
        yield self.refused(commit({"n/s:80": "1"}, "services", expected=expected), Conflict)
        assert len((yield self.reader.history())) == 1

    @inlineCallbacks
    def test_epochs_and_formats(self) -> Any:
        yield self.reader.commit(commit({"a": text()}, epoch=3))
        yield self.refused(commit({"a": None}, epoch=2), Fenced)
        yield self.reader.commit(commit({"b": text()}))  # no controller
        yield self.reader.commit(commit({"a": None}, epoch=3))
        assert self.store.get("epoch") == "3"
        yield self.reader.commit(commit({"c": text()}, epoch=4))
        assert self.store.get("epoch") == "4"
        self.store.put("format", "2")
        yield self.refused(commit({"a": text()}), StoreError)

    @inlineCallbacks
    def test_an_empty_store_gets_an_id(self) -> Any:
        self.store.clear()
        yield self.reader.commit(commit({"a": text()}, epoch=1))
        assert self.store.get("id") not in (None, "a") and self.store.get("format") == "1"

    @inlineCallbacks
    def test_as_much_as_fits_is_written_at_once(self) -> Any:
        names = [f"n/s{number}:80" for number in range(self.reader.most)]
        yield self.reader.commit(commit(dict.fromkeys(names, "{}"), "services"))
        yield self.reader.commit(commit(dict.fromkeys(names, text()), "routes", epoch=1))
        assert self.store.entries("services").keys() == self.store.entries("routes").keys() == set(names)

    @inlineCallbacks
    def test_so_much_is_remembered(self) -> Any:
        for number in range(REMEMBERED + 3):
            rev = yield self.reader.commit(commit({"a": text(n=number)}))
        yield self.until_held("routes", rev)
        yield self.reader.commit(commit({"a": text(n="last")}))
        history = yield self.reader.history()
        assert len(history) == REMEMBERED == len(self.store.remembered())
        assert history[-1].changed["a"][1]["doc"] == {"n": "last"}

    @inlineCallbacks
    def test_gone_and_back(self) -> Any:
        yield self.reader.commit(commit({"a": text()}))
        self.store.stop()
        yield self.assertFailure(self.reader.state(), StoreError)
        yield self.assertFailure(self.reader.commit(commit({"a": None})), StoreError)
        self.store.start()
        while True:
            try:
                yield self.reader.state()
                break
            except StoreError:
                wait: Deferred[None] = Deferred()
                reactor.callLater(0.05, wait.callback, None)
                yield wait
        _, found = yield self.reader.read(Question("routes", None))
        assert found["routes"].keys() == {"a"}
        told = self.owner.wait(lambda told: told != "follow" and "b" in told.names)
        while not told.called:
            self.store.write("routes", {"routes": {"b": 1}})
            wait = Deferred()
            reactor.callLater(0.05, wait.callback, None)
            yield wait


class RedisReaderTests(Readers, TestCase):
    kind = "redis"


class EtcdReaderTests(Readers, TestCase):
    kind = "etcd"
