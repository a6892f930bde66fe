"""gwt.cli.offline: which files are documents, and what they would make."""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.cli.offline import Unreadable, files_below, read_store, store_path
from gwt.configuration import load, parse


def test_files_are_named_as_the_store_names_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.yaml", "sub/a.yml", "c.txt", ".hidden.yaml"):
        (tmp_path / name).touch()
    assert [name for name, _ in files_below(tmp_path)] == ["b.yaml", "sub/a.yml"]
    assert [name for name, _ in files_below(tmp_path / "c.txt")] == ["c.txt"]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"gone.yaml: No such file"):
        read_store([tmp_path / "gone.yaml"])


def test_the_store_of_a_configuration() -> None:
    base = Path("/etc/gwt/gateway.yaml")
    assert store_path(parse("store: file:./r\n", base, {})) == Path("/etc/gwt/r")
    assert store_path(parse("store: 'memory:'\n", base, {})) is None
    demo = store_path(load(None))
    assert demo is not None
    assert demo.is_file()


def test_files_of_one_name_in_two_directories_are_two(tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.yaml").write_text(f"name: {folder}\nhosts: 5\n")
    found = read_store([tmp_path / "a", tmp_path / "b"])
    assert {(Path(one.file).parent.name, one.name) for one in found.problems} == {("a", "a"), ("b", "b")}
