from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from gwt.delta import Delta
from gwt.model.route import Route
from gwt.store.base import StoreError
from gwt.store.file import MANY, SMALL, FileStore
from gwt.store.loading import Loaded, load
from gwt.store.pace import Pacer

QUIET = 0.05
ROUTE = "name: {}\nhosts: [{}.x]\nservices: [{{upstream: u, paths: [{{uri: /}}]}}]\n"


class Elsewhere:
    """In the place of children: loads at once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.closed = False

    def load(self, path: str, name: str, known: bytes | None, pacer: Pacer) -> Deferred[Loaded]:
        self.asked.append(name)
        return succeed(load(path, name, known))

    def close(self) -> Deferred[None]:
        self.closed = True
        return succeed(None)


class World:
    """A directory, a store of it, and the Deltas that it gave."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock, self.elsewhere = root, Clock(), Elsewhere()
        self.store = FileStore(
            str(root),
            self.clock,
            outside=self.elsewhere,  # type: ignore[arg-type]
            quiet=QUIET,
            wall=lambda: self.wall,
        )
        self.wall = 10**18
        self.deltas: list[Delta] = []

    def write(self, name: str, text: str, age: int = 10**10) -> None:
        """`age` in ns by the wall clock."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(self.wall - age, self.wall - age))
        self.wall += 10**9

    def finish(self, work: Deferred[Any]) -> Any:
        found: list[Any] = []
        work.addBoth(found.append)
        while not found:
            self.clock.advance(QUIET)
        if hasattr(found[0], "raiseException"):
            found[0].raiseException()
        return found[0]

    def start(self) -> Delta:
        self.finish(self.store.start(self.deltas.append))
        return self.deltas.pop()

    def pull(self) -> Delta | None:
        self.finish(self.store.pull())
        return self.deltas.pop() if self.deltas else None


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_first_look_takes_everything_in_as_one(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.write("deep/b.yaml", ROUTE.format("b", "b"))
    assert set(world.start().routes) == {"a", "b"}
    assert "2 files" in world.store.describe()


def test_an_empty_directory_is_a_first_content_too(world: World) -> None:
    assert not world.start()


def test_a_missing_directory_is_told_at_once(tmp_path: Path) -> None:
    world = World(tmp_path / "none")
    with pytest.raises(StoreError, match=r"none.*No such file"):
        world.start()


def test_changes_additions_and_removals_are_noticed(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.write("b.yaml", ROUTE.format("b", "b"))
    world.start()
    assert world.pull() is None
    world.write("a.yaml", ROUTE.format("a", "new"))
    world.write("c.yaml", ROUTE.format("c", "c"))
    (world.root / "b.yaml").unlink()
    delta = world.pull()
    assert delta is not None
    assert {name: route and route.hosts for name, route in delta.routes.items()} == {
        "a": ("new.x",),
        "b": None,
        "c": ("c.x",),
    }
    assert world.pull() is None


def test_a_touched_file_is_not_parsed_again(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()
    world.write("a.yaml", ROUTE.format("a", "a"), age=5 * 10**9)
    assert world.pull() is None


def test_a_change_within_the_same_tick_is_noticed(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"), age=0)
    world.start()
    before = (world.root / "a.yaml").stat().st_mtime_ns
    (world.root / "a.yaml").write_text(ROUTE.format("a", "b"))
    os.utime(world.root / "a.yaml", ns=(before, before))
    delta = world.pull()
    assert delta is not None
    assert isinstance(delta.routes["a"], Route)
    assert delta.routes["a"].hosts == ("b.x",)


def test_a_file_that_does_not_hold_still_is_left_for_the_next_look(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()
    world.write("a.yaml", "hosts: [half")
    work = world.store.pull()
    world.write("a.yaml", ROUTE.format("a", "whole"))
    world.finish(work)
    assert world.deltas == []
    delta = world.pull()
    assert delta is not None
    assert delta.problems is None
    assert delta.routes["a"].hosts == ("whole.x",)  # type: ignore[union-attr]


def test_a_file_that_vanishes_for_a_moment_was_never_gone(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()
    (world.root / "a.yaml").unlink()
    work = world.store.pull()
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.finish(work)
    assert world.deltas == []
    assert world.pull() is None


def test_a_half_written_file_keeps_what_it_last_said(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()
    world.write("a.yaml", "hosts: [half")
    delta = world.pull()
    assert delta is not None
    assert (delta.routes, len(delta.problems or ())) == ({}, 1)


def test_a_file_that_can_not_be_read_keeps_what_it_last_said(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()
    (world.root / "a.yaml").unlink()
    (world.root / "a.yaml").symlink_to("a.yaml")
    delta = world.pull()
    assert delta is not None
    assert delta.routes == {}
    assert "can't be read" in (delta.problems or ())[0].message
    (world.root / "a.yaml").unlink()
    world.write("a.yaml", ROUTE.format("a", "a"))
    mended = world.pull()
    assert mended is not None
    assert (mended.routes, mended.problems) == ({}, ())


def test_a_directory_that_is_gone_keeps_everything(world: World, tmp_path: Path) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()
    tmp_path.rename(tmp_path.with_name("away"))
    delta = world.pull()
    assert delta is not None
    assert delta.routes == {}
    assert delta.problems
    assert world.pull() is None
    tmp_path.with_name("away").rename(tmp_path)
    mended = world.pull()
    assert mended is not None
    assert (mended.routes, mended.problems) == ({}, ())


def test_only_large_files_are_parsed_elsewhere(world: World) -> None:
    world.start()
    world.write("small.yaml", ROUTE.format("a", "a"))
    world.write("large.yaml", ROUTE.format("b", "b") + "#" * SMALL)
    delta = world.pull()
    assert delta is not None
    assert set(delta.routes) == {"a", "b"}
    assert world.elsewhere.asked == ["large.yaml"]


def test_much_at_once_is_parsed_elsewhere_whatever_the_size_of_each(world: World) -> None:
    for number in range(2):
        world.write(f"{number}.yaml", "#" * (MANY // 2 + 1))
    world.start()
    assert sorted(world.elsewhere.asked) == ["0.yaml", "1.yaml"]


def test_a_parser_that_dies_costs_its_file_only_and_is_not_asked_again(world: World) -> None:
    world.write("a.yaml", ROUTE.format("a", "a"))
    world.start()

    def die(path: str, name: str, known: bytes | None, pacer: Pacer) -> Deferred[Loaded]:
        from gwt.store.outside import failed

        world.elsewhere.asked.append(name)
        return succeed(failed(name, "the parser ended"))

    world.elsewhere.load = die  # type: ignore[method-assign]
    world.write("a.yaml", ROUTE.format("a", "new") + "#" * SMALL)
    world.write("b.yaml", ROUTE.format("b", "b"))
    delta = world.pull()
    assert delta is not None
    assert set(delta.routes) == {"b"}
    assert "the parser ended" in (delta.problems or ())[0].message
    assert world.pull() is None
    assert world.elsewhere.asked == ["a.yaml"]


def test_a_stopped_store_says_nothing_more(world: World) -> None:
    world.start()
    world.write("a.yaml", ROUTE.format("a", "a"))
    work = world.store.pull()
    world.finish(world.store.stop())
    world.finish(work)
    assert world.deltas == []
    assert world.elsewhere.closed
