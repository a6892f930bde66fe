"""The JSON Schema of `plugins`, with the configurations of those that are known, in the schemas that hold it.

Checks at run time take any mapping there, since plugins come and go; editors want to know each by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gwt.model.derive import Schema
from gwt.model.forms import PLUGINS

NO_PLUGINS: Final[Mapping[str, Schema]] = {}

_DEFINITIONS: Final = "#/definitions/"
#: The names of the definitions that stand for `PLUGINS`, and for a plugin that is turned off.
_PLUGINS, _DISABLED = "Plugins", "DisabledPlugin"
#: Such a plugin may lack what it needs when it runs.
_OFF: Final[Schema] = {
    "type": "object", "title": "a plugin that is turned off", "required": ["_meta"],
    "properties": {"_meta": {"type": "object", "required": ["disable"], "properties": {"disable": {"enum": [True]}}}},
}  # fmt: skip


def with_plugins(definitions: Mapping[str, Schema], plugins: Mapping[str, Schema]) -> dict[str, Schema]:
    """`definitions` with one of `plugins` (schemas of configurations by name), to which all the others refer."""
    result = {name: pointed(schema) for name, schema in definitions.items()}
    properties = {}
    for name in sorted(plugins):
        result.update(_embedded(name, plugins[name]))
        properties[name] = {"anyOf": [_reference(_named(name)), _reference(_DISABLED), {"enum": [False]}]}
    result[_PLUGINS] = {**PLUGINS, "properties": properties}
    result[_DISABLED] = _OFF
    return result


def pointed(schema: Schema) -> Schema:
    """The schema of a mapping, in which what says `PLUGINS` refers to its definition."""
    if "properties" not in schema:
        return schema
    inside = {key: _reference(_PLUGINS) if one == PLUGINS else one for key, one in schema["properties"].items()}
    return {**schema, "properties": inside}


def _reference(name: str) -> Schema:
    return {"$ref": _DEFINITIONS + name}


def _named(name: str, part: str = "") -> str:
    return f"plugin:{name}" + (f":{part}" if part else "")


def _embedded(name: str, schema: Schema) -> dict[str, Schema]:
    """A whole schema as definitions of another: under names of its own, its references turned to them."""
    root = {key: one for key, one in schema.items() if key not in ("$schema", "definitions")}
    parts = {_named(name, part): one for part, one in schema.get("definitions", {}).items()}
    turned: dict[str, Schema] = _turned({_named(name): root, **parts}, name)
    return turned


def _turned(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_turned(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _turned(one, name) for key, one in value.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and reference.startswith(_DEFINITIONS):
        found["$ref"] = _DEFINITIONS + _named(name, reference.removeprefix(_DEFINITIONS))
    return found
