"""The copy of a store on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.store.copy import Copy, CopyError, read_copy, write_copy

COPY = Copy("a", {"routes": 3, "services": 9}, {"routes": {"x": b'{"doc": {}}'}, "services": {"n/s:80": b"\xff\n\r"}})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = str(tmp_path / "copy")
    write_copy(path, "redis://a", COPY)
    write_copy(path, "redis://a", COPY)
    assert read_copy(path, "redis://a") == COPY
    assert os.listdir(tmp_path) == ["copy"] and os.stat(path).st_mode & 0o777 == 0o600


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.binary(), max_size=4))
def test_whatever_it_is(tmp_path_factory: pytest.TempPathFactory, entries: dict[str, bytes]) -> None:
    path = str(tmp_path_factory.getbasetemp() / "copy")
    copy = Copy("a", {}, {"routes": entries} if entries else {})
    write_copy(path, "s", copy)
    assert read_copy(path, "s") == copy


def test_another_store_s_is_not_taken(tmp_path: Path) -> None:
    write_copy(str(tmp_path / "copy"), "redis://a", COPY)
    with pytest.raises(CopyError, match="another store"):
        read_copy(str(tmp_path / "copy"), "redis://b")


@pytest.mark.parametrize("cut", [0, 1, 30, -1, -20])
def test_a_damaged_one_is_none(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "copy"
    write_copy(str(path), "s", COPY)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CopyError):
        read_copy(str(path), "s")


@pytest.mark.parametrize("text", ["{}\n", "[]\n", '{"gwt-copy": 2}\n', "[[[[", "null", "1"])
def test_what_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "copy").write_text(text)
    with pytest.raises(CopyError):
        read_copy(str(tmp_path / "copy"), "s")


def test_no_file_and_no_room(tmp_path: Path) -> None:
    with pytest.raises(CopyError, match="No such file"):
        read_copy(str(tmp_path / "copy"), "s")
    with pytest.raises(OSError):
        write_copy(str(tmp_path / "none" / "copy"), "s", COPY)
    assert os.listdir(tmp_path) == []
