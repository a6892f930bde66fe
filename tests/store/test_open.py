from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from gwt.store.base import StoreError
from gwt.store.file import FileStore
from gwt.store.memory import MemoryStore
from gwt.store.open import open_store


class Reactor(Clock):
    """As much of one as opening needs."""

    def getThreadPool(self) -> None:
        return None


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("file:./routes", "/etc/gwt/routes"),
        ("file:routes", "/etc/gwt/routes"),
        ("file:../other", "/etc/other"),
        ("file:/var/routes", "/var/routes"),
        ("file:///var/routes", "/var/routes"),
    ],
)
def test_a_directory_is_relative_to_where_the_configuration_stands(url: str, directory: str) -> None:
    store = open_store(url, Reactor(), "/etc/gwt")
    assert isinstance(store, FileStore)
    assert store.describe() == f"file:{directory} (0 files)"


def test_memory() -> None:
    assert isinstance(open_store("memory:", Reactor()), MemoryStore)
    assert isinstance(open_store("memory://", Reactor()), MemoryStore)


@pytest.mark.parametrize("url", ["redis://h:6379/0", "rediss://h", "redis+sentinel://h/n", "etcd://h:2379"])
def test_what_is_not_there_yet_says_so(url: str) -> None:
    with pytest.raises(StoreError, match="not in this version"):
        open_store(url, Reactor())


@pytest.mark.parametrize("url", ["./routes", "", "file:", "file://host/routes", "memory:x", "postgres://u:secret@h/db"])
def test_what_is_no_store_is_one_line_without_secrets(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url, Reactor())
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "store" in str(caught.value)
