"""gwt.following: what a store's URL comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock

from gwt.configuration import parse
from gwt.following import PATIENCE, Following, Place, follows
from gwt.limiter.cluster import ClusterLimiter
from gwt.limiter.node import NodeLimiter
from gwt.model.settings import Settings, load_settings
from gwt.store.base import StoreError
from gwt.store.resolved import ResolvedStore
from gwt.zones.arena import PrivateArena


class Reactor(MemoryReactorClock):
    """As much of one as opening needs."""

    def getThreadPool(self) -> None:
        return None


class Refresher:
    """Starts when the test says so."""

    def __init__(self, started: Deferred[Any]) -> None:
        self._started, self.stopped = started, False

    def start(self) -> Deferred[Any]:
        return self._started

    def stop(self) -> Deferred[None]:
        self.stopped = True
        return succeed(None)


def following(url: str, reactor: Any = None, documents: str = "") -> Following:
    reactor = reactor or Reactor()
    settings, _ = load_settings(f"store: {url!r}\n", "gateway.yaml", {})
    assert isinstance(settings, Settings)
    return Following(Place(reactor, reactor.seconds, PrivateArena(), "n", documents), settings, Path("/"))


@pytest.mark.parametrize("url", ["file:./routes", "memory:"])
def test_a_store_of_one_s_own_is_not_written_to_and_shares_nothing(url: str) -> None:
    one = following(url)
    assert one.writable is None and isinstance(one.limiter, NodeLimiter)
    one.share()
    assert one.part().called
    assert isinstance(one.store, ResolvedStore)


def test_the_demo_s_documents() -> None:
    assert "1 sources" in following("memory:", documents="hosts: [a]\n").store.describe()


def test_a_redis_is_written_to_and_shared() -> None:
    one = following("redis://127.0.0.1:1")
    assert one.writable is one.store and isinstance(one.limiter, ClusterLimiter)


def test_of_an_etcd_each_counts_its_part() -> None:
    one = following("etcd://127.0.0.1:1")
    assert one.writable is one.store and isinstance(one.limiter, NodeLimiter)


def test_how_long_a_shrunk_store_is_held_back_may_change_while_it_is_followed() -> None:
    one = following("redis://127.0.0.1:1")
    told = list[float]()
    one.store.hold = told.append  # type: ignore[union-attr, method-assign, attr-defined]
    settings, _ = load_settings("store: redis://127.0.0.1:1\nshrink_hold: 7\n", "gateway.yaml", {})
    assert isinstance(settings, Settings)
    one.refit(settings)
    assert told == [7.0]
    following("file:./routes").refit(settings)  # where nothing is held back


def test_one_that_can_t_be_opened() -> None:
    with pytest.raises(StoreError):
        following("redis://127.0.0.1:1/x")


def test_a_shared_store_is_waited_for_for_a_while() -> None:
    reactor = Reactor()
    one, refresher, told = following("redis://127.0.0.1:1", reactor), Refresher(Deferred()), list[Any]()
    one.begin(refresher).addErrback(told.append)  # type: ignore[arg-type]
    assert not told
    reactor.advance(PATIENCE)
    assert told[0].check(StoreError) and "15 s" in told[0].getErrorMessage() and refresher.stopped


def test_files_are_waited_for_as_long_as_they_take() -> None:
    reactor, started, told = Reactor(), Deferred[Any](), list[Any]()
    following("file:./routes", reactor).begin(Refresher(started)).addBoth(told.append)  # type: ignore[arg-type]
    reactor.advance(10 * PATIENCE)
    assert not told
    started.callback(None)
    assert told == [None]
    refresher = Refresher(fail(StoreError("no such directory")))
    following("file:./routes", reactor).begin(refresher).addErrback(told.append)  # type: ignore[arg-type]
    assert told[1].getErrorMessage() == "no such directory" and refresher.stopped


@pytest.mark.parametrize(
    ("text", "path", "same"),
    [
        ("store: file:./routes\n", "/a/g.yaml", True),
        ("drain: 1\n", "/a/g.yaml", True),
        ("shrink_hold: 1\n", "/a/g.yaml", True),
        ("store: file:./other\n", "/a/g.yaml", False),
        ("refresh: 2\n", "/a/g.yaml", False),
        ("external_name: {allow: []}\n", "/a/g.yaml", False),
        ("store: file:./routes\n", "/b/g.yaml", False),
    ],
)
def test_a_new_store_is_followed_only_where_it_is_another(text: str, path: str, same: bool) -> None:
    before = parse("store: file:./routes\n", Path("/a/g.yaml"), {})
    assert (follows(parse(text, Path(path), {})) == follows(before)) is same
