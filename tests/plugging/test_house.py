"""The life of plugins in files: added, changed, broken, mended, removed; and how little is looked at for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gwt.phase.plugintype import PluginType
from gwt.plugging import house as module
from gwt.plugging.house import QUIET, House

CODE = """
from __future__ import annotations
from dataclasses import dataclass
from gwt.phase.plugin import Plugin

@dataclass(frozen=True)
class Made(Plugin):
    name = "{name}"
    version = "{version}"
    def access(self, ctx): ...
"""


def write(directory: Path, name: str, version: str = "1", file: str = "") -> Path:
    path = directory / f"{file or name}.py"
    path.write_text(CODE.format(name=name, version=version))
    return path


def versions(house: House) -> dict[str, str]:
    return {name: kind.cls.version for name, kind in house.installed.types.items() if kind.place.endswith("py") and
            "site-packages" not in kind.place and name.startswith("my-")}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House([tmp_path])
    made.look()
    return made


def test_added_changed_and_removed(house: House, tmp_path: Path) -> None:
    path = write(tmp_path, "my-a")
    assert house.look() == {"my-a"} and versions(house) == {"my-a": "1"}
    assert house.look() == frozenset()
    write(tmp_path, "my-a", "22")
    assert house.look() == {"my-a"} and versions(house) == {"my-a": "22"}
    path.unlink()
    assert house.look() == {"my-a"} and versions(house) == {}


def test_what_has_not_changed_is_the_same_object(house: House, tmp_path: Path) -> None:
    write(tmp_path, "my-a")
    house.look()
    kind, installed = house.installed.types["my-a"], house.installed
    write(tmp_path, "my-b")
    assert house.look() == {"my-b"}
    assert house.installed.types["my-a"] is kind and house.installed is not installed
    before = house.installed
    assert house.look(thorough=False) == frozenset() and house.installed is before


def test_a_broken_file_leaves_what_there_was(house: House, tmp_path: Path) -> None:
    path = write(tmp_path, "my-a")
    house.look()
    path.write_text("def broken(:")
    assert house.look() == frozenset() and versions(house) == {"my-a": "1"}
    (broken,) = [one for one in house.installed.broken if one.place == str(path)]
    assert broken.name == "my-a" and broken.why.startswith("line 1: ") and "stays in force" in broken.why
    write(tmp_path, "my-a", "3")
    house.look()
    assert versions(house) == {"my-a": "3"} and house.installed.broken == ()


def test_a_new_file_that_is_broken_is_said_once_it_is_looked_at(house: House, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    house.look()
    assert ["none" in one.why and "stays" not in one.why for one in house.installed.broken] == [True]


def test_what_was_written_just_now_is_not_read_in_passing(tmp_path: Path) -> None:
    now = [0]
    house = House([tmp_path], wall=lambda: now[0])
    path = write(tmp_path, "my-a")
    now[0] = path.stat().st_mtime_ns + QUIET // 2
    assert house.look(thorough=False) == frozenset()
    now[0] += QUIET
    assert house.look(thorough=False) == {"my-a"}


def test_in_passing_nobody_asks_pythons_packages(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(module, "distributed", lambda known: asked.append(known) or ([], []))
    house.look(thorough=False)
    assert asked == []
    house.look()
    assert len(asked) == 1


def test_hidden_and_other_files_are_none(house: House, tmp_path: Path) -> None:
    for name in (".hidden.py", "_private.py", "notes.txt", "x.pyc", "test_mine.py", "conftest.py"):
        (tmp_path / name).write_text("not python")
    house.look()
    assert house.installed.broken == ()


def test_the_first_directory_wins_and_the_other_is_told(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for directory, version in ((one, "1"), (two, "2")):
        directory.mkdir()
        write(directory, "my-a", version)
    house = House([one, two])
    house.look()
    assert versions(house) == {"my-a": "1"}
    assert [one.name for one in house.installed.broken] == ["my-a"]


def test_a_directory_that_can_not_be_read_keeps_what_it_had(house: House, tmp_path: Path) -> None:
    write(tmp_path, "my-a")
    house.look()
    os.rename(tmp_path, tmp_path.with_name("away"))
    assert house.look() == frozenset() and versions(house) == {"my-a": "1"}
    assert "can't be read" in house.installed.broken[0].why
    assert house.look(thorough=False) == frozenset()
    os.rename(tmp_path.with_name("away"), tmp_path)
    house.look(thorough=False)
    assert house.installed.broken == ()


def test_an_objection_keeps_a_new_one_out(tmp_path: Path) -> None:
    def objection(kind: PluginType) -> str | None:
        return "not this one" if kind.cls.version == "2" else None

    house = House([tmp_path], objection)
    write(tmp_path, "my-a")
    house.look()
    write(tmp_path, "my-a", "2")
    assert house.look() == frozenset() and versions(house) == {"my-a": "1"}
    assert house.installed.broken[0].why.startswith("not this one")


def test_elsewhere_what_is_read_is_not_read_again(house: House, tmp_path: Path) -> None:
    write(tmp_path, "my-a")
    house.look()
    other = house.elsewhere([tmp_path])
    assert other.look() == frozenset()
    assert house.elsewhere([]).look() == {"my-a"}
    assert versions(house) == {"my-a": "1"}


def test_those_that_come_with_gwt_are_there(house: House) -> None:
    assert {"request-id", "response-rewrite"} <= house.installed.types.keys()
