from __future__ import annotations

import pytest
from twisted.internet.testing import MemoryReactorClock

from gwt.store.base import StoreError
from gwt.store.file import FileStore
from gwt.store.memory import MemoryStore
from gwt.store.open import check_url, open_store


class Reactor(MemoryReactorClock):
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


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://h/0", "Redis at h:6379 (0 routes, 0 services)"),
        ("redis+unix:///run/r.sock", "Redis at /run/r.sock (0 routes, 0 services)"),
        ("redis+sentinel://:secret@h/n", "Redis n of the Sentinels h:26379 (0 routes, 0 services)"),
        ("etcd://u:secret@h,[::1]:3", "etcd at h:2379, [::1]:3 (0 routes, 0 services)"),
    ],
)
def test_shared_stores(url: str, told: str) -> None:
    assert open_store(url, Reactor()).describe() == told


@pytest.mark.parametrize(
    "url", ["redis://u@secret", "redis+sentinel://h", "rediss://h?ca=/no/such/file", "etcd://", "etcds://h?ca=/no"]
)
def test_what_can_t_be_reached_by_what_is_written(url: str) -> None:
    with pytest.raises(StoreError, match=r"^store: ") as caught:
        open_store(url, Reactor())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["./routes", "", "file:", "file://host/routes", "memory:x", "postgres://u:secret@h/db"])
def test_what_is_no_store_is_one_line_without_secrets(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url, Reactor())
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "store" in str(caught.value)


@pytest.mark.parametrize("url", ["file:", "file://host/x", "memory:x", "redis://h/x", "etcd://h?y=1", "rediss://:p"])
def test_a_url_is_refused_before_anything_is_opened(url: str) -> None:
    with pytest.raises(StoreError, match=r"^store: "):
        check_url(url)


@pytest.mark.parametrize("url", ["file:x", "memory:", "redis://:p@h:1/0?prefix=x", "etcd://h:1"])
def test_a_url_that_will_do(url: str) -> None:
    check_url(url)
