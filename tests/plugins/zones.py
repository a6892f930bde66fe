"""Zones in one process's memory; several Rigs with the same Zones are workers of one node."""

from __future__ import annotations

from collections.abc import Callable

from gwt.phase.tools import Zone
from gwt.testing.zones import MemoryZone


class Zones:
    """`Rig(shared=zones)`; `now` is set by the test, or follows the Rig that it `follows`."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = lambda: 1000.0
        self.zones: dict[str, MemoryZone] = {}

    def __call__(self, name: str) -> Zone:
        return self.zones.setdefault(name, MemoryZone(lambda: self.clock()))
