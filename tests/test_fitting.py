"""What plugins that are named come to: who wins over levels, what runs, what is skipped, what closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gwt.balance.endpoint import Registry
from gwt.fitting import ABSENT, BARRED, MISSING, RUNS, SKIPPED, Fitter, Level, Outermost, Unfit, effective, state
from gwt.model.policy import DEFAULT_POLICY, Origin, Policy
from gwt.model.route import PluginUse, Service
from gwt.phase.installed import Installed
from gwt.phase.plugin import Config, Plugin
from gwt.phase.plugintype import Meta, PluginType
from gwt.phase.roster import Roster
from gwt.phase.tools import Tools
from gwt.surroundings import Surroundings

SERVICE = Service(upstream="u")


def plugin(called: str, **attributes: Any) -> PluginType:
    body = {
        "name": called,
        "access": lambda self, ctx: None,
        "__annotations__": {"size": "int"},
        "size": 1,
        **attributes,
    }
    return PluginType(dataclass(frozen=True)(type("Made", (Plugin,), body)))


HELPER, GUARD = plugin("helper"), plugin("guard", admits=True)
CORS = plugin("cors")


def around(*names: str, local: Any = None, **more: Any) -> Surroundings:
    return Surroundings(Registry(lambda: 0.0, lambda: 0.5), installed=Installed([HELPER, GUARD, CORS]),
                        local=None if local is None else frozenset(local), **more)  # fmt: skip


def level(name: Any, **uses: Any) -> Level:
    said = tuple(
        PluginUse(key.replace("_", "-"), None if conf is False else conf, 7, {("size",): 9})
        for key, conf in uses.items()
    )
    return Level(Origin(name, "foo", "a.yaml", 3), (name,), said)


def verdict(*levels: Level, local: Any = None, policy: Policy = DEFAULT_POLICY) -> Any:
    return Fitter(around(local=local), Config({}, {})).verdict(policy, SERVICE, levels, "foo")


def test_the_lowest_level_has_the_word_whole() -> None:
    outer = level("global", helper={"size": 2}, cors={})
    (size,) = [
        member.plugin.size for member in verdict(outer, level("path", helper={})).members if member.name == "helper"
    ]
    assert size == 1
    assert [one.use.name for one in effective([outer, level("route", helper=False)])] == ["cors"]
    assert [one.use.name for one in effective([outer, level("path", cors={"_meta": {"disable": True}})])] == ["helper"]
    assert len(effective([level("route", cors=False), level("path", cors={})])) == 1


def test_every_member_knows_who_set_it() -> None:
    (member,) = verdict(level("global", helper={}), level("service", helper={})).members
    assert str(member.origin) == "service foo (a.yaml:7)"


@pytest.mark.parametrize(
    ("name", "meta", "local", "what"),
    [
        ("helper", Meta(), None, RUNS),
        ("helper", Meta(), {"helper"}, RUNS),
        ("helper", Meta(), {"other"}, SKIPPED),
        ("guard", Meta(), {"other"}, BARRED),
        ("guard", Meta(optional=True), set(), BARRED),
        ("unheard-of", Meta(), None, MISSING),
        ("unheard-of", Meta(), {"unheard-of"}, MISSING),
        ("unheard-of", Meta(optional=True), None, ABSENT),
    ],
)
def test_what_is_the_matter_with_a_plugin(name: str, meta: Meta, local: Any, what: str) -> None:
    assert state(name, meta, around(local=local)) == what


def test_what_is_not_installed_closes_unless_it_is_optional() -> None:
    assert verdict(level("route", nothing={})).why == ("plugin 'nothing' is not installed",)
    assert verdict(level("route", nothing={"_meta": {"optional": True}})).why == ()


def test_what_is_not_in_the_local_list_is_skipped_or_closes() -> None:
    skipped = verdict(level("route", helper={}), local=[])
    assert (skipped.why, skipped.members) == ((), ())
    assert "not in `plugins` of gateway.yaml" in skipped.warnings[0].text and skipped.warnings[0].line == 7
    barred = verdict(level("route", guard={}), local=["helper"])
    assert barred.why == ("plugin 'guard' guards this path and is not in `plugins` of gateway.yaml",)


def test_hosts_are_guarded_by_what_decides_on_who_asks() -> None:
    assert not verdict(level("route", cors={}, helper={})).guarded
    assert verdict(level("route", guard={})).guarded
    assert verdict(level("route", key_auth={"_meta": {"optional": True}})).guarded  # nobody knows what it would ask
    assert not verdict(level("route", limit_count={"_meta": {"optional": True}})).guarded


def test_a_configuration_that_does_not_fit_is_an_error_of_the_document() -> None:
    for conf, line, said in (
        ({"size": "x"}, 9, "plugin 'helper': size: expected a whole number, got the text 'x'; quote"),
        ({"sise": 1}, 7, "plugin 'helper': sise: unknown key 'sise', did you mean 'size'?"),
        ({"_meta": {"mode": "x"}}, 7, "plugin 'helper': _meta.mode: expected enforce or report"),
    ):
        with pytest.raises(Unfit) as raised:
            verdict(level("path", helper=conf))
        (problem,) = raised.value.problems
        assert (problem.file, problem.line, problem.severity, problem.name) == ("a.yaml", line, "error", "foo")
        assert problem.message.startswith(said.partition("; quote")[0])
        assert str(raised.value).startswith(f"a.yaml:{line}:1: error: plugin 'helper'")


def test_a_plugin_that_can_not_begin_closes() -> None:
    broken = plugin("broken", start=lambda self, tools: 1 // 0)
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5), installed=Installed([broken]))
    found = Fitter(surroundings, Config({}, {})).verdict(DEFAULT_POLICY, SERVICE, [level("route", broken={})])
    assert found.why == ("plugin 'broken' can't begin: ZeroDivisionError",)


def test_a_misfit_has_the_line_and_the_column_of_its_field() -> None:
    use = PluginUse("helper", {"size": "x"}, 7, {("size",): 7}, "  plugins: {helper: {size: x}}")
    with pytest.raises(Unfit) as caught:
        verdict(Level(Origin("route", "foo", "a.yaml", 3), ("route",), [use]))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (7, 22)


def test_what_gateway_yaml_says_alone() -> None:
    surroundings = around(plugins=(PluginUse("helper", {}),), local=None)
    outermost = Outermost.of(surroundings)
    assert [member.name for member in outermost.verdict.members] == ["helper"]
    with pytest.raises(Unfit, match=r"gateway\.yaml"):
        Outermost.of(around(plugins=(PluginUse("helper", {"size": "x"}),)))


def test_a_plugin_that_fails_to_say_what_it_warns_of_runs_and_is_told() -> None:
    heard: list[tuple[Any, ...]] = []
    broken = plugin("broken", warnings=lambda self: 1 // 0, access=lambda self, ctx: None)
    surroundings = Surroundings(
        Registry(lambda: 0.0, lambda: 0.5), installed=Installed([broken]),
        roster=Roster(Tools(raised=lambda *what: heard.append(what))),
    )  # fmt: skip
    found = Fitter(surroundings, Config({}, {})).verdict(DEFAULT_POLICY, SERVICE, [level("route", broken={})])
    assert (found.why, found.warnings, [one.name for one in found.members]) == ((), (), ["broken"])
    assert [(name, type(error)) for name, _, error in heard] == [("broken", ZeroDivisionError)]
