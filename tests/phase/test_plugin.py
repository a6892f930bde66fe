"""The base class: what Twisted's plugin system sees of it, which phases count, what it shows of itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from twisted.plugin import IPlugin

from gwt.phase.plugin import Config, IGatewayPlugin, Misconfigured, Plugin


@dataclass(frozen=True, repr=False)
class Named(Plugin):
    name = "named"
    password: str = "hush"

    def access(self, ctx: object) -> None: ...

    def log(self, ctx: object) -> None: ...


def test_a_class_with_a_name_is_a_plugin_of_twisteds() -> None:
    assert IPlugin(Named, None) is Named
    assert IGatewayPlugin.providedBy(Named)
    assert IPlugin(Plugin, None) is None
    assert IPlugin(type("Nameless", (Plugin,), {}), None) is None


def test_it_takes_part_where_it_has_methods_in_the_order_of_the_phases() -> None:
    assert Named().phases() == ["access", "log"]


def test_it_shows_nothing_of_its_configuration() -> None:
    assert repr(Named()) == "<plugin named>"


def test_defaults_are_the_safe_ones() -> None:
    assert (Plugin.admits, Plugin.on_error, Plugin.priority) == (False, "deny", 0)


def test_a_misconfiguration_names_its_field() -> None:
    with pytest.raises(ValueError, match="too small") as raised:
        raise Misconfigured("size", "too small")
    assert raised.value.field == "size"  # type: ignore[attr-defined]


def test_a_configuration_compiles_its_lists_and_makes_things_once() -> None:
    config = Config({"net": ("10.0.0.0/8",)}, {})
    rule = config.addresses.rule(None, ("@net",))
    assert rule is not None and not rule.admits("10.0.0.1") and rule.admits("192.0.2.1")
    assert config.once("a", object) is config.once("a", object) is not config.once("b", object)
