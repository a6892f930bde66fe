"""Plugins through changes: what is compiled again, who lives on, what requests in flight end with, what is left."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import Any, ClassVar

import pytest
from edge.rig import Rig, uses
from phase.plugins import Later, recorder

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.leaf import Leaf
from gwt.model.route import Path, PluginUse, Route, Rule, Service, Source
from gwt.phase.installed import Installed
from gwt.phase.plugin import Config, Plugin
from gwt.phase.plugintype import PluginType
from gwt.plugging.generation import load
from gwt.snapshot import Snapshot
from gwt.surroundings import Surroundings

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Lives(Plugin):
    name = "lives"
    events: ClassVar[list[str]] = []
    id: str = "1"

    def start(self, tools: Any) -> None:
        self.events.append(f"start {self.id}")

    def stop(self) -> None:
        self.events.append(f"stop {self.id}")

    def header_filter(self, ctx: Any) -> None:
        ctx.answer.add_header("X-Lives", self.id)


@dataclass(frozen=True)
class Told(Plugin):
    name = "told"
    heard: ClassVar[list[Config]] = []

    def on_config(self, config: Config) -> None:
        self.heard.append(config)

    def access(self, ctx: Any) -> None: ...


@dataclass(frozen=True)
class Unwise(Plugin):
    name = "unwise"
    size: int = 1

    def warnings(self) -> list[tuple[str, str]]:
        return [("size", "it is small"), ("", "think twice")]

    def access(self, ctx: Any) -> None: ...


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Lives.events.clear()
    Told.heard.clear()
    Later.waiting.clear()
    gc.collect()
    gc.disable()  # nothing here may need a collector
    yield
    gc.enable()


def route(name: str, line: int = 1, **plugins: Any) -> Route:
    said = {key.replace("_", "-"): conf for key, conf in plugins.items()}
    path = Path("/", plugins=uses(said), line=line)
    return Route(name, (f"{name}.x",), services=(Service(upstream="u", paths=(path,)),), source=Source(f"{name}.yaml"))


def leaf(snapshot: Snapshot, name: str) -> Leaf:
    return snapshot.router.entries_of(f"{name}.x")[0].target


def installed(*kinds: type[Plugin]) -> Installed:
    return Installed(map(PluginType, kinds))


def changed(rig: Rig, delta: Delta | None = None, **surroundings: Any) -> Snapshot:
    """Put `delta` in force, in other surroundings perhaps."""
    rig.surroundings = replace(rig.surroundings, **surroundings)
    snapshot = compile_now(rig.current.snapshot, delta or Delta(9), rig.surroundings)
    rig.current.swap(snapshot)
    return snapshot


def test_only_who_names_what_changed_is_compiled_again() -> None:
    one, two = recorder("one", 1, "access"), recorder("two", 1, "access")
    rig = Rig(kinds=[one, two])
    before = changed(rig, Delta(1, {"a": route("a", one={}), "b": route("b", two={}), "c": route("c")}))
    kinds = rig.surroundings.installed.types
    after = changed(rig, installed=Installed([kinds["two"], PluginType(recorder("one", 2, "access"))]))
    assert leaf(after, "a") is not leaf(before, "a")
    assert leaf(after, "b") is leaf(before, "b") and leaf(after, "c") is leaf(before, "c")
    chain = leaf(after, "a").chain
    assert chain is not None and chain.members[0].priority == 2


def test_what_goes_closes_and_comes_back() -> None:
    one = recorder("one", 1, "access")
    rig = Rig(kinds=[one], plugins={"one": {}}).send(GET)
    gone = changed(rig, installed=Installed())
    assert "not installed" in next(iter(gone.problems())).message
    rig.send(GET)
    changed(rig, installed=installed(one))
    assert rig.send(GET).statuses == [200, 503, 200]


def test_the_local_list_is_part_of_the_surroundings() -> None:
    guard = recorder("guard", 1, "access", admits=True)
    rig = Rig(kinds=[guard, recorder("help", 1, "access")], plugins={"guard": {}, "help": {}}).send(GET)
    changed(rig, local=frozenset(["guard"]))
    rig.send(GET)
    changed(rig, local=frozenset(["help"]))
    rig.send(GET)
    assert rig.statuses == [200, 200, 503]


def test_a_plugin_of_all_paths_concerns_all_and_rules() -> None:
    one = recorder("one", 1, "access")
    rig = Rig(kinds=[one], global_plugins={"one": {}})
    before = changed(rig, Delta(1, {"a": route("a"), "b": route("b", one=False)}, rules=(Rule("*", "/", "deny"),)))
    chains = [leaf(before, "a").chain, before.router.entries_of("*")[-1].target.chain]
    assert chains[0] is chains[1] is not None and leaf(before, "b").chain is None
    after = changed(rig, installed=installed(recorder("one", 2, "access")))
    assert leaf(after, "a").chain is not chains[0] and leaf(after, "a").chain is not None
    assert after.outermost is not before.outermost


def test_a_document_that_changes_elsewhere_keeps_its_members() -> None:
    rig = Rig(kinds=[Lives])
    before = changed(rig, Delta(1, {"a": route("a", lives={})}))
    member = leaf(before, "a").chain.members[0]  # type: ignore[union-attr]
    after = changed(rig, Delta(2, {"a": route("a", line=7, lives={})}))
    assert leaf(after, "a") is not leaf(before, "a")
    assert leaf(after, "a").chain.members[0] is member  # type: ignore[union-attr]
    assert Lives.events == ["start 1"]


def test_another_configuration_is_another_life_and_a_broken_one_changes_nothing() -> None:
    rig = Rig(kinds=[Lives])
    changed(rig, Delta(1, {"a": route("a", lives={})}))
    changed(rig, Delta(2, {"a": route("a", lives={"id": "2"})}))
    assert Lives.events == ["start 1", "start 2", "stop 1"]
    snapshot = changed(rig, Delta(3, {"a": route("a", lives={"id": 3})}))
    assert Lives.events[3:] == [] and leaf(snapshot, "a").closed is None
    (problem,) = snapshot.problems()
    assert (problem.file, problem.severity) == ("a.yaml", "error")
    assert "plugin 'lives': id: expected" in problem.message
    del snapshot
    changed(rig, Delta(4, {"a": None}))
    assert Lives.events[3:] == ["stop 2"]


def test_a_configuration_that_never_fitted_closes_its_hosts() -> None:
    rig = Rig(kinds=[Lives])
    snapshot = changed(rig, Delta(1, {"a": route("a", lives={"id": 3})}))
    closed = leaf(snapshot, "a").closed
    assert closed is not None and closed.code == "policy"


def test_code_that_no_longer_takes_a_documents_configuration_leaves_it_as_it_was() -> None:
    rig = Rig(kinds=[Lives])
    before = changed(rig, Delta(1, {"a": route("a", lives={"id": "2"})}))
    stricter = dataclass(frozen=True)(type("Lives", (Plugin,), {"name": "lives", "access": Lives.header_filter}))
    after = changed(rig, installed=installed(stricter))
    assert leaf(after, "a") is leaf(before, "a") and "unknown key 'id'" in next(iter(after.problems())).message


def test_consumers_and_lists_reach_those_who_listen() -> None:
    rig = Rig(kinds=[Told, Lives])
    changed(rig, Delta(1, {"a": route("a", told={}), "b": route("b", lives={})}, consumers={"alice": {}}))
    lives = leaf(rig.current.snapshot, "b")
    assert [config.consumers for config in Told.heard] == [{"alice": {}}]
    changed(rig, Delta(2, {}))
    assert len(Told.heard) == 1
    changed(rig, Delta(3, consumers={"bob": {}}, lists={"office": ("10.0.0.0/8",)}))
    assert (Told.heard[-1].consumers, Told.heard[-1].lists) == ({"bob": {}}, {"office": ("10.0.0.0/8",)})
    assert leaf(rig.current.snapshot, "b") is lives and len(Told.heard) == 2
    everywhere = Rig(kinds=[Told], global_plugins={"told": {}})
    before = changed(everywhere, Delta(1, {"a": route("a")}))
    assert leaf(changed(everywhere, Delta(2, consumers={"eve": {}})), "a") is not leaf(before, "a")
    assert Told.heard[-1].consumers == {"eve": {}}


def test_a_request_in_flight_ends_on_the_generation_that_it_began_with() -> None:
    rig = Rig(kinds=[Lives, Later], plugins={"lives": {"id": "old"}, "later": {}}).send(GET)
    path = Path("/", plugins=uses({"lives": {"id": "new"}}))
    service = Service(name="s", port=80, paths=(path,))
    changed(rig, Delta(2, {"r": Route("r", ("*",), "n", services=(service,))}))
    assert Lives.events == ["start old", "start new"]
    Later.waiting.pop().callback(None)
    rig.settle().finished.clear()
    assert rig.answers()[0].headers[b"x-lives"] == b"old"
    assert Lives.events == ["start old", "start new", "stop old"]
    assert rig.send(GET).answers()[1].headers[b"x-lives"] == b"new"


CODE = """
from __future__ import annotations
from dataclasses import dataclass, field
from gwt.phase.plugin import Plugin

