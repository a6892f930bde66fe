"""What a process gives to plugins unless it says otherwise."""

from __future__ import annotations

import pytest

from gwt.phase.tools import NoZones, Tools


def test_nobody_shares_memory_by_default() -> None:
    with pytest.raises(NoZones, match="limits"):
        Tools().shared("limits")


def test_nobody_listens_by_default() -> None:
    tools = Tools()
    tools.raised("a", "id", ValueError())
    tools.would_reject("a", "r")
    assert len(tools.ticker) == 0 and tools.clock() <= tools.clock()
