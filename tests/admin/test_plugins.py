"""/v1/plugins: what is installed, local, missing, skipped and broken; and having them looked for again."""

from __future__ import annotations

from typing import Any

from admin.serving import INSTALLED, AdminCase, Plugged
from admin.world import told
from twisted.internet.defer import inlineCallbacks

from gwt.admin.plugins import answer
from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.model.route import Path, PluginUse, Route, Service
from gwt.steps import finish
from gwt.surroundings import Surroundings


def shown(*plugins: str, everywhere: tuple[str, ...] = ()) -> Any:
    surroundings = Surroundings(
        Registry(lambda: 0.0, lambda: 0.5), plugins=tuple(PluginUse(name, {}) for name in everywhere),
        installed=INSTALLED, local=frozenset(["one"]),
    )  # fmt: skip
    path = Path("/", plugins=tuple(PluginUse(name, {"secret": "hush"} if name == "gone" else {}) for name in plugins))
    routes = {name: Route(name, (f"{name}.x",), services=(Service(upstream="u", paths=(path,)),)) for name in "ab"}
    snapshot = compile_now(empty_snapshot(surroundings), Delta(1, routes), surroundings)
    return told(finish(answer(snapshot, Plugged())))


def test_what_documents_name_and_what_becomes_of_it() -> None:
    found = shown("one", "two", "gone")
    assert found["local"] == ["one", "unheard-of"]
    assert found["missing"] == [{"name": "gone", "used_by": ["a", "b"], "uses": 2}]
    assert found["skipped"] == [{"name": "two", "closes": False, "used_by": ["a", "b"], "uses": 2}]
    assert found["broken"] == [{"place": "/x/bad.py", "why": "line 1: why", "name": None}]
    assert "hush" not in str(found)
    one, two = found["installed"]
    assert one == {
        "name": "one", "version": None, "priority": 5, "phases": ["access"], "admits": False, "on_error": "deny",
        "local": True, "place": "/x/one.py", "uses": 2,
    }  # fmt: skip
    assert (two["name"], two["local"]) == ("two", False)


def test_what_gateway_yaml_names_is_used_by_it() -> None:
    assert shown(everywhere=("gone",))["missing"] == [{"name": "gone", "used_by": ["gateway.yaml"], "uses": 1}]


class PluginsTests(AdminCase):
    @inlineCallbacks
    def test_over_http(self) -> Any:
        status, _, found = yield self.ask("/v1/plugins")
        assert status == 200 and [one["name"] for one in found["installed"]] == ["one", "two"]

    @inlineCallbacks
    def test_a_reload_says_what_changed(self) -> Any:
        status, _, found = yield self.ask("/v1/plugins/reload", "POST")
        assert (status, found["changed"], found["workers"], self.plugged.reloads) == (200, ["one"], 1, 1)
        assert found["broken"][0]["place"] == "/x/bad.py"
