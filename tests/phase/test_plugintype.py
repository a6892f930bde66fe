"""A plugin's class judged, its schema derived, its configurations checked: every fault with its place, no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema
import pytest

from gwt.phase.plugin import Bytes, Misconfigured, Plugin, Seconds
from gwt.phase.plugintype import BadPlugin, Meta, Misfit, PluginType, read_meta


@dataclass(frozen=True)
class Rule:
    path: str
    times: int = 1


@dataclass(frozen=True)
class Sample(Plugin):
    """Does something.

    More about it.
    """

    name = "sample"
    priority = 7
    version = "1.2"
    count: int
    kind: Literal["a", "b"] = "a"
    wait: Seconds = 1.0
    limit: Bytes = 1024
    rules: tuple[Rule, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    state: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.count > 10:
            raise Misconfigured("count", "at most 10")
        if self.count == 10:
            raise ValueError("10 of all numbers")
        if self.count == 9:
            raise KeyError("s3cret")

    def access(self, ctx: object) -> None: ...


SAMPLE = PluginType(Sample, "here.py")


def faults(conf: dict[str, Any]) -> list[tuple[Any, ...]]:
    with pytest.raises(Misfit) as raised:
        SAMPLE.make(conf)
    return [tuple(fault) for fault in raised.value.faults]


def test_a_configuration_becomes_an_instance() -> None:
    conf = {"count": 1, "wait": "500ms", "limit": "1KiB", "rules": [{"path": "/"}], "_meta": {"priority": 3}}
    made = SAMPLE.make(conf)
    assert made == Sample(1, wait=0.5, limit=1024, rules=(Rule("/"),))
    assert made is not SAMPLE.make(conf) and made.state is not SAMPLE.make(conf).state  # type: ignore[attr-defined]


def test_every_fault_is_told_with_its_path() -> None:
    found = faults({"kind": "c", "rules": [{"pth": "/"}], "wait": "soon", "cuont": 1})
    assert {path for path, _ in found} == {("kind",), ("rules", 0, "pth"), ("rules", 0), ("wait",), ("cuont",), ()}
    told = dict(found)
    assert told["cuont",] == "cuont: unknown key 'cuont', did you mean 'count'?"
    assert told["kind",] == "kind: expected a or b, got the text 'c'"
    assert "needs the key 'count'" in told[()]


def test_what_the_class_itself_objects_to() -> None:
    assert faults({"count": 11}) == [(("count",), "count: at most 10")]
    assert faults({"count": 10}) == [((), "10 of all numbers")]
    assert faults({"count": 9}) == [((), "KeyError in its __post_init__")]


def test_no_secret_is_repeated() -> None:
    assert faults({"count": 1, "keys": {"s3cret": 5}}) == [(("keys",), "keys: expected a text")]
    assert faults({"count": 1, "keys": "s3cret"}) == [(("keys",), "keys: expected a mapping")]
    assert "s3cret" not in repr(SAMPLE.make({"count": 1, "keys": {"a": "s3cret"}}))


def test_the_schema_is_one_and_says_what_the_check_says() -> None:
    schema = json.loads(json.dumps(SAMPLE.schema()))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    assert (schema["title"], schema["required"], schema["description"]) == ("sample", ["count"], "Does something.")
    for conf in ({"count": 1}, {"count": 1, "rules": [{"path": "/", "times": 2}], "_meta": {"mode": "report"}}):
        validator.validate(conf)
        SAMPLE.make(conf)
    for conf in ({}, {"count": "1"}, {"count": 1, "x": 1}, {"count": 1, "rules": [{}]}):
        assert not validator.is_valid(conf)
        assert faults(conf)
    assert not validator.is_valid({"count": 1, "_meta": {"mode": "loud"}})


def test_meta() -> None:
    assert read_meta({}) == Meta()
    said = {"disable": True, "priority": 5, "mode": "report", "optional": True}
    assert read_meta({"_meta": said}) == Meta(True, 5, "report", True)
    for bad in ({"disabled": True}, {"priority": "high"}, {"mode": "x"}, {"priority": 2**40}, []):
        with pytest.raises(Misfit) as raised:
            read_meta({"_meta": bad})
        assert raised.value.faults[0].path[0] == "_meta"


def made(**attributes: Any) -> type:
    body = {"name": "x", "access": lambda self, ctx: None, **attributes}
    return dataclass(frozen=True)(type("X", (Plugin,), body))


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (made(name="Big Name"), "name"),
        (type("Plain", (Plugin,), {"name": "x"}), "frozen=True"),
        (dataclass(type("Thawed", (Plugin,), {"name": "x"})), "frozen=True"),
        (made(priority="high"), "priority"),
        (made(on_error="shrug"), "on_error"),
        (made(admits=True, on_error="skip"), "skip is refused where admits"),
        (made(log=5), "log must be a method"),
        (made(__annotations__={"priority": "int"}, priority=5), "can't be called priority"),
        (made(__annotations__={"a": "Nowhere"}, a=5), "no schema"),
    ],
)
def test_classes_that_break_the_contract(cls: Any, said: str) -> None:
    with pytest.raises(BadPlugin, match=said):
        PluginType(cls)
