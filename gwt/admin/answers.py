"""Answers: JSON written in small parts, so that a hundred thousand routes never hold up a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"

#: An item of a long list that is none: the work may pause here.
PAUSE: Any = object()

#: A mapping or list of plain values is written on one line up to this length.
_LINE = 120

_SCALARS = frozenset((str, int, float, bool, type(None)))
_dumps = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Reply:
    """`body`: what `encode` takes, or text parts where `kind` is another than JSON. `etag` without quotes."""

    body: Any
    status: int = 200
    kind: str = JSON
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> Iterator[str]:
        """The text, in parts each made in far less than a millisecond; some are empty."""
        if self.kind != JSON:
            yield from self.body
            return
        yield from encode(self.body)
        yield "\n"


def failed(status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
    """An error."""
    return Reply({"error_msg": message, "code": code, **more}, status, headers=headers or {})


def encode(value: Any, indent: str = "") -> Iterator[str]:
    """`value` as JSON for people, in parts. Beyond what JSON knows it may hold iterators, which become lists as they
    are written (an item PAUSE is left out), and functions without arguments, which are asked when their turn comes.
    """
    if callable(value):
        value = value()
    if isinstance(value, str):
        yield _dumps(str(value))  # a Secret shows itself masked; the encoder would not ask it
    elif type(value) in _SCALARS:
        yield _dumps(value)
    elif isinstance(value, Mapping):
        line = _one_line(value, (*value, *value.values()))
        yield from [line] if line else _members(value, indent)
    elif isinstance(value, list | tuple):
        line = _one_line(value, value)
        yield from [line] if line else _items(value, indent)
    else:
        yield from _items(value, indent)


def _one_line(value: Any, items: Iterable[Any]) -> str | None:
    if len(value) > _LINE // 3 or not all(type(item) in _SCALARS or not item for item in items):
        return None
    line = _dumps(value)
    return line if len(line) <= _LINE or not value else None


def _members(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    inner = indent + "  "
    lead = "{\n" + inner
    for key, item in value.items():
        yield f"{lead}{_dumps(str(key))}: "
        yield from encode(item, inner)
        lead = ",\n" + inner
    yield "\n" + indent + "}"


def _items(value: Iterable[Any], indent: str) -> Iterator[str]:
    inner = indent + "  "
    opening = lead = "[\n" + inner
    for item in value:
        if item is PAUSE:
            yield ""
            continue
        yield lead
        yield from encode(item, inner)
        lead = ",\n" + inner
    yield "[]" if lead is opening else "\n" + indent + "]"


Late = Callable[[], Any]