@dataclass(frozen=True)
class Turns(Plugin):
    name = "turns"
    cache: dict[str, bytes] = field(init=False, default_factory=dict)

    def access(self, ctx):
        self.cache["x"] = b"x" * 1000

    def header_filter(self, ctx):
        ctx.answer.add_header("X-Turn", "{turn}")
"""


@pytest.mark.parametrize("frozen", [False, True])
def test_two_hundred_reloads_leave_nothing_behind(tmp_path: File, frozen: bool) -> None:
    file = tmp_path / "turns.py"
    rig = Rig(plugins={"turns": {}})

    def turn(number: int) -> None:
        file.write_text(CODE.replace("{turn}", str(number)))
        changed(rig, installed=Installed([load(file)]))
        rig.vanish().connect()
        assert rig.send(GET).answers()[0].headers[b"x-turn"] == b"%d" % number
        rig.finished.clear()
        rig.seen.clear()

    def alive() -> int:
        return sum(cls.__module__.endswith("_turns") for cls in Plugin.__subclasses__())

    for number in range(10):
        turn(number)
    gc.unfreeze()  # what tests before this one have left would be counted at the end alone
    gc.collect()
    assert alive() == 1
    before = len(gc.get_objects())
    if frozen:
        gc.freeze()
    try:
        for number in range(200):
            turn(number)
    finally:
        gc.unfreeze()
    gc.collect()
    assert alive() == 1 and len(gc.get_objects()) - before < 200
    assert len(rig.surroundings.roster) == 1


def test_what_plugins_warn_of_is_told_once_where_it_stands() -> None:
    use = PluginUse("unwise", {"size": 1}, 3, {("size",): 4})
    services = (Service(upstream="u", paths=(Path("/a"), Path("/b"))),)
    documents = {n: Route(n, (f"{n}.x",), services=services, source=Source(f"{n}.yaml", 1)) for n in ("foo", "bar")}
    around = Surroundings(Registry(lambda: 0.0, lambda: 0.5), installed=Installed([PluginType(Unwise)]))
    for level, file in (("global", "gateway.yaml"), ("route", "foo.yaml")):
        made = replace(around, plugins=(use,)) if level == "global" else around
        foo = documents["foo"] if level == "global" else replace(documents["foo"], plugins=(use,))
        told = list(compile_now(empty_snapshot(made), Delta(1, {**documents, "foo": foo})).problems())
        assert [(one.file, one.line, one.severity) for one in told] == [(file, 4, "warning"), (file, 3, "warning")]
        assert told[0].message == "plugin 'unwise': size: it is small"
        assert told[1].message == "plugin 'unwise': think twice"


def test_a_global_plugin_that_is_skipped_here_is_told_once() -> None:
    around = Surroundings(
        Registry(lambda: 0.0, lambda: 0.5), plugins=(PluginUse("told", {}, 3),),
        installed=Installed([PluginType(Told)]), local=frozenset(),
    )  # fmt: skip
    services = (Service(upstream="u", paths=(Path("/"),)),)
    documents = {n: Route(n, (f"{n}.x",), services=services, source=Source(f"{n}.yaml", 1)) for n in ("foo", "bar")}
    (told,) = compile_now(empty_snapshot(around), Delta(1, documents)).problems()
    assert (told.file, told.line, told.severity) == ("gateway.yaml", 3, "warning")
    assert "skipped here" in told.message
