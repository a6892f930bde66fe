from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

import gwt.store.refresh
from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.delta import Delta
from gwt.model.route import Access, EndpointSpec, Path, Route, Service, ServiceSpec
from gwt.snapshot import Current
from gwt.steps import Steps
from gwt.store.base import Apply, StoreError
from gwt.store.refresh import Refresher, RefreshEvent
from gwt.surroundings import Surroundings

SURROUNDINGS = Surroundings(Registry(lambda: 0.0, lambda: 0.5))


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


class HandStore:
    """A store whose changes come from a test."""

    def __init__(self) -> None:
        self.apply: Apply = lambda delta: None
        self.first: Deferred[None] = Deferred()
        self.pulls = 0
        self.broken: Exception | None = None
        self.stopped = False

    def start(self, apply: Apply) -> Deferred[None]:
        self.apply = apply
        return self.first

    def pull(self) -> Deferred[None]:
        self.pulls += 1
        return succeed(None) if self.broken is None else fail(self.broken)

    def stop(self) -> Deferred[None]:
        self.stopped = True
        return succeed(None)

    def describe(self) -> str:
        return "by hand"


class World:
    def __init__(self) -> None:
        self.clock, self.store = Clock(), HandStore()
        self.current = Current(empty_snapshot(SURROUNDINGS))
        self.events: list[RefreshEvent] = []
        self.refresher = Refresher(self.store, self.current, SURROUNDINGS, self.clock, 1.0, self.events.append)

    def start(self, delta: Delta) -> None:
        started = self.refresher.start()
        self.store.apply(delta)
        self.store.first.callback(None)
        self.settle()
        assert started.called

    def settle(self) -> None:
        """Let all that is under way be done; no time passes."""
        for _ in range(1000):
            self.clock.advance(0)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def world() -> World:
    return World()


def route(name: str, host: str = "x") -> dict[str, Route]:
    return {name: Route(name, (host,), services=(Service(upstream="u", paths=(Path("/"),)),))}


def hosts(world: World) -> list[str]:
    return sorted(pattern for pattern, _ in world.current.snapshot.router.entries())


def test_the_start_ends_when_the_first_snapshot_is_in_force(world: World) -> None:
    started = world.refresher.start()
    assert not started.called
    world.store.apply(Delta(1, route("a")))
    world.store.first.callback(None)
    world.settle()
    assert started.called
    assert hosts(world) == ["x"]
    assert world.kinds == ["applied"]


def test_a_store_that_can_not_start_fails_the_start_and_leaves_collection_on(world: World) -> None:
    started = world.refresher.start()
    caught: list[Any] = []
    started.addErrback(lambda failure: caught.append(failure.check(StoreError)))
    world.store.first.errback(StoreError("gone"))
    assert caught == [StoreError]
    assert gc.isenabled()


def test_it_pulls_once_an_interval(world: World) -> None:
    world.start(Delta(1))
    assert world.store.pulls == 0
    for _ in range(3):
        world.clock.advance(1.0)
    assert world.store.pulls == 3


def test_a_failed_pull_is_reported_and_the_next_comes_all_the_same(world: World) -> None:
    world.start(Delta(1, route("a")))
    world.store.broken = OSError("away")
    world.clock.advance(1.0)
    world.store.broken = None
    world.clock.advance(1.0)
    assert world.kinds == ["applied", "pull_failed"]
    assert world.store.pulls == 2
    assert hosts(world) == ["x"]


def test_changes_are_put_in_force_as_they_come(world: World) -> None:
    world.start(Delta(1, route("a")))
    world.store.apply(Delta(2, route("b", "y")))
    world.settle()
    world.store.apply(Delta(3, {"a": None}, {"u": ServiceSpec("u", (EndpointSpec("10.0.0.1:80"),))}))
    world.settle()
    assert hosts(world) == ["y"]
    assert world.current.snapshot.upstreams["u"].endpoints[0].address == "10.0.0.1:80"
    assert world.current.snapshot.revision == 3


