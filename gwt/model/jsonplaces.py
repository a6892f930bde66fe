"""Places in JSON text: the line and column of what a path names, for text that `json.loads` has accepted.

Documents written by tools are JSON and are read without positions, since nearly all of them are right. Only when
something must be said about one is its text walked again.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]

from gwt.model.yaml12 import PathTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder()


def find(text: str, path: PathTuple, on_key: bool = False) -> tuple[int, int]:
    """Line and column (from 0) of what `path` names in `text`, or of the nearest thing above it."""
    at = where = _skip(text, 0)
    for number, step in enumerate(path):
        key, value = _child(text, at, step)
        if value < 0:
            break
        where = key if on_key and number == len(path) - 1 else value
        at = value
    line = text.count("\n", 0, where)
    return line, where - text.rfind("\n", 0, where) - 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _child(text: str, at: int, step: str | int) -> tuple[int, int]:
    """Offsets of the key and the value of member `step` of the object or array at `at`; (-1, -1) if there is none."""
    opening = text[at]
    if opening not in "{[":
        return -1, -1
    at = _skip(text, at + 1)
    index = 0
    while text[at] not in "]}":
        key = at
        name: str | int = index
        if opening == "{":
            name, at = scanstring(text, at + 1, False)
            at = _skip(text, _skip(text, at) + 1)
        if name == step and type(name) is type(step):
            return key, at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    return -1, -1
