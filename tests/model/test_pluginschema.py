"""gwt.model.pluginschema: what editors are told of the configurations of plugins."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

from gwt.model.derive import Schema
from gwt.model.schema import document_schema, settings_schema

#: With a definition of its own, which must not be taken for that of another plugin.
SIZED: Schema = {
    "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["size"],
    "additionalProperties": False, "properties": {"size": {"$ref": "#/definitions/Size"}, "_meta": {"type": "object"}},
    "definitions": {"Size": {"type": "integer"}},
}  # fmt: skip
WORDED = {**SIZED, "definitions": {"Size": {"type": "string"}}}
PLUGINS = {"sized": SIZED, "worded": WORDED}


def document(level: str, plugins: Any) -> Any:
    path: dict[str, Any] = {"uri": "/"}
    service: dict[str, Any] = {"upstream": "u", "paths": [path]}
    route: dict[str, Any] = {"hosts": ["a"], "services": [service]}
    {"route": route, "service": service, "path": path}[level]["plugins"] = plugins
    return route


@pytest.mark.parametrize(
    ("plugins", "good"),
    [
        ({"sized": {"size": 1}}, True),
        ({"sized": {"size": "x"}}, False),
        ({"worded": {"size": "x", "_meta": {"mode": "report"}}}, True),
        ({"worded": {"size": 1}}, False),
        ({"sized": {}}, False),
        ({"sized": False}, True),
        ({"sized": True}, False),
        ({"sized": {"_meta": {"disable": True}}}, True),
        ({"sized": {"_meta": {"disable": False}}}, False),
        ({"unheard-of": {"any": 1}, "other": False}, True),
        ({"unheard-of": 5}, False),
    ],
)
def test_configurations(plugins: Any, good: bool) -> None:
    documents, settings = Draft7Validator(document_schema(PLUGINS)), Draft7Validator(settings_schema(PLUGINS))
    for level in ("route", "service", "path"):
        assert documents.is_valid(document(level, plugins)) == good
    assert settings.is_valid({"global_plugins": plugins}) == good


def test_without_plugins_any_configuration_will_do() -> None:
    validator = Draft7Validator(document_schema())
    assert validator.is_valid(document("path", {"sized": {"size": "x"}}))
    assert not validator.is_valid(document("path", {"sized": 5}))


def test_all_references_lead_somewhere() -> None:
    for schema in (document_schema(PLUGINS), settings_schema(PLUGINS)):
        Draft7Validator.check_schema(schema)
        wanted = {one.removeprefix("#/definitions/") for one in references(schema)}
        assert wanted <= schema["definitions"].keys()


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [one for item in value for one in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [one for item in value.values() for one in references(item)]
