"""Answers: JSON written in small parts, so that a hundred thousand routes never hold up a request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"

#: An item of a long list that is none: the work may pause here.
PAUSE: Any = object()

#: A mapping or list of plain values is written on one line up to this length.
_LINE = 120
#: What holds no more values than this is written in one part, some 100 µs.
_SMALL = 100

_SCALARS = frozenset((str, int, float, bool, type(None)))
_dumps = json.JSONEncoder(ensure_ascii=False).encode
_quoted = json.encoder.encode_basestring


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
    if _left(value, _SMALL) >= 0:
        yield _text(value, indent)
    elif isinstance(value, Mapping):
        yield from _members(value, indent)
    else:
        yield from _items(value, indent)


def _members(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    inner = indent + "  "
    lead = "{\n" + inner
    for key, item in value.items():
        yield f"{lead}{_quoted(str(key))}: "
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


def _left(value: Any, left: int) -> int:
    """`left` less one for each value in `value`; below 0 where these are more, or not all plain."""
    kind = type(value)
    if kind in _SCALARS or isinstance(value, str):
        return left - 1
    if kind is not dict and kind is not list and kind is not tuple:
        return -1
    left -= 1
    for item in value.values() if kind is dict else value:
        if left < 0:
            break
        left = left - 1 if type(item) in _SCALARS else _left(item, left)
    return left


def _text(value: Any, indent: str) -> str:
    """The whole of a small plain value."""
    kind = type(value)
    if kind is dict:
        if _fits(value.values()) and _fits(value) and len(line := _dumps(value)) <= _LINE:
            return line
        inner = indent + "  "
        members = [f"{inner}{_quoted(str(key))}: {_text(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(members) + "\n" + indent + "}"
    if kind is list or kind is tuple:
        if _fits(value) and (len(line := _dumps(value)) <= _LINE):
            return line
        inner = indent + "  "
        return "[\n" + ",\n".join([inner + _text(item, inner) for item in value]) + "\n" + indent + "]"
    # A Secret shows itself masked; the encoder would not ask it.
    return _quoted(str(value)) if isinstance(value, str) else _dumps(value)


def _fits(items: Iterable[Any]) -> bool:
    """Whether all are plain, or empty: they may stand on one line."""
    for item in items:
        if type(item) not in _SCALARS and item:
            return False
    return True
