"""All plugins that are installed here keep the laws of plugins, built-in ones and those of other distributions."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.admission import ADDRESSES
from gwt.phase.plugintype import PluginType
from gwt.plugging.distributed import distributed
from gwt.testing import assert_plugin_laws

KINDS, BROKEN = distributed({})

#: Laws that a plugin breaks because that is what it is for, and bodies that mean more than their bytes.
MORE: dict[str, dict[str, Any]] = {}


def test_there_are_plugins_and_none_is_broken() -> None:
    assert {"request-id", "response-rewrite"} <= {kind.name for kind in KINDS}
    assert not BROKEN and MORE.keys() <= {kind.name for kind in KINDS}


def test_the_built_in_ones_run_in_the_order_of_their_numbers() -> None:
    """All of `rewrite` runs before all of `access`: it is for those alone that come before everything in access."""
    built_in = [kind for kind in KINDS if kind.cls.__module__.startswith("gwt.plugins.")]
    early = {kind.name: kind.cls.priority for kind in built_in if hasattr(kind.cls, "rewrite")}
    late = [kind.cls.priority for kind in built_in if hasattr(kind.cls, "access")]
    assert early and min(early.values()) > max(*late, ADDRESSES), early


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_plugin_keeps_the_laws(kind: PluginType) -> None:
    assert_plugin_laws(kind.cls, **{"examples": 8, **MORE.get(kind.name, {})})
