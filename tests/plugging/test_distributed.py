"""Plugins in Python packages, found by Twisted's plugin system."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gwt.plugging.distributed import distributed
from gwt.plugins.request_id import RequestId

CODE = """
from dataclasses import dataclass
from gwt.phase.plugin import Plugin

@dataclass(frozen=True)
class Far(Plugin):
    name = "far"
    def access(self, ctx): ...
"""


@pytest.fixture
def package(tmp_path: Path) -> Iterator[ModuleType]:
    """A package of another name, with two directories as two distributions would make them."""
    for part in ("one", "two"):
        (tmp_path / part / "faraway").mkdir(parents=True)
    (tmp_path / "one/faraway/__init__.py").write_text(
        "from twisted.plugin import pluginPackagePaths\n__path__.extend(pluginPackagePaths(__name__))\n"
    )
    sys.path[:0] = [str(tmp_path / "one"), str(tmp_path / "two")]
    import faraway  # type: ignore[import-not-found]

    yield faraway
    del sys.path[:2]
    for name in [name for name in sys.modules if name.partition(".")[0] == "faraway"]:
        del sys.modules[name]


def test_gwts_own_are_found_once() -> None:
    types, broken = distributed({})
    assert broken == [] and [kind.name for kind in types].count("request-id") == 1
    again, _ = distributed({kind.cls: kind for kind in types})
    assert {id(kind) for kind in again} == {id(kind) for kind in types}
    (own,) = [kind for kind in types if kind.cls is RequestId]
    assert own.place.endswith("request_id.py")


def test_another_distribution_adds_its_own_while_we_run(package: ModuleType, tmp_path: Path) -> None:
    assert distributed({}, package) == ([], [])
    (tmp_path / "two/faraway/far.py").write_text(CODE)
    types, broken = distributed({}, package)
    assert [kind.name for kind in types] == ["far"] and broken == []


def test_what_can_not_be_imported_is_told(package: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "two/faraway/sick.py").write_text("import nothing_of_this_name")
    (tmp_path / "two/faraway/bad.py").write_text(CODE.replace("(frozen=True)", ""))
    (tmp_path / "two/faraway/helper.py").write_text("x = 1")
    types, broken = distributed({}, package)
    assert types == []
    assert {one.place.rpartition("/")[2]: one.why.partition(":")[0] for one in broken} == {
        "bad.py": "its class needs @dataclass(frozen=True)",
        "faraway.sick": "ModuleNotFoundError",
    }
