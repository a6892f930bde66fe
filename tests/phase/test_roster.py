"""Members made, found again, started and stopped: a plugin lives as long as a leaf has it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from gwt.phase.member import Member
from gwt.phase.plugin import Config, Plugin
from gwt.phase.plugintype import Meta, Misfit, PluginType
from gwt.phase.roster import OutOfOrder, Roster
from gwt.phase.tools import Tools

CONFIG = Config({}, {})


@dataclass(frozen=True)
class Living(Plugin):
    name = "living"
    priority = 5
    events: ClassVar[list[str]] = []
    id: str = "a"
    broken: str = ""

    def start(self, tools: Tools) -> None:
        self.events.append(f"start {self.id}")
        if self.broken == "start":
            raise ZeroDivisionError

    def stop(self) -> None:
        self.events.append(f"stop {self.id}")
        if self.broken == "stop":
            raise ZeroDivisionError

    def access(self, ctx: Any) -> None: ...


@dataclass(frozen=True)
class Told(Plugin):
    name = "told"
    heard: ClassVar[list[Config]] = []

    def on_config(self, config: Config) -> None:
        self.heard.append(config)
        if "bad" in config.consumers:
            raise KeyError("bad")

    def access(self, ctx: Any) -> None: ...


LIVING, TOLD = PluginType(Living), PluginType(Told)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    gc.disable()  # what lives on must do so for a reason
    Living.events.clear()
    Told.heard.clear()
    yield
    gc.enable()


def member(roster: Roster, place: str = "here", conf: Any = None, kind: PluginType = LIVING, **more: Any) -> Member:
    said = {"meta": Meta(), "origin": None, "config": CONFIG, **more}
    return roster.member((place,), kind, conf or {}, said["meta"], said["origin"], said["config"])


def test_what_has_not_changed_is_found_again() -> None:
    roster = Roster()
    one = member(roster, origin="first")
    assert member(roster, origin="second") is one and one.origin == "second"
    assert Living.events == ["start a"] and len(roster) == 1


def test_another_place_configuration_or_class_is_another_member() -> None:
    roster = Roster()
    one = member(roster)
    assert member(roster, "there") is not one
    assert member(roster, conf={"id": "b"}) is not one
    assert member(roster, kind=PluginType(Living)).plugin is not one.plugin


def test_it_stops_when_nobody_has_it_any_more() -> None:
    roster = Roster()
    one = member(roster)
    chain = roster.chain([one])
    del one
    assert Living.events == ["start a"]
    two = member(roster, conf={"id": "b"})
    assert Living.events == ["start a", "start b"]
    del chain
    assert Living.events == ["start a", "start b", "stop a"]
    roster.stop()
    assert Living.events[-1] == "stop b" and two.name == "living"
    del two
    assert Living.events.count("stop b") == 1


def test_what_can_not_begin_says_so_and_is_stopped() -> None:
    raised: list[Any] = []
    roster = Roster(Tools(raised=lambda *said: raised.append(said[:2])))
    with pytest.raises(OutOfOrder, match="'living' can't begin: ZeroDivisionError"):
        member(roster, conf={"broken": "start"})
    assert raised == [("living", "")] and len(roster) == 0
    member(roster, conf={"broken": "stop"})
    assert raised == [("living", ""), ("living", "")]  # an error of stop is told, and harms nobody


def test_a_tool_starts_nothing() -> None:
    member(Roster(served=False))
    assert Living.events == []


def test_who_listens_to_the_configuration_is_made_anew_with_it() -> None:
    roster = Roster()
    one = member(roster, kind=TOLD)
    assert member(roster, kind=TOLD) is one and Told.heard == [CONFIG]
    other = Config({}, {"alice": {}})
    two = member(roster, kind=TOLD, config=other)
    assert two is not one and Told.heard == [CONFIG, other]
    with pytest.raises(OutOfOrder, match="KeyError"):
        member(roster, kind=TOLD, config=Config({}, {"bad": {}}))


def test_a_misfit_is_told_as_such() -> None:
    with pytest.raises(Misfit):
        member(Roster(), conf={"nonsense": 1})


def test_meta_has_the_last_word_on_priority_and_mode() -> None:
    one = member(Roster(), conf={"_meta": {}}, meta=Meta(priority=9, mode="report"))
    assert (one.priority, one.mode, one.phases) == (9, "report", ("access",))
    assert one.methods["access"] != one.plugin.access  # type: ignore[union-attr]


def test_leaves_with_the_same_members_share_a_chain() -> None:
    roster = Roster()
    one, two = member(roster), member(roster, "there", meta=Meta(priority=9))
    chain = roster.chain([one, two])
    assert chain is not None and roster.chain([two, one]) is chain and roster.chain([one]) is not chain
    assert roster.chain([]) is None and roster.chain([Member("x", 1, {})]) is None


def test_a_plugin_knows_where_it_stands() -> None:
    one = member(Roster(), "there")
    assert one.plugin is not None and one.plugin.place == "there"
