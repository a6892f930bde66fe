"""Schemas from dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from gwt.model.derive import Deriver, nullable


@dataclass(frozen=True)
class Leaf:
    """A leaf."""

    size: Annotated[int, {"type": "integer", "minimum": 1}] = 3


@dataclass(frozen=True)
class Tree:
    """A tree.

    More.
    """

    name: str
    kind: Literal["a", "b"]
    leaf: Leaf
    more: tuple[Leaf, ...]
    pair: tuple[str, int]
    words: Mapping[str, str]
    maybe: str | None
    either: str | int
    hidden: int = 0
    yes: bool = False


def test_annotations_are_the_schema() -> None:
    deriver = Deriver({(Tree, "hidden"): None}, {Tree: {"extra": {"type": "null"}}}, {Tree: ("name",)})
    schema = deriver.of_class(Tree)
    reference = {"$ref": "#/definitions/Leaf"}
    assert schema["description"] == "A tree."
    assert (schema["title"], schema["required"], schema["additionalProperties"]) == ("a tree", ["name"], False)
    assert schema["properties"] == {
        "name": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
        "leaf": reference,
        "more": {"type": "array", "items": reference},
        "pair": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2},
        "words": {"type": "object", "additionalProperties": {"type": "string"}},
        "maybe": {"type": ["string", "null"]},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "yes": {"type": "boolean", "default": False},
        "extra": {"type": "null"},
    }
    assert deriver.definitions["Leaf"]["properties"]["size"] == {"type": "integer", "minimum": 1, "default": 3}


def test_nullable() -> None:
    assert nullable({"type": "string"}) == {"type": ["string", "null"]}
    assert nullable({"enum": ["a"]}) == {"anyOf": [{"enum": ["a"]}, {"type": "null"}]}
    assert nullable({"anyOf": [{"type": "string"}]}) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
