"""The copy of a store on disk: when it is written and read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from gwt.store.copy import Copy, CopyError
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
