"""Values: compared and hashed by their fields, with slots, and cheap to make."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import pytest

from gwt.model.value import value


@value
class Point:
    x: int
    y: int = 0
    names: tuple[str, ...] = field(default=())


def test_a_value_is_what_its_fields_are() -> None:
    assert Point(1) == Point(1, 0, ()) != Point(2)
    assert {Point(1), Point(1), Point(2)} == {Point(1), Point(2)}
    assert repr(Point(1, 2)) == "Point(x=1, y=2, names=())"
    assert [item.name for item in fields(Point)] == ["x", "y", "names"]


def test_a_value_has_slots() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 3  # type: ignore[attr-defined]


def test_its_fields_are_stored_as_attributes_are() -> None:
    """A frozen dataclass calls `object.__setattr__` for each: why there is a decorator of our own."""
    frozen = dataclass(frozen=True)(type("Frozen", (), {"__annotations__": Point.__annotations__}))
    assert "__setattr__" in frozen.__init__.__code__.co_names  # type: ignore[misc]
    assert Point.__init__.__code__.co_names == ("x", "y", "names")
