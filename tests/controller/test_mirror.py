"""The Mirror: what the store holds, whoever changed it."""

from __future__ import annotations

from typing import Any

import pytest
from controller.memory import MemoryReader
from twisted.internet.task import Clock

from gwt.controller.mirror import ALWAYS, LOOK, Mirror
from gwt.store.commit import Commit, Conflict
from gwt.store.reach import REACH


class Rig:
    def __init__(self) -> None:
        self.reader, self.clock, self.told = MemoryReader(), Clock(), list[Any]()
        self.mirror = Mirror(self.reader, self.clock, lambda part, names: self.told.append((part, names)))

    def started(self) -> Rig:
        self.mirror.start()
        self.told.clear()
        self.reader.reads.clear()
        return self


def test_an_empty_store_is_taken_as_it_is() -> None:
    rig = Rig()
    rig.mirror.start()
    assert rig.mirror.known and rig.mirror.entries == {"routes": {}, "services": {}}
    assert ("routes", None) in rig.told


def test_what_others_write_is_read_by_name() -> None:
    rig = Rig()
    rig.reader.write("services", "old", "1")
    rig.started()
    rig.reader.write("services", "a", "2")
    assert rig.mirror.entries["services"] == {"old": b"1", "a": b"2"}
    assert rig.told == [("services", frozenset({"a"}))]
    assert [one.names for one in rig.reader.reads] == [frozenset({"a"})]


def test_what_nobody_told_of_is_found_by_a_look() -> None:
    rig = Rig()
    rig.reader.write("routes", "a", "1")
    rig.started()
    rig.reader.deaf = True
    rig.reader.write("routes", "a", None)
    assert rig.mirror.entries["routes"]
    rig.clock.advance(LOOK)
    assert not rig.mirror.entries["routes"] and rig.told == [("routes", None)]


def test_our_own_commits_are_not_read_again() -> None:
    rig = Rig().started()
    assert rig.mirror.commit(Commit("routes", {"routes": {"a": "1", "b": None}}, "x", expected=0)).result == 1
    rig.clock.advance(LOOK)
    assert rig.mirror.entries["routes"] == {"a": b"1"}
    assert [one for one in rig.told if one[0] == "routes"] == []


def test_what_is_written_again_as_it_is_is_no_news() -> None:
    rig = Rig()
    rig.reader.write("services", "a", "1")
    rig.started()
    rig.reader.write("services", "a", "1")
    assert rig.reader.reads and rig.told == [] and rig.mirror.revs["services"] == 2


def test_where_revisions_are_not_counted_a_commit_waits_until_it_is_read() -> None:
    rig = Rig().started()
    rig.reader.counted, rig.reader.deaf = False, True
    made: list[int] = []
    rig.mirror.commit(Commit("routes", {"routes": {"a": "1"}}, "x", expected=0)).addCallback(made.append)
    assert rig.mirror.entries["routes"] == {"a": b"1"} and made == []
    rig.clock.advance(LOOK)
    assert made == [1] and rig.mirror.expected("routes") == 1
    rig.mirror._reader.holds = lambda *_: False  # type: ignore[method-assign]
    rig.mirror.commit(Commit("routes", {"routes": {"a": "2"}}, "x", expected=1)).addCallback(made.append)
    assert made == [1]
    rig.clock.advance(REACH)
    assert made == [1, 2]


def test_a_store_that_was_emptied() -> None:
    rig = Rig()
    rig.reader.write("services", "a", "1")
    rig.started()
    rig.reader.empty()
    rig.clock.advance(LOOK)
    assert rig.mirror.entries["services"] == {} and ("services", None) in rig.told


def test_gone_and_back() -> None:
    rig = Rig().started()
    rig.reader.down = True
    rig.clock.advance(LOOK)
    assert not rig.mirror.known and not rig.told
    assert rig.mirror.failure == "Redis is gone"
    rig.reader.down = False
    rig.clock.advance(LOOK)
    assert rig.mirror.failure is None
    assert rig.mirror.known and set(rig.told) == {("services", None), ("routes", None)}


def test_a_conflict_is_the_callers() -> None:
    rig = Rig().started()
    rig.reader.deaf = True
    rig.reader.write("routes", "a", "1")
    failure: Any = rig.mirror.commit(Commit("routes", {"routes": {}}, "x", expected=0))
    with pytest.raises(Conflict):
        failure.result.raiseException()
    failure.addErrback(lambda _: None)


def test_the_end() -> None:
    rig = Rig().started()
    rig.mirror.stop()
    rig.mirror.look()
    assert rig.reader.reads == [] and not rig.clock.getDelayedCalls()


def test_of_other_parts_than_it_is_for_nothing_is_read() -> None:
    rig = Rig()
    rig.reader.write("certificates", "a", "1")
    rig.mirror.start()
    assert rig.mirror.known and {one.part for one in rig.reader.reads} == {"services", "routes"}
    told: list[Any] = []
    mirror = Mirror(rig.reader, rig.clock, lambda part, names: told.append(part), (*ALWAYS, "certificates"))
    mirror.start()
    assert mirror.entries["certificates"] == {"a": b"1"} and "certificates" in told
