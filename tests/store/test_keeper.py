"""The copy of a store on disk: when it is written and read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from gwt.store.copy import Copy, CopyError, read_copy
from gwt.store.file import at_once
from gwt.store.keeper import AFTER, Keeper

COPY = Copy("a", {"routes": 1}, {"routes": {"x": b"{}"}})


def result(deferred: Any) -> Any:
    told: list[Any] = []
    deferred.addBoth(told.append)
    return told[0]


def test_many_changes_are_written_once_after_a_while(tmp_path: Path) -> None:
    clock, made = Clock(), list[int]()

    def now() -> Copy:
        made.append(1)
        return COPY

    keeper = Keeper(str(tmp_path / "copy"), "s", clock, at_once, now)
    assert result(keeper.read()).check(CopyError)
    keeper.changed()
    keeper.changed()
    assert os.listdir(tmp_path) == []
    clock.advance(AFTER)
    assert result(keeper.read()) == COPY and len(made) == 1 and clock.getDelayedCalls() == []
    keeper.end()
    assert len(made) == 1


def test_the_end_writes_what_is_left(tmp_path: Path) -> None:
    clock = Clock()
    keeper = Keeper(str(tmp_path / "copy"), "s", clock, at_once, lambda: COPY)
    keeper.changed()
    keeper.end()
    assert result(keeper.read()) == COPY and clock.getDelayedCalls() == []


class Thread:
    """Does what it was asked for when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Deferred[Any], Any, Any]] = []

    def __call__(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.asked.append((Deferred(), function, arguments))
        return self.asked[-1][0]

    def work(self) -> None:
        done, function, arguments = self.asked.pop(0)
        maybeDeferred(function, *arguments).chainDeferred(done)


def test_an_older_one_that_is_being_written_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    clock, thread, newest = Clock(), Thread(), COPY
    keeper = Keeper(str(tmp_path / "copy"), "s", clock, thread, lambda: newest)
    keeper.changed()
    clock.advance(AFTER)
    newest = COPY._replace(revs={"routes": 2})
    keeper.changed()
    clock.advance(AFTER)
    assert len(thread.asked) == 1, "one at a time"
    ended: list[None] = []
    keeper.end().addCallback(ended.append)
    assert not ended
    thread.work()
    assert ended == [None] and read_copy(str(tmp_path / "copy"), "s") == newest and clock.getDelayedCalls() == []


def test_the_end_waits_for_what_is_being_written(tmp_path: Path) -> None:
    clock, thread = Clock(), Thread()
    keeper = Keeper(str(tmp_path / "none" / "copy"), "s", clock, thread, lambda: COPY)
    keeper.changed()
    clock.advance(AFTER)
    ended: list[None] = []
    keeper.end().addCallback(ended.append)
    assert not ended
    thread.work()
    assert ended == [None] and os.listdir(tmp_path) == []
    assert result(keeper.end()) is None


def test_what_changed_while_one_was_being_written_is_written_after_it(tmp_path: Path) -> None:
    clock, thread, newest = Clock(), Thread(), COPY
    keeper = Keeper(str(tmp_path / "copy"), "s", clock, thread, lambda: newest)
    keeper.changed()
    clock.advance(AFTER)
    keeper.changed()
    clock.advance(AFTER)
    thread.work()
    newest = COPY._replace(revs={"routes": 2})
    clock.advance(AFTER)
    thread.work()
    assert read_copy(str(tmp_path / "copy"), "s") == newest and clock.getDelayedCalls() == []


def test_nothing_yet_and_no_room(tmp_path: Path) -> None:
    clock = Clock()
    empty = Keeper(str(tmp_path / "copy"), "s", clock, at_once, lambda: None)
    empty.changed()
    clock.advance(AFTER)
    lost = Keeper(str(tmp_path / "none" / "copy"), "s", clock, at_once, lambda: COPY)
    for _ in range(2):
        lost.changed()
        clock.advance(AFTER)
    lost.changed()
    lost.end()
    assert os.listdir(tmp_path) == []
