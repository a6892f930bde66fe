from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gwt.store.heap import WORTH_IT, Heap


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    gc.unfreeze()
    yield
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


def test_who_has_turned_collection_off_finds_it_off() -> None:
    gc.disable()
    heap = Heap()
    heap.loading()
    heap.settled(0)
    assert not gc.isenabled()
