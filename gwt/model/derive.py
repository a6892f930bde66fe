"""JSON Schema (draft-07) from dataclasses: annotations are the schema, what documents write differently is a form.

`forms` maps (class, field) to the schema of how a field is written; a form of None leaves the field out of documents.
An annotation can carry its form: `Annotated[float, DURATION]`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
Forms = Mapping[tuple[type, str], Schema | None]

DURATION: Schema = {
    "title": "a duration such as 10, 10s, 500ms or 1m",
    "type": ["number", "string"],
    "minimum": 0,
    "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)?$",
}
SIZE: Schema = {
    "title": "a size such as 1024, 64KiB or 1m",
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": r"^[0-9]+ ?([kKmMgG]([iI]?[bB])?|[bB])?$",
}
_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def nullable(schema: Schema) -> Schema:
    """`schema`, or null."""
    kind = schema.get("type")
    if kind is None or "enum" in schema:
        return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
    return {**schema, "type": [*([kind] if isinstance(kind, str) else kind), "null"]}


class Deriver:
    """Collects the definitions of the dataclasses that it meets.

    `required` says which fields of a class documents must have; None: those without a default.
    """

    def __init__(
        self, forms: Forms, extra: Mapping[Any, Mapping[str, Schema]], required: Mapping[type, tuple[str, ...]] | None
    ):
        self._forms, self._extra, self._required = forms, extra, required
        self.definitions: dict[str, Schema] = {}

    def of_class(self, cls: Any) -> Schema:
        """The schema of a dataclass: an object of its fields, nothing else allowed."""
        hints = get_type_hints(cls, include_extras=True)
        properties: dict[str, Schema] = {}
        for field in dataclasses.fields(cls):
            form = self._forms.get((cls, field.name), ...)
            if form is None or not field.init:
                continue
            schema = dict(self.of_type(hints[field.name]) if form is ... else form)
            if isinstance(field.default, (str, int, float, bool)) and "$ref" not in schema:
                schema["default"] = field.default
            properties[field.name] = schema
        properties.update(self._extra.get(cls, {}))
        result: Schema = {"type": "object", "title": _words(cls), "additionalProperties": False}
        if cls.__doc__:
            result["description"] = cls.__doc__.partition("\n\n")[0].replace("\n    ", " ")
        required = self._needed(cls) if self._required is None else self._required.get(cls)
        if required:
            result["required"] = list(required)
        result["properties"] = properties
        return result

    @staticmethod
    def _needed(cls: Any) -> list[str]:
        return [
            field.name
            for field in dataclasses.fields(cls)
            if field.init and field.default is field.default_factory is dataclasses.MISSING
        ]

    def of_type(self, hint: Any) -> Schema:
        """The schema of an annotation."""
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return dict(args[1])
        if isinstance(hint, type) and hint in _SCALARS:
            return {"type": _SCALARS[hint]}
        if origin is Literal:
            return {"enum": list(args)}
        if origin in (Union, UnionType):
            return self._union(args)
        if origin is tuple:
            return self._tuple(args)
        if origin in (list, set, frozenset):
            return {"type": "array", "items": self.of_type(args[0])}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of_type(args[1])}
        if dataclasses.is_dataclass(hint):
            name = getattr(hint, "__name__", "")
            if name not in self.definitions:
                self.definitions[name] = {}
                self.definitions[name] = self.of_class(hint)
            return {"$ref": f"#/definitions/{name}"}
        return {}

    def _union(self, args: tuple[Any, ...]) -> Schema:
        schemas = [self.of_type(arg) for arg in args if arg is not NoneType]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        return nullable(schema) if NoneType in args else schema

    def _tuple(self, args: tuple[Any, ...]) -> Schema:
        if args[-1] is Ellipsis:
            return {"type": "array", "items": self.of_type(args[0])}
        items = [self.of_type(arg) for arg in args]
        return {"type": "array", "items": items, "minItems": len(items), "maxItems": len(items)}


def _words(cls: type) -> str:
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in cls.__name__).strip()
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
