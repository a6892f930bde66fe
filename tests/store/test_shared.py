"""gwt.store.shared over a store that is played by the test: first content, changes, losses, the copy on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from gwt.delta import Delta
from gwt.store.base import StoreError
from gwt.store.commit import Commit
from gwt.store.copy import Copy, write_copy
from gwt.store.follow import PARTS, Change, Question, State
from gwt.store.gather import SHORTEST
from gwt.store.keeper import AFTER as COPY_AFTER
from gwt.store.reach import REACH
from gwt.store.reader import Found
from gwt.store.shared import PATIENCE, RETRY, SharedStore


class Fake:
    """A store: `hashes` by name, `revs` by part; `down` fails everything, `slow` keeps answers until `release`."""

    def __init__(self) -> None:
        self.id: str | None = "a"
        self.revs = dict.fromkeys(PARTS, 1)
        self.hashes: dict[str, dict[str, bytes]] = {h: {} for hashes in PARTS.values() for h in hashes}
        self.down = self.slow = False
        self.waiting: list[tuple[Deferred[Any], Any]] = []
        self.questions: list[Question] = []
        self.store: Any = None

    def start(self, store: SharedStore) -> None:
        self.store = store

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def state(self) -> Deferred[State]:
        return self._answer(State(self.id, "1", dict(self.revs)))

    def read(self, question: Question) -> Deferred[tuple[State, Found]]:
        self.questions.append(question)
        found: dict[str, Any] = {}
        for hash_ in PARTS[question.part]:
            entries = self.hashes[hash_]
            found[hash_] = dict(entries) if question.names is None else {n: entries.get(n) for n in question.names}
        return self._answer((State(self.id, "1", dict(self.revs)), found))

    def _answer(self, value: Any) -> Deferred[Any]:
        if self.down:
            return fail(StoreError("it is down"))
        if not self.slow:
            return succeed(value)
        self.waiting.append((Deferred(), value))
        return self.waiting[-1][0]

    def release(self) -> None:
        waiting, self.waiting = self.waiting, []
        for answer, value in waiting:
            answer.callback(value)

    counted = True
    most = 500

    def expected(self, part: str, revs: Any) -> int:
        return int(revs.get(part, -1))

    def revision(self, revs: Any) -> int:
        return int(revs.get("routes", 0))

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        return succeed(self.hashes[hash_].get(name))

    def holds(self, part: str, rev: int, revs: Any) -> bool:
        return bool(revs.get(part, -1) >= rev)

    def commit(self, commit: Any) -> Deferred[int]:
        return succeed(self.revs[commit.part] + 1)

    def history(self) -> Deferred[list[Any]]:
        return succeed([])

    def put(self, name: str, told: bool = True) -> None:
        """A Route of that name."""
        document = {"hosts": [f"{name}.example.com"], "services": [{"upstream": "u", "paths": [{"uri": "/"}]}]}
        self.hashes["routes"][name] = json.dumps(document).encode()
        self._changed(name, told)

    def drop(self, name: str, told: bool = True) -> None:
        del self.hashes["routes"][name]
        self._changed(name, told)

    def _changed(self, name: str, told: bool) -> None:
        self.revs["routes"] += 1
        if told and self.store is not None:
            self.store.heard(Change("routes", self.revs["routes"], (name,)))


class Stage:
    def __init__(self, fake: Fake, copy: Path | None = None, **options: Any) -> None:
        self.fake, self.clock, self.deltas = fake, Clock(), list[Delta]()
        self.store = SharedStore(fake, self.clock, "the store", copy and str(copy), **options)
        self.failures: list[str] = []
        self.started = False
        self.store.start(self.deltas.append).addCallback(self._started)

    def _started(self, _: None) -> None:
        self.started = True

    def up(self) -> Stage:
        self.store.follow_from()
        self.clock.pump([0] * 10)
        return self

    def pull(self) -> None:
        self.store.pull().addErrback(lambda failure: self.failures.append(failure.getErrorMessage()))
        self.clock.pump([0] * 10)

    def settle(self) -> None:
        self.clock.pump([SHORTEST] * 10)

    @property
    def routes(self) -> set[str]:
        """What is in force by all Deltas so far."""
        whole = self.deltas[0]
        for delta in self.deltas[1:]:
            whole = whole.merged(delta)
        return {name for name, value in whole.routes.items() if value is not None}


def test_all_parts_make_the_first_content() -> None:
    fake = Fake()
    fake.put("a")
    fake.hashes["services"]["u"] = b'{"endpoints": [{"address": "10.0.0.1:80"}]}'
    stage = Stage(fake).up()
    assert stage.started and stage.routes == {"a"} and stage.deltas[-1].revision == 2
    assert stage.store.describe() == "the store (1 routes, 1 services)"
    assert [one.names for one in fake.questions] == [None, None, None]


def test_an_empty_store_with_an_id_is_content() -> None:
    stage = Stage(Fake()).up()
    assert stage.started and stage.routes == set()


def test_a_change_reads_what_it_names_and_nothing_else() -> None:
    fake = Fake()
    fake.put("a")
    stage = Stage(fake).up()
    before = len(stage.deltas)
    fake.put("b")
    fake.drop("a")
    stage.settle()
    assert stage.routes == {"b"} and fake.questions[3:] == [
        Question("routes", frozenset("b")),
        Question("routes", frozenset("a")),
    ]
    stage.pull()
    assert len(stage.deltas) == before + 2 and stage.deltas[-1].revision == fake.revs["routes"] and not stage.failures


def test_what_is_handed_over_has_the_revisions_of_both_parts_also_where_nothing_changed() -> None:
    fake = Fake()
    fake.put("a")
    fake.revs["services"] = 7
    stage = Stage(fake).up()
    assert (stage.deltas[-1].revision, stage.deltas[-1].services_revision) == (2, 7)
    before = len(stage.deltas)
    fake.put("a")
    stage.settle()
    stage.pull()
    (said,) = stage.deltas[before:]
    assert not said and (said.revision, said.services_revision) == (3, 7)


def test_changes_that_come_while_one_is_read_follow() -> None:
    fake = Fake()
    stage = Stage(fake).up()
    fake.slow = True
    fake.put("a")
    fake.put("b")
    fake.release()
    stage.settle()
    fake.release()
    stage.settle()
    assert stage.routes == {"a", "b"}


def test_a_message_that_was_waited_for_counts_also_while_another_part_is_read() -> None:
    fake = Fake()
    stage = Stage(fake).up()
    fake.slow = True
    fake.put("a", told=False)
    fake.put("b", told=False)
    stage.store.heard(Change("routes", fake.revs["routes"] - 1, ("a",)))
    fake.hashes["services"]["u"] = b'{"endpoints": ["10.0.0.1:80"]}'
    fake.revs["services"] += 1
    stage.store.heard(Change("services", fake.revs["services"], ("u",)))
    fake.release()  # of routes there is more than was heard of: they are passed over
    stage.settle()
    assert fake.questions[-1].part == "services" and stage.routes == set()
    fake.slow = False
    stage.store.heard(Change("routes", fake.revs["routes"], ("b",)))
    fake.release()
    stage.settle()
    assert stage.routes == {"a", "b"} and "u" in stage.deltas[-2].services


def test_of_many_changes_some_are_read_together() -> None:
    fake = Fake()
    stage = Stage(fake).up()
    before = len(stage.deltas)
    for name in "abcdef":
        fake.put(name)
        stage.clock.advance(0.005)
    stage.settle()
    assert [set(delta.routes) for delta in stage.deltas[before:]] == [{"a"}, {"b", "c", "d"}, {"e", "f"}]


def test_what_nobody_told_of_is_found_by_a_pull() -> None:
    fake = Fake()
    stage = Stage(fake).up()
    fake.put("a", told=False)
    assert stage.routes == set()
    stage.pull()
    assert stage.routes == {"a"}


def test_an_outage_keeps_what_is_in_force() -> None:
    fake = Fake()
    fake.put("a")
    stage = Stage(fake).up()
    fake.down = True
    fake.put("b", told=False)
    stage.pull()
    assert stage.failures == ["it is down"] and stage.routes == {"a"}
    fake.down = False
    stage.up()
    assert stage.routes == {"a", "b"}


def test_an_emptied_store_is_not_followed_and_a_new_one_is() -> None:
    fake = Fake()
    fake.put("a")
    stage = Stage(fake).up()
    fake.id = None
    fake.hashes["routes"].clear()
    stage.pull()
    assert "empty" in stage.failures[0] and stage.routes == {"a"}
    fake.id = "b"
    fake.put("c", told=False)
    stage.pull()
    assert stage.routes == {"c"}


def full(fake: Fake) -> None:
    """Thirty Routes."""
    for number in range(30):
        fake.put(f"r{number}")


#: What becomes of a store whose contents are another without a revision that says so.
REPLACED: dict[str, Callable[[Fake], None]] = {
    "another id": lambda fake: setattr(fake, "id", "b"),
    "no id any more": lambda fake: setattr(fake, "id", ""),
    "a revision that went back": lambda fake: fake.revs.update(routes=5),
    "another part's revision went back": lambda fake: fake.revs.update(services=0, routes=50),
}


@pytest.mark.parametrize("replace", REPLACED.values(), ids=REPLACED.keys())
def test_a_store_that_shrinks_is_held_back_and_then_believed(replace: Callable[[Fake], None]) -> None:
    fake = Fake()
    full(fake)
    stage = Stage(fake, hold=30.0).up()
    for number in range(20):
        fake.drop(f"r{number}", told=False)
    replace(fake)
    stage.pull()
    assert len(stage.routes) == 30 and "shrunk from 30 to 10 routes" in stage.failures[0]
    stage.clock.advance(29)
    stage.pull()
    assert len(stage.routes) == 30
    stage.clock.advance(1)
    stage.pull()
    assert len(stage.routes) == 10


@pytest.mark.parametrize("nameless", [False, True])
def test_deletions_that_were_missed_are_believed_and_hold_nothing_up(nameless: bool) -> None:
    fake = Fake()
    full(fake)
    stage = Stage(fake).up()
    for number in range(30):
        fake.drop(f"r{number}", told=False)
    if nameless:
        fake.store.heard(Change("routes", fake.revs["routes"], ()))
    else:
        stage.pull()
    stage.settle()
    assert stage.routes == set() and not stage.failures
    fake.put("new")
    stage.settle()
    assert stage.routes == {"new"}


@pytest.mark.parametrize("counted", [True, False])
def test_deletions_while_a_gateway_was_down_are_believed(tmp_path: Path, counted: bool) -> None:
    fake = Fake()
    fake.counted = counted
    full(fake)
    Stage(fake, tmp_path / "copy").up().store.stop()
    fake.down = True
    stage = Stage(fake, tmp_path / "copy")
    stage.clock.advance(PATIENCE)
    stage.settle()
    assert len(stage.routes) == 30
    for number in range(30):
        fake.drop(f"r{number}", told=False)
    fake.down = False
    stage.up()
    stage.pull()
    assert stage.routes == set() and not stage.failures


def test_a_store_restored_from_before_that_counts_for_itself_is_not_believed() -> None:
    fake = Fake()
    full(fake)
    stood = {31: 900, 32: 850}  # where the store is at the first count, and at the next, after it was read again
    fake.expected = lambda part, revs: stood.get(revs.get(part, -1), 0)  # type: ignore[method-assign]
    stage = Stage(fake).up()
    fake.hashes["routes"] = {}
    fake.revs["routes"] += 1
    stage.pull()
    assert len(stage.routes) == 30 and "shrunk from 30 to 0 routes" in stage.failures[0]


def test_a_store_without_an_id_is_followed_also_when_it_is_given_one() -> None:
    fake = Fake()
    fake.id = ""
    full(fake)
    stage = Stage(fake).up()
    assert stage.started and len(stage.routes) == 30
    before, fake.id = len(stage.deltas), "given"
    stage.pull()
    assert len(stage.deltas) == before and not stage.failures
    fake.id = ""
    stage.pull()
    fake.id = "given"
    fake.put("new")  # whoever gave it one has told of the change that came with it
    stage.settle()
    assert "new" in stage.routes and len(stage.routes) == 31 and not stage.failures


@pytest.mark.parametrize("further", [False, True])
def test_a_store_without_an_id_that_is_emptied_and_filled_again_takes_nothing_away(further: bool) -> None:
    fake = Fake()
    fake.id = ""
    full(fake)
    fake.hashes["services"]["u"] = b'{"endpoints": ["10.0.0.1:80"]}'
    fake.revs["services"] = 5
    stage = Stage(fake).up()
    whole = dict(fake.hashes["routes"])
    fake.id, fake.hashes["routes"], fake.hashes["services"] = None, {}, {}
    stage.pull()
    fake.id, fake.revs = "", dict.fromkeys(PARTS, 0)
    fake.revs["services"] = 6 if further else 1
    fake.hashes["services"]["new"] = b'{"endpoints": ["10.0.0.1:80"]}'
    if further:
        fake.revs["routes"] = 99  # it was seen empty: how far it is now says nothing
    stage.pull()
    assert len(stage.routes) == 30 and "new" in stage.deltas[-1].services
    assert "empty" in stage.failures[0] and "shrunk from 30 to 0 routes" in stage.failures[1]
    fake.hashes["routes"] = whole
    fake.put("more")
    stage.pull()
    assert len(stage.routes) == 31


def test_the_copy_of_a_store_without_an_id_is_used(tmp_path: Path) -> None:
    fake = Fake()
    fake.id = ""
    fake.put("a")
    Stage(fake, tmp_path / "copy").up().store.stop()
    fake.down = True
    stage = Stage(fake, tmp_path / "copy")
    stage.clock.advance(PATIENCE)
    stage.settle()
    assert stage.started and stage.routes == {"a"}


def test_how_long_is_held_back_may_change() -> None:
    fake = Fake()
    full(fake)
    stage = Stage(fake, hold=30.0).up()
    fake.id, fake.hashes["routes"] = "b", {}
    stage.pull()
    stage.store.hold(90.0)
    stage.clock.advance(60)
    stage.pull()
    assert len(stage.routes) == 30 and "30 s more" in stage.failures[-1]
    stage.store.hold(60.0)
    stage.pull()
    assert stage.routes == set()


@pytest.mark.parametrize("told", [False, True])
def test_a_store_that_is_filled_again_part_by_part_takes_nothing_away(told: bool) -> None:
    fake = Fake()
    fake.put("a")
    stage = Stage(fake, hold=30.0).up()
    fake.id, fake.revs, fake.hashes["routes"] = "b", dict.fromkeys(PARTS, 0), {}
    fake.hashes["services"]["u"] = b'{"endpoints": ["10.0.0.1:80"]}'
    fake.revs["services"] = 1
    if told:
        fake.store.heard(Change("services", 1, ("u",)))
    stage.pull()
    assert stage.routes == {"a"} and "u" in stage.deltas[-1].services
    assert "shrunk from 1 to 0 routes" in stage.failures[-1]
    fake.put("a")
    fake.put("b")
    stage.pull()
    assert stage.routes == {"a", "b"}
    fake.id, fake.hashes["routes"] = "c", {}
    stage.pull()
    assert stage.routes == {"a", "b"}
    stage.clock.advance(31)
    stage.pull()
    assert stage.routes == set()


def test_what_is_held_back_holds_nothing_else_up() -> None:
    fake = Fake()
    for number in range(30):
        fake.put(f"r{number}")
    stage = Stage(fake).up()
    fake.hashes["routes"] = {}
    fake.revs["routes"] -= 1
    stage.pull()
    asked = len(fake.questions)
    fake.hashes["services"]["u"] = b'{"endpoints": ["10.0.0.1:80"]}'
    fake.revs["services"] += 1
    stage.store.heard(Change("services", fake.revs["services"], ("u",)))
    stage.settle()
    assert fake.questions[asked:] == [Question("services", frozenset("u"))] and "u" in stage.deltas[-1].services
    assert len(stage.routes) == 30


def test_it_comes_back_before_it_is_believed() -> None:
    fake = Fake()
    for number in range(30):
        fake.put(f"r{number}")
    stage = Stage(fake, hold=30.0).up()
    whole = dict(fake.hashes["routes"])
    fake.hashes["routes"] = {}
    fake.revs["routes"] -= 1
    stage.pull()
    fake.hashes["routes"] = whole
    stage.pull()
    assert len(stage.failures) == 1 and len(stage.routes) == 30
    fake.hashes["routes"] = {}
    fake.revs["routes"] -= 1
    stage.clock.advance(31)
    stage.pull()
    assert len(stage.failures) == 2 and len(stage.routes) == 30


def test_what_is_told_of_may_shrink_at_once() -> None:
    fake = Fake()
    for number in range(30):
        fake.put(f"r{number}")
    stage = Stage(fake).up()
    for number in range(30):
        fake.drop(f"r{number}")
    stage.settle()
    assert stage.routes == set() and not stage.failures


def test_the_copy_is_written_after_changes_and_used_when_the_store_is_down(tmp_path: Path) -> None:
    fake = Fake()
    fake.put("a")
    stage = Stage(fake, tmp_path / "copy").up()
    stage.clock.advance(COPY_AFTER)
    fake.down = True
    again = Stage(fake, tmp_path / "copy")
    again.clock.advance(PATIENCE)
    again.settle()
    assert again.started and again.routes == {"a"}
    fake.put("b", told=False)
    fake.down = False
    again.up()
    assert again.routes == {"a", "b"}


def test_a_copy_says_nothing_of_where_a_store_is_that_counts_for_itself(tmp_path: Path) -> None:
    fake = Fake()
    fake.put("a")
    fake.revs["routes"] = 1
    Stage(fake, tmp_path / "copy").up().store.stop()
    fake.put("b", told=False)
    fake.revs["routes"], fake.counted, fake.down = 1, False, True  # another process counts from the beginning
    again = Stage(fake, tmp_path / "copy")
    again.clock.advance(PATIENCE)
    again.settle()
    assert again.routes == {"a"}
    fake.down = False
    assert again.up().routes == {"a", "b"}


def test_a_store_that_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    fake = Fake()
    fake.put("a")
    Stage(fake, tmp_path / "copy").up().store.stop()
    fake.slow = True
    stage = Stage(fake, tmp_path / "copy").up()
    stage.clock.advance(PATIENCE)
    assert not stage.started
    waiting, fake.waiting, fake.slow, fake.down = fake.waiting, [], False, True
    waiting[0][0].errback(StoreError("no answer"))
    for _ in range(3):
        stage.clock.advance(RETRY)
        stage.settle()
    assert stage.started and stage.routes == {"a"}


def test_the_copy_is_written_at_the_end(tmp_path: Path) -> None:
    fake = Fake()
    fake.put("a")
    Stage(fake, tmp_path / "copy").up().store.stop()
    assert b'"a"' in (tmp_path / "copy").read_bytes()


def test_the_end_comes_when_the_copy_is_written(tmp_path: Path) -> None:
    fake, thread, ended = Fake(), list[Deferred[None]](), list[Any]()
    fake.put("a")

    def in_thread(*_: Any) -> Deferred[None]:
        thread.append(Deferred())
        return thread[-1]

    stage = Stage(fake, tmp_path / "copy", in_thread=in_thread).up()
    stage.clock.advance(COPY_AFTER)
    fake.put("b")
    stage.settle()
    stage.store.stop().addCallback(ended.append)
    assert ended == []
    thread[0].callback(None)
    assert ended == [None] and b'"b"' in (tmp_path / "copy").read_bytes()


def test_a_copy_made_while_a_part_of_a_new_store_is_held_back_is_whole(tmp_path: Path) -> None:
    fake = Fake()
    for number in range(30):
        fake.put(f"r{number}")
    stage = Stage(fake, tmp_path / "copy").up()
    whole, fake.hashes["routes"], fake.id = fake.hashes["routes"], {}, "b"  # filled again, services first
    stage.pull()
    assert "shrunk" in stage.failures[0]
    stage.store.stop()
    fake.down = True
    again = Stage(fake, tmp_path / "copy")
    again.clock.advance(PATIENCE)
    again.settle()
    assert again.started and len(again.routes) == 30
    fake.hashes["routes"], fake.down = whole, False
    fake.put("more", told=False)
    again.up()
    assert len(again.routes) == 31


def test_a_copy_of_another_store_is_not_used(tmp_path: Path) -> None:
    write_copy(str(tmp_path / "copy"), "another", Copy("x", {"routes": 1, "services": 1}, {}))
    fake = Fake()
    fake.down = True
    stage = Stage(fake, tmp_path / "copy")
    stage.clock.advance(PATIENCE)
    stage.settle()
    assert not stage.started
    fake.down = False
    stage.up()
    assert stage.started


def test_no_room_for_a_copy_is_only_a_pity(tmp_path: Path) -> None:
    fake = Fake()
    stage = Stage(fake, tmp_path / "none" / "copy").up()
    fake.put("a")
    stage.clock.advance(COPY_AFTER)
    stage.store.stop()
    assert stage.routes == {"a"}


def test_without_content_it_is_tried_again() -> None:
    fake = Fake()
    fake.id = None
    stage = Stage(fake).up()
    assert not stage.started
    fake.id = "a"
    stage.clock.advance(RETRY)
    stage.settle()
    assert stage.started


def test_a_commit_is_reached_once_it_is_in_force_here_or_the_time_is_up() -> None:
    fake = Fake()
    stage, told = Stage(fake).up(), list[int]()

    def commit() -> None:
        made = stage.store.commit(Commit("routes", {}, "me"))
        made.addCallback(lambda rev: stage.store.reached("routes", rev)).addCallback(told.append)

    commit()
    assert told == []
    fake.put("a")
    stage.settle()
    assert told == [fake.revs["routes"]] and stage.routes == {"a"}
    stage.store.reached("routes", fake.revs["routes"]).addCallback(told.append)
    assert told.pop() == told[0]
    commit()
    stage.clock.advance(REACH)
    assert told[1:] == [fake.revs["routes"] + 1]
    fake.put("b")
    stage.settle()


def test_nothing_comes_after_the_end() -> None:
    fake = Fake()
    stage = Stage(fake).up()
    fake.slow = True
    fake.put("a")
    stage.store.stop()
    fake.release()
    stage.settle()
    fake.put("b")
    assert stage.routes == set() and stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize("raw", [b"{", b"null", b'{"hosts": 1}'])
def test_a_bad_entry_stops_no_other(raw: bytes) -> None:
    fake = Fake()
    fake.hashes["routes"]["bad"] = raw
    fake.put("a")
    stage = Stage(fake).up()
    assert "a" in stage.routes and any(delta.problems for delta in stage.deltas)
