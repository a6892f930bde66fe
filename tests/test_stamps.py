"""gwt.stamps: what tells two states of a file apart, and when it does not."""

from __future__ import annotations

import os
from pathlib import Path

from gwt.stamps import RACY_NS, racy, stamp_of


def test_a_stamp_tells_states_of_a_file_apart(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    stamps = {stamp_of(os.stat(path))}
    path.write_text("three")
    stamps.add(stamp_of(os.stat(path)))
    os.utime(path, ns=(1, 1))
    stamps.add(stamp_of(os.stat(path)))
    (tmp_path / "b").write_text("three")
    os.utime(tmp_path / "b", ns=(1, 1))
    (tmp_path / "b").rename(path)
    stamps.add(stamp_of(os.stat(path)))
    assert len(stamps) == 4


def test_a_young_stamp_may_hide_a_change() -> None:
    stamp = (1_000, 10, 1, 1)
    assert racy(stamp, 1_000) and racy(stamp, 1_000 + RACY_NS - 1)
    assert racy(stamp, 0), "the clock of the file system is ahead"
    assert not racy(stamp, 1_000 + RACY_NS)