def test_changes_of_one_turn_come_into_force_as_one(world: World) -> None:
    world.start(Delta(1))
    world.store.apply(Delta(2, route("a", "x")))
    world.store.apply(Delta(3, route("b", "y")))
    settled = world.refresher.settled()
    assert not settled.called
    world.settle()
    assert settled.called
    assert [event.revision for event in world.events] == [1, 3]


def test_changes_that_overlap_come_into_force_as_one(world: World) -> None:
    world.start(Delta(1))
    world.refresher._pacer.budget = 0.0  # a turn of the loop for every step
    world.store.apply(Delta(2, route("a", "x")))
    world.refresher._begin()  # its turn has come
    world.store.apply(Delta(3, route("b", "y")))
    world.store.apply(Delta(4, {"a": None}))
    assert hosts(world) == []
    world.settle()
    assert hosts(world) == ["y"]
    assert [event.revision for event in world.events] == [1, 2, 4]


def test_other_surroundings_are_of_the_revision_that_is_on_its_way(world: World) -> None:
    world.start(Delta(1))
    world.refresher._pacer.budget = 0.0
    world.store.apply(Delta(2, route("a", "x")))
    world.refresher._begin()  # its turn has come
    world.refresher.reconfigure(SURROUNDINGS)
    world.settle()
    assert world.current.snapshot.revision == 2 and hosts(world) == ["x"]


def test_a_snapshot_is_swapped_whole(world: World) -> None:
    world.start(Delta(1))
    world.refresher._pacer.budget = 0.0
    seen: list[list[str]] = []
    world.current.watch(lambda snapshot: seen.append(hosts(world)))
    world.store.apply(Delta(2, {**route("a", "x"), **route("b", "y")}))
    world.settle()
    assert seen == [["x", "y"]]


def test_a_change_that_can_not_be_compiled_is_tried_again_and_nothing_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start(Delta(1, route("a")))

    def broken(*args: Any) -> Steps[Any]:
        raise MemoryError("no room")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(gwt.store.refresh, "compile_delta", broken)
        world.store.apply(Delta(2, route("b", "y")))
        world.settle()
        world.store.apply(Delta(3, {"a": None}))
        world.settle()
    assert world.kinds == ["applied", "compile_failed", "compile_failed"]
    assert hosts(world) == ["x"]
    world.clock.advance(1.0)
    world.settle()
    assert hosts(world) == ["y"]
    assert world.kinds[-1] == "applied"


def test_other_surroundings_come_into_force_with_their_own_swap(world: World) -> None:
    world.start(Delta(1, route("a")))
    done = world.refresher.reconfigure(replace(SURROUNDINGS, access=Access(auth_type="login")))
    world.settle()
    assert done.called
    ((_, entry),) = world.current.snapshot.router.entries()
    assert entry.target.closed is not None
    world.store.apply(Delta(2, route("b", "y")))
    world.settle()
    assert all(entry.target.closed for _, entry in world.current.snapshot.router.entries())


def test_states_of_endpoints_that_are_gone_expire(world: World) -> None:
    expired: list[int] = []
    world.start(Delta(1))
    SURROUNDINGS.registry.expire = lambda *args: expired.append(1)  # type: ignore[method-assign]
    try:
        world.clock.advance(1.0)
    finally:
        del SURROUNDINGS.registry.expire  # type: ignore[method-assign]
    assert expired == [1]


def test_after_the_stop_nothing_comes_into_force(world: World) -> None:
    world.start(Delta(1, route("a")))
    world.refresher._pacer.budget = 0.0
    world.store.apply(Delta(2, route("b", "y")))
    world.refresher.stop()
    world.settle()
    world.store.apply(Delta(3, route("c", "z")))
    world.settle()
    assert hosts(world) == ["x"]
    assert world.store.stopped
    assert world.clock.getDelayedCalls() == []
    assert world.kinds == ["applied"]
