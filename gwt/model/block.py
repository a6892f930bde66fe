"""The YAML that people write, read line by line, at a quarter of what libyaml's nodes cost.

Block mappings and lists, scalars of one line (plain or quoted, without escapes), flow collections of one line,
comments. Whatever else there is (anchors, tags, `|` and `>`, escapes, tabs, duplicate keys, anything wrong) is not
judged here: `read` answers None, and `yaml12` reads the text. So what this module reads, it reads as that one does.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from gwt.model.yaml12 import PathTuple, plain

#: Block collections inside each other, and flow ones; both together stay below `yaml12.MAX_DEPTH`.
_DEEP: Final = 60
_FLOW_DEEP: Final = 20
#: Characters of a plain scalar: a longer one may be a number of too many digits.
_LONG: Final = 300

#: What a line holds behind its key or dash.
_BLANK, _OPEN, _SCALAR, _FLOW = range(4)

# What may stand in a scalar: no control character, no line break (U+2028 is one), no surrogate, no byte order mark.
_OTHER = "\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_FIRST = r"(?:[A-Za-z0-9_/.~^$+(=]|-(?=[A-Za-z0-9.]))"
_INNER = rf'[!"$-9;-~{_OTHER}]'  # neither # nor :
_PLAIN = rf"{_FIRST}{_INNER}*(?::{_INNER}+)*(?:\ +{_INNER}+(?::{_INNER}+)*)*"
_KEY = r"[A-Za-z0-9_/.][A-Za-z0-9_/.-]{0,200}(?::[A-Za-z0-9_/.-]{1,200})?"
_QUOTED = rf""""[\ !#-\[\]-~{_OTHER}]*"|'[\ -&(-~{_OTHER}]*'"""
_LINE = re.compile(
    rf"""(\ *)(-\ +)?(?:({_KEY}):(?=\ |\r?$))?\ *
    ({_PLAIN}|{_QUOTED}|[\[{{][^#\n]*[\]}}])?\ *(?:(?<![^\ ])\#[\ -~{_OTHER}]*)?\r?""",
    re.X,
).fullmatch

_WORD = r"[A-Za-z0-9_/.^$*+()=~-]"
_FLOW_PLAIN = rf"{_FIRST}{_WORD}*(?::{_WORD}+)*"
_WORDS = re.compile(rf"\[{_FLOW_PLAIN}(?:,\ ?{_FLOW_PLAIN})*\]").fullmatch
_ITEM = re.compile(
    rf"""\ *(?:({_KEY}|{_QUOTED}):\ +)?(?:({_FLOW_PLAIN}|{_QUOTED})\ *([,\]}}])|(?=[\[{{]))""", re.X
).match
_AFTER = re.compile(r" *([,\]}])").match
_EMPTY = re.compile(r"[\[{] *([\]}])").match


class Block(NamedTuple):
    """A document: its value and the line (from 0) on which it begins.

    `rows`: by the `id` of each block collection in it, the line of each key or index.
    """

    value: Any
    rows: dict[int, dict[str | int, int]]
    first: int

    def line(self, path: PathTuple) -> int:
        """The line (from 0) of the key or list item that `path` names. Raises LookupError where there is none."""
        value, found = self.value, self.first
        for step in path:
            if not isinstance(value, (dict, list)):
                raise LookupError(path)
            rows = self.rows.get(id(value))
            found = found if rows is None else rows[step]
            value = value[step]  # type: ignore[index]
        return found


class _Unread(Exception):
    """This text is for `yaml12`."""


def read(text: str) -> Block | None:
    """The document in `text`, None where it holds anything that is not read here. Never raises."""
    try:
        flow = text.strip(" \n")
        if flow.startswith(("{", "[")) and "\n" not in flow:
            return Block(_flow(flow), {}, text.count("\n", 0, text.index(flow)))
        return _read(text)
    except _Unread:
        return None


def _read(text: str) -> Block:
    """Every line is a key, a list item or both; its column says which of the open collections it belongs to."""
    root: dict[str, Any] = {}
    found: dict[int, dict[str | int, int]] = {}
    outer: list[tuple[int, Any, dict[str | int, int]]] = []
    # The innermost collection: its column, itself and its rows. The outermost holds the document and nothing else.
    column = -1
    owner: Any = root
    rows: dict[str | int, int] = {}
    waiting: str | None = ""  # the key on the line before, if its value may follow it
    known = _known
    for number, line in enumerate(text.split("\n")):
        at, dash, key, kind, value = known.get(line) or _row(line)
        if kind is _BLANK:
            continue
        if waiting is not None and (at > column or (dash and at == column)):
            outer.append((column, owner, rows))
            owner[waiting] = owner = [] if dash else {}
            column, rows = at, {}
            found[id(owner)] = rows
        else:
            while column > at or (column == at and not dash and type(owner) is list):
                column, owner, rows = outer.pop()
            if column != at or (type(owner) is list) != (dash > 0):
                raise _Unread
        if kind is _FLOW:
            value = _fresh(value)
        waiting = key if kind is _OPEN else None
        if dash:
            rows[len(owner)] = number
            if not key:
                owner.append(value)
                continue
            outer.append((column, owner, rows))
            column, rows = at + dash, {}
            above, owner = owner, {}
            above.append(owner)
            found[id(owner)] = rows
        elif key in owner:
            raise _Unread
        owner[key] = value
        rows[key] = number
        if len(outer) > _DEEP:
            raise _Unread
    if not root:
        raise _Unread
    value = root[""]
    return Block(value, found, next(iter(found[id(value)].values())))


#: What a line says: its column, the width of its dash (0: none), its key ("": none), kind and value.
Row = tuple[int, int, str, int, Any]

#: Most lines of most documents are the same. (A dict: asking an `lru_cache` costs as much as reading a short line.)
_known: dict[str, Row] = {}
_MANY, _SHORT = 4096, 200


def _row(line: str) -> Row:
    row = _parsed(line)
    if len(_known) >= _MANY:
        _known.clear()
    if len(line) < _SHORT:
        _known[line] = row
    return row


def _parsed(line: str) -> Row:
    match = _LINE(line)
    if match is None:
        raise _Unread
    indent, dash, key, written = match.groups("")
    if not written:
        if dash and not key:
            raise _Unread
        return len(indent), len(dash), key, _OPEN if key else _BLANK, None
    if not key and not dash:
        raise _Unread
    kind = _FLOW if written[0] in "[{" else _SCALAR
    return len(indent), len(dash), key, kind, _flow(written) if kind is _FLOW else _scalar(written)


def _scalar(written: str) -> Any:
    """The value of what is no collection."""
    if written[0] in "\"'":
        return written[1:-1]
    if len(written) > _LONG:
        raise _Unread
    return plain(written)


def _fresh(value: Any) -> Any:
    """A copy, so that no two documents share what can be changed."""
    if type(value) is list:
        return [_fresh(item) for item in value]
    return {key: _fresh(item) for key, item in value.items()} if type(value) is dict else value


def _flow(text: str) -> Any:
    """A flow collection that takes all of `text`."""
    if _WORDS(text):
        return [_scalar(word.lstrip()) for word in text[1:-1].split(",")]
    value, end = _collection(text, 0, 0)
    if end != len(text):
        raise _Unread
    return value


def _collection(text: str, at: int, depth: int) -> tuple[Any, int]:
    """The flow collection that begins at `at`, and where it ends."""
    empty = _EMPTY(text, at)
    mark, end = (empty[1], empty.end()) if empty else (",", at + 1)
    found: list[tuple[str | None, Any]] = []
    while mark == ",":
        item = _ITEM(text, end)
        if item is None or depth > _FLOW_DEEP:
            raise _Unread
        key, written, mark = item.groups()
        end = item.end()
        if written:
            found.append((key, _scalar(written)))
            continue
        inner, end = _collection(text, end, depth + 1)
        found.append((key, inner))
        after = _AFTER(text, end)
        if after is None:
            raise _Unread
        mark, end = after[1], after.end()
    if mark != "]}"[text[at] == "{"]:
        raise _Unread
    return (_mapping(found) if mark == "}" else _sequence(found)), end


def _mapping(found: list[tuple[str | None, Any]]) -> dict[str, Any]:
    result = {key[1:-1] if key[0] in "\"'" else key: value for key, value in found if key is not None}
    if len(result) != len(found):
        raise _Unread  # a key twice, or none
    return result


def _sequence(found: list[tuple[str | None, Any]]) -> list[Any]:
    if any(key is not None for key, _ in found):
        raise _Unread
    return [value for _, value in found]
