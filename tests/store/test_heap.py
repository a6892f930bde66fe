from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from gwt.store.heap import CROWD, MUCH, WINDOW, WORTH_IT, Heap


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    gc.unfreeze()
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_while_the_first_content_is_loaded() -> None:
    heap = Heap()
    heap.loading()
    assert not gc.isenabled()
    heap.settled(1)
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_later_changes_are_frozen_when_they_add_up() -> None:
    heap = Heap()
    heap.settled(WORTH_IT // 2)
    assert gc.get_freeze_count() == 0
    heap.settled(WORTH_IT // 2)
    assert gc.get_freeze_count() > 0


def test_much_work_at_once_is_frozen_as_it_goes_on() -> None:
    heap = Heap()
    heap.worked(0.0, MUCH / 2)
    assert gc.get_freeze_count() == 0
    heap.worked(WINDOW / 2, MUCH / 2)
    assert gc.get_freeze_count() > 0


def test_as_much_work_in_little_pieces_is_not() -> None:
    heap = Heap()
    for number in range(20):
        heap.worked(number * WINDOW, MUCH / 5)
    assert gc.get_freeze_count() == 0


def test_who_has_turned_collection_off_finds_it_off() -> None:
    gc.disable()
    heap = Heap()
    heap.loading()
    heap.settled(0)
    assert not gc.isenabled()


def test_a_crowd_of_clients_is_frozen_as_it_comes() -> None:
    heap = Heap()
    heap.connected(CROWD - 1)
    assert gc.get_freeze_count() == 0
    heap.connected(CROWD)
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    heap.connected(2 * CROWD - 1)
    assert gc.get_freeze_count() == 0
    heap.connected(2 * CROWD)
    assert gc.get_freeze_count() > 0


def test_a_crowd_that_comes_after_another_has_left_is_frozen_too() -> None:
    heap = Heap()
    heap.connected(CROWD)
    heap.connected(0)
    gc.unfreeze()
    heap.connected(CROWD)
    assert gc.get_freeze_count() > 0


def test_garbage_is_not_frozen() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    found = weakref.ref(Cycle())
    heap = Heap()
    heap.connected(CROWD)
    assert found() is None


def test_a_crowd_turns_no_collection_on() -> None:
    gc.disable()
    Heap().connected(CROWD)
    assert not gc.isenabled()
