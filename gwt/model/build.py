"""A checked plain value -> the dataclass whose schema it has passed: the inverse of writing it down.

Lists become tuples, mappings nested dataclasses, durations seconds and sizes bytes; what is left out has its default.
Annotations are read once, when a builder is made: a class may outlive the module in which they can be looked up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gwt.model import units
from gwt.model.derive import DURATION, SIZE
from gwt.model.secret import reveal

T = TypeVar("T")
Convert = Callable[[Any], Any]


def builder(cls: type[T]) -> Callable[[Mapping[str, Any]], T]:
    """What makes instances of `cls` of values that have passed its schema. It raises what `cls` itself does."""
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Convert] = {
        field.name: _convert(hints[field.name])
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if field.init
    }

    def build(value: Mapping[str, Any]) -> T:
        return cls(**{name: fields[name](item) for name, item in value.items()})

    return build


def _convert(hint: Any) -> Convert:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _noted(args[0], args[1])
    if origin in (Union, UnionType):
        return _either(args)
    if dataclasses.is_dataclass(hint):
        return builder(hint)  # type: ignore[arg-type]
    if origin is tuple and args[-1] is not Ellipsis:
        return _pair([_convert(arg) for arg in args])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_convert(args[1]))
    if origin in (tuple, list, set, frozenset):
        return _sequence(origin, _convert(args[0]))
    if hint is int or hint is float:
        return lambda value: value if isinstance(value, bool) else hint(value)
    return lambda value: reveal(value) if isinstance(value, str) else value


def _noted(hint: Any, schema: Any) -> Convert:
    """What is annotated with a schema: the two that are written otherwise than they are held, and all others."""
    pattern = schema.get("pattern") if isinstance(schema, Mapping) else None
    convert = {DURATION["pattern"]: units.duration, SIZE["pattern"]: units.size}.get(pattern) or _convert(hint)
    return lambda value: None if value is None else convert(value)


def _either(args: tuple[Any, ...]) -> Convert:
    """By the kind of the value: a mapping, a list, or a scalar."""
    choices = [(arg, _convert(arg)) for arg in args]

    def convert(value: Any) -> Any:
        if value is None:
            return None
        return next((one(value) for arg, one in choices if _takes(arg, value)), value)

    return convert


def _takes(hint: Any, value: Any) -> bool:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    origin = get_origin(hint)
    if isinstance(value, Mapping):
        return dataclasses.is_dataclass(hint) or (isinstance(origin, type) and issubclass(origin, Mapping))
    if isinstance(value, list):
        return isinstance(origin, type) and not issubclass(origin, Mapping)
    if origin is Literal:
        return value in get_args(hint)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if isinstance(value, (int, float)):
        return hint is float or (hint is int and (isinstance(value, int) or value.is_integer()))
    return hint is str


def _pair(converts: list[Convert]) -> Convert:
    return lambda value: tuple(convert(item) for convert, item in zip(converts, value, strict=True))


def _mapping(convert: Convert) -> Convert:
    return lambda value: {key: convert(item) for key, item in value.items()}


def _sequence(made: Any, convert: Convert) -> Convert:
    return lambda value: made(convert(item) for item in value)
