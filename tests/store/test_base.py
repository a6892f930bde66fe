from __future__ import annotations

import inspect
from typing import Any

import pytest
from twisted.internet.task import Clock

from gwt.store.base import Store
from gwt.store.file import FileStore
from gwt.store.memory import MemoryStore


@pytest.mark.parametrize("store", [MemoryStore(Clock()), FileStore(".", Clock())])
def test_every_store_can_do_all_that_a_store_can(store: Any) -> None:
    for name, wanted in inspect.getmembers(Store, inspect.isfunction):
        if not name.startswith("_"):
            given = inspect.signature(getattr(type(store), name))
            assert list(given.parameters) == list(inspect.signature(wanted).parameters), name


def test_descriptions_are_one_line() -> None:
    assert MemoryStore(Clock()).describe() == "memory: (0 sources)"
    assert "\n" not in FileStore("routes", Clock()).describe()
