"""The schema that is printed: valid draft-07, one for every kind of document."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from gwt.model import forms, schema

ROUTE = {"hosts": ["a"], "services": [{"name": "s", "port": 1, "paths": [{"uri": "/"}]}]}


@pytest.mark.parametrize("make", [schema.document_schema, schema.settings_schema])
def test_is_a_schema(make: Any) -> None:
    jsonschema.Draft7Validator.check_schema(make())
    assert make()["$schema"] == schema.DRAFT
    json.dumps(make())


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (ROUTE, True),
        ({**ROUTE, "x": 1}, False),
        ({"upstreams": {"u": ["a:1"]}}, True),
        ({"upstreams": 3}, False),
        ({"rules": [{"url": "/", "action": "deny"}]}, True),
        ({"lists": {"a": ["::/0"]}}, True),
        ({"consumers": {}}, True),
        ({"apiVersion": "v1", "kind": "Service", "anything": 1}, True),
        ({"kind": "Service"}, False),
        ({}, False),
    ],
)
def test_chooses_by_kind(value: Any, good: bool) -> None:
    assert jsonschema.Draft7Validator(schema.document_schema()).is_valid(value) == good


def test_kinds() -> None:
    assert [schema.kind_of(one) for one in ({}, {"kind": 1, "rules": 1}, {"lists": 1})] == [
        "Route",
        "KubernetesObject",
        "Lists",
    ]


def test_settings_are_checked_by_the_printed_schema() -> None:
    validator = jsonschema.Draft7Validator(schema.settings_schema())
    assert validator.is_valid({"drain": "30s", "listeners": {"proxy": ["tcp:1"]}, "access": {"timeout": 5}})
    assert not validator.is_valid({"listners": {}})


def test_every_form_belongs_to_a_field() -> None:
    for cls, name in forms.FORMS:
        assert name in cls.__dataclass_fields__  # type: ignore[attr-defined]
