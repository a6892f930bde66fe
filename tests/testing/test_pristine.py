"""gwt.testing.pristine and outcome: what one try leaves behind is gone; what differs is said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from gwt.phase.plugin import Exchange, Plugin
from gwt.testing.outcome import difference
from gwt.testing.pristine import Pristine

COUNT = 0
KNOWN: dict[str, list[int]] = {"a": [1]}


@lru_cache
def cached(value: int) -> int:
    return value + COUNT


@dataclass(frozen=True)
class Leaves(Plugin):
    """Leaves traces wherever it can."""

    name = "leaves"
    number: ClassVar[int] = 0
    seen: ClassVar[set[int]] = set()

    def access(self, ctx: Exchange) -> None:
        global COUNT
        COUNT += 1
        KNOWN["a"].append(2)
        KNOWN["b"] = []
        type(self).number += 1
        self.seen.add(1)


def test_traces_are_gone() -> None:
    state, ctx = Pristine(Leaves), Any
    for _ in range(2):
        Leaves().access(ctx)  # type: ignore[arg-type]
        assert cached(1) == 2 and (COUNT, Leaves.number, Leaves.seen) == (1, 1, {1})
        state.restore()
        assert (COUNT, KNOWN, Leaves.number, Leaves.seen) == (0, {"a": [1]}, 0, set())


def test_chance_makes_no_difference() -> None:
    one, two = {"a": 1, "b": 5}, {"a": 1, "b": 6}
    assert difference(one, two, {"a": 1, "b": 7}) is None
    assert difference(one, two, {"a": 2, "b": 5}) == "a: 1 becomes 2"
    assert difference(one, one, {"a": 1}) == "b: 5 becomes None"
