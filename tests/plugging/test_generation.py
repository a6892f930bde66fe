"""The code of one file: loaded, judged, and gone without a trace once nothing of it can run any more."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gwt.phase.plugin import Plugin
from gwt.phase.plugintype import BadPlugin
from gwt.plugging.generation import load

CODE = """
from __future__ import annotations
from dataclasses import dataclass, field
from gwt.phase.plugin import Plugin, Seconds

HELPFUL = [1, 2, 3]

@dataclass(frozen=True)
class Part:
    word: str = "w"

@dataclass(frozen=True)
class Mine(Plugin):
    name = "mine"
    wait: Seconds = 1.0
    parts: tuple[Part, ...] = ()

    def access(self, ctx):
        return helper()

def helper():
    return HELPFUL
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def test_a_file_becomes_a_type(file: Path) -> None:
    kind = load(file)
    assert (kind.name, kind.place) == ("mine", str(file))
    made: Any = kind.make({"wait": "1m", "parts": [{"word": "x"}]})
    assert made.wait == 60 and made.parts[0].word == "x" and made.access(None) == [1, 2, 3]
    assert not any(name.endswith("_mine") for name in sys.modules)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def broken(:", r"line 1: "),
        ("\n\n1 / 0", r"line 3: ZeroDivisionError"),
        ("import nothing_of_this_name", r"line 1: ModuleNotFoundError"),
        ("x = 1", "this one has none"),
        ("from gwt.phase.plugin import Plugin\nclass A(Plugin):\n    name = 'a'", "frozen=True"),
        (CODE + "\n@dataclass(frozen=True)\nclass Other(Plugin):\n    name = 'other'", "this one has mine, other"),
        (CODE.replace("Seconds = 1.0", "Nowhere = 1.0"), "no schema"),
        ("from gwt.plugins.request_id import RequestId", "this one has none"),
        ("\0", "null bytes"),
        ("\nraise SystemExit(3)", "line 2: SystemExit: 3"),
    ],
)
def test_what_is_no_plugin(tmp_path: Path, code: str, said: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(code)
    before = set(sys.modules)
    with pytest.raises(BadPlugin, match=said):
        load(path)
    assert not {name for name in set(sys.modules) - before if "bad" in name}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing is collected: what goes does so by reference count, or by hand."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_generation_goes_with_its_last_instance(file: Path, uncollected: None) -> None:
    kind = load(file)
    made: Any = kind.make({})
    helper = weakref.ref(vars(kind.keeper.module)["helper"])
    method = weakref.ref(kind.cls.access)  # type: ignore[attr-defined]
    del kind
    assert made.access(None) == [1, 2, 3]  # as long as it may run it is whole
    del made
    assert helper() is None and method() is None


def test_two_hundred_generations_leave_nothing(file: Path, uncollected: None) -> None:
    def classes() -> int:
        return sum(cls.__module__.endswith("_mine") for cls in Plugin.__subclasses__())

    for _ in range(20):
        load(file).make({})
    gc.collect()
    assert classes() == 0
    gc.freeze()
    try:
        before = len(gc.get_objects())
        for _ in range(200):
            load(file).make({})
        grown = len(gc.get_objects()) - before
        assert grown < 200 * 40  # shells of classes, which nothing refers to: a collector takes them
        gc.collect()
        assert classes() == 0 and len(gc.get_objects()) - before < 200
    finally:
        gc.unfreeze()
