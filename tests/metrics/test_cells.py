from __future__ import annotations

import os
from pathlib import Path

import pytest

from gwt.metrics import cells as cells_module
from gwt.metrics.cells import CELLS, STEP, WASTE, PrivateCells, SharedCells
from gwt.metrics.shared import is_alive


def test_fresh_cells_are_zero_and_apart(tmp_path: Path) -> None:
    for store in (PrivateCells(), SharedCells(tmp_path)):
        first, second = store.take(3), store.take(1)
        assert first >= WASTE
        assert second == first + 3
        assert list(store.cells[first : second + 1]) == [0] * 4


def test_floats_are_the_same_memory() -> None:
    store = PrivateCells()
    index = store.take(1)
    store.floats[index] = 0.5
    assert store.cells[index] != 0
    store.cells[index] = 0
    assert store.floats[index] == 0.0


def test_cells_may_sink_below_zero() -> None:
    store = PrivateCells()
    store.cells[store.take(1)] -= 1


def test_when_all_cells_are_taken_the_waste_bin_is_left(tmp_path: Path) -> None:
    for store in (PrivateCells(), SharedCells(tmp_path)):
        assert store.take(CELLS) == 0
        assert store.take(1) != 0
        store.cells[0] += 1


def test_only_what_is_used_takes_room(tmp_path: Path) -> None:
    store = SharedCells(tmp_path)
    file = tmp_path / f"{store.id}.cells"
    assert file.stat().st_size == CELLS * 8
    assert file.stat().st_blocks * 512 <= STEP * 8 * 2
    for _ in range(STEP):
        store.cells[store.take(1)] = 1
    assert file.stat().st_blocks * 512 <= STEP * 8 * 4


def test_a_full_disk_costs_new_label_sets_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SharedCells(tmp_path)
    names = tmp_path / f"{store.id}.names"
    assert store.note(b"one\n")
    monkeypatch.setattr(cells_module.os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    assert store.take(STEP) == 0
    assert store.take(1) != 0
    write = os.write
    monkeypatch.setattr(cells_module.os, "write", lambda fd, data: write(fd, data[:2]))
    assert not store.note(b"two\n")
    monkeypatch.undo()
    assert store.note(b"three\n")
    assert names.read_bytes() == b"one\nthree\n"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SharedCells(tmp_path / "no")


def test_whoever_counts_is_seen_to_live(tmp_path: Path) -> None:
    first, second = SharedCells(tmp_path), SharedCells(tmp_path)
    assert first.id != second.id
    assert is_alive(tmp_path / f"{first.id}.names")
    assert is_alive(tmp_path / f"{second.id}.names")
    assert not list(tmp_path.glob("*.new"))
