"""Plain values that have passed a schema become what the schema was derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from gwt.model.build import builder
from gwt.model.derive import DURATION, SIZE, Deriver, nullable
from gwt.model.secret import Secret
from gwt.model.validate import compile_schema


@dataclass(frozen=True)
class Inner:
    word: str
    weight: float = 1.0


@dataclass(frozen=True)
class Outer:
    """All kinds of fields."""

    name: str
    count: int = 1
    ratio: float = 0.5
    on: bool = False
    kind: Literal["a", "b"] = "a"
    words: tuple[str, ...] = ()
    unique: frozenset[str] = frozenset()
    pair: tuple[str, int] = ("", 0)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    either: str | int | tuple[str, ...] = ""
    wait: Annotated[float, DURATION] = 1.0
    limit: Annotated[int | None, nullable(SIZE)] = None
    free: Any = None
    made: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.count > 100:
            raise ValueError("count is at most 100")


def checked(value: dict[str, Any]) -> Outer:
    deriver = Deriver({}, {}, None)
    faults: list[Any] = []
    compile_schema(deriver.of_class(Outer), deriver.definitions)(value, None, faults)
    assert faults == []
    return builder(Outer)(value)


def test_what_is_left_out_has_its_default() -> None:
    assert checked({"name": "x"}) == Outer("x")
    assert Deriver({}, {}, None).of_class(Outer)["required"] == ["name"]
    assert "made" not in Deriver({}, {}, None).of_class(Outer)["properties"]


def test_every_kind_of_field() -> None:
    value = {
        "name": Secret("s3cret"), "count": 2.0, "ratio": 3, "on": True, "kind": "b", "words": ["a", "b"],
        "unique": ["x", "x"], "pair": ["p", 1], "inner": {"word": "w"}, "inners": [{"word": "v", "weight": 2}],
        "by_name": {"n": {"word": "u"}}, "wait": "500ms", "limit": "1KiB", "free": {"any": [1]},
    }  # fmt: skip
    found = checked(value)
    assert found == Outer(
        "s3cret", 2, 3.0, True, "b", ("a", "b"), frozenset("x"), ("p", 1), Inner("w"), (Inner("v", 2.0),),
        {"n": Inner("u")}, "", 0.5, 1024, {"any": [1]},
    )  # fmt: skip
    assert (type(found.name), type(found.count), type(found.ratio)) == (str, int, float)


@pytest.mark.parametrize(("value", "kept"), [("x", "x"), (7, 7), (["a"], ("a",)), (7.0, 7)])
def test_a_union_is_told_apart_by_the_value(value: Any, kept: Any) -> None:
    found = checked({"name": "x", "either": value}).either
    assert found == kept
    assert type(found) is type(kept)


def test_null_where_it_is_allowed() -> None:
    assert checked({"name": "x", "inner": None, "limit": None}) == Outer("x")


def test_what_the_class_itself_objects_to() -> None:
    with pytest.raises(ValueError, match="at most 100"):
        checked({"name": "x", "count": 101})
