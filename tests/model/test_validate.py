"""The validator accepts what jsonschema accepts, and says what is wrong better."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model import options, schema
from gwt.model.validate import Fault, compile_schema, describe, flatten, suggest, trail_of

DEFINITIONS = schema.definitions()
KEYS = sorted({key for one in DEFINITIONS.values() for key in one.get("properties", {})} | {"sticky", "header", "x"})
TEXTS = st.sampled_from(
    [
        "",
        "/",
        "prefix",
        "GET",
        "==",
        "10s",
        "64KiB",
        "public",
        "login",
        "sticky",
        "user",
        "forward",
        "a",
        "http",
        "\n",
        "5\n",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-2, 70000) | st.sampled_from([1.0, 1.5, -0.5]) | TEXTS
ANY: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)


def like(part: Any, depth: int = 0) -> Any:
    """Values that mostly fit a schema: random ones alone would never get past the first key."""
    if "$ref" in part:
        return like(DEFINITIONS[part["$ref"].rpartition("/")[2]], depth)
    if "anyOf" in part:
        return st.one_of([like(one, depth) for one in part["anyOf"]])
    if "enum" in part:
        return st.sampled_from(part["enum"])
    kinds = part.get("type", "string")
    return st.one_of([_of(kind, part, depth) for kind in ([kinds] if isinstance(kinds, str) else kinds)] + [SCALARS])


def _of(kind: str, part: Any, depth: int) -> Any:
    if kind == "object" and depth < 5:
        rest = part.get("additionalProperties")
        known = {key: like(one, depth + 1) for key, one in part.get("properties", {}).items()}
        needed = {key: known.pop(key) for key in part.get("required", ()) if key in known}
        return (
            st.fixed_dictionaries(needed, optional=known)
            if known or needed
            else st.dictionaries(TEXTS, like(rest, depth + 1) if rest else SCALARS, max_size=2)
        )
    if kind == "array" and depth < 5:
        items = part.get("items", {})
        if isinstance(items, list):
            return st.tuples(*[like(one, depth + 1) for one in items]).map(list)
        return st.lists(like(items, depth + 1), max_size=2)
    return SCALARS


def faults_of(name: str, value: Any) -> list[Fault]:
    faults: list[Fault] = []
    compile_schema(DEFINITIONS[name], DEFINITIONS)(value, None, faults)
    return faults


def agree(root: Any, definitions: Any, value: Any) -> None:
    oracle = jsonschema.Draft7Validator({**root, "definitions": definitions})
    faults: list[Fault] = []
    compile_schema(root, definitions)(value, None, faults)
    assert (not faults) == oracle.is_valid(value), (
        value,
        faults,
        [error.message for error in oracle.iter_errors(value)],
    )


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_accepts_what_jsonschema_accepts(name: str, data: st.DataObject) -> None:
    value = data.draw(like(DEFINITIONS[name]) | ANY)
    agree(DEFINITIONS[name], DEFINITIONS, value)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_settings_accept_what_jsonschema_accepts(data: st.DataObject) -> None:
    root, definitions = options.schema()
    key = data.draw(st.sampled_from(sorted(root["properties"])))
    part = root["properties"][key]
    part = definitions[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    agree(root, definitions, {key: data.draw(ANY)})
    agree(part, definitions, data.draw(ANY))


def messages(name: str, value: Any) -> list[str]:
    return [fault.message for fault in faults_of(name, value)]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Access", {"auth_typ": "x"}, "unknown key 'auth_typ', did you mean 'auth_type'?"),
        ("Access", {"rate-limits": []}, "unknown key 'rate-limits', did you mean 'rate_limits'?"),
        ("Access", {"zzz": 1}, "unknown key 'zzz'"),
        ("Access", {"auth_type": None}, "expected public, optional, login or a list of auth plugins, got null"),
        ("Access", {"ip_allow": None}, "expected a list, got null"),
        ("Access", {"rate_limits": None}, "expected a list, got null"),
        ("Access", {"ip_allow": "10.0.0.0/8"}, "write [10.0.0.0/8]"),
        ("Access", {"timeout": "10 s"}, "expected a duration such as 10, 10s, 500ms or 1m, got the text '10 s'"),
        ("Access", {"timeout": {"conect": 1}}, "unknown key 'conect', did you mean 'connect'?"),
        ("Path", {"uri": 5}, 'expected a text, got the number 5; quote it: "5"'),
        ("Path", {"uri": "/", "headers": {"X": True}}, 'expected a text, got true; quote it: "true"'),
        ("Path", {}, "a path needs the key 'uri'"),
        ("Path", {"uri": "/", "match": "prefx"}, "did you mean 'prefix'?"),
        ("Path", {"uri": "/", "methods": []}, "methods takes at least 1 item, got 0"),
        ("Path", {"uri": "/", "vars": [["a", "=="]]}, "takes 3 items, got 2"),
        ("Service", {"paths": [], "port": 0}, "must be at least 1, got 0"),
        ("Service", {"paths": [], "balance": "sticki"}, "did you mean 'sticky'?"),
        ("Route", {"hosts": [{"mark": None}], "services": []}, 'expected a text, got a mapping; quote it: "{mark}"'),
        ("Rewrite", {"regex": ["a"]}, "takes 2 items, got 1"),
        ("EndpointSpec", {"address": "a", "weight": -1}, "must be at least 0, got -1"),
    ],
)
def test_what_is_said(name: str, value: Any, message: str) -> None:
    assert any(message in said for said in messages(name, value)), messages(name, value)


def test_every_fault_is_told_at_its_place() -> None:
    value = {"hosts": [1, "a", 2], "services": [{"paths": [{"uri": 1}, {"ur": 2}]}], "nam": 1}
    places = {flatten(fault.trail) for fault in faults_of("Route", value)}
    assert places == {
        ("hosts", 0),
        ("hosts", 2),
        ("services", 0, "paths", 0, "uri"),
        ("services", 0, "paths", 1),
        ("services", 0, "paths", 1, "ur"),
        ("nam",),
    }


def test_trails_are_paths() -> None:
    assert flatten(trail_of(("a", 0, "b"))) == ("a", 0, "b")
    assert flatten(None) == ()


def test_suggestions() -> None:
    assert suggest("lisners", ["listeners", "limits"]) == ", did you mean 'listeners'?"
    assert suggest("x", ["listeners"]) == ""
    assert suggest("y" * 200, ["y" * 199]) == ""


def test_values_are_described_shortly() -> None:
    assert describe("x" * 500) == "the text '" + "x" * 57 + "...'"
    assert [describe(one) for one in (None, True, 1, 1.5, "", [], {})] == [
        "null",
        "true",
        "the number 1",
        "the number 1.5",
        "an empty text",
        "a list",
        "a mapping",
    ]
