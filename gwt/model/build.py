"""A checked plain value -> the dataclass whose schema it has passed: the inverse of writing it down.

Lists become tuples, mappings nested dataclasses, durations seconds and sizes bytes; what is left out has its default.
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


def build(cls: type[T], value: Mapping[str, Any]) -> T:
    """An instance of `cls` from `value`, which has passed its schema. ValueError where `cls` itself objects."""
    hints = get_type_hints(cls, include_extras=True)
    return cls(**{name: _converted(hints[name], item) for name, item in value.items()})


def _converted(hint: Any, value: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _noted(args[0], args[1], value)
    if origin in (Union, UnionType):
        return _either(args, value)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return build(hint, value)  # type: ignore[arg-type]
    if origin is not None and origin is not Literal and isinstance(value, list):
        return _sequence(origin, args, value)
    if origin is not None and isinstance(value, Mapping):
        return {key: _converted(args[1], item) for key, item in value.items()}
    if hint in (int, float) and isinstance(value, (int, float)):
        return hint(value)
    return reveal(value) if isinstance(value, str) else value


def _noted(hint: Any, schema: Any, value: Any) -> Any:
    """What is annotated with a schema: the two that are written otherwise than they are held, and all others."""
    if value is None:
        return None
    if isinstance(schema, Mapping) and schema.get("pattern") == DURATION["pattern"]:
        return units.duration(value)
    if isinstance(schema, Mapping) and schema.get("pattern") == SIZE["pattern"]:
        return units.size(value)
    return _converted(hint, value)


def _either(args: tuple[Any, ...], value: Any) -> Any:
    """By the kind of the value: a mapping, a list, or a scalar."""
    if value is None:
        return None
    for arg in args:
        if _takes(arg, value):
            return _converted(arg, value)
    return _converted(str, value)


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


def _sequence(origin: Any, args: tuple[Any, ...], value: list[Any]) -> Any:
    if origin is tuple and args[-1] is not Ellipsis:
        return tuple(_converted(arg, item) for arg, item in zip(args, value, strict=True))
    items = [_converted(args[0], item) for item in value]
    made = origin if origin in (list, set, frozenset) else tuple
    return made(items)
