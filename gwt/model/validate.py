"""A JSON Schema (the part of draft-07 that `model.schema` uses) compiled to closures that report every fault.

Accepts exactly what a draft-07 validator accepts. What differs is what is said: in words, at the deepest place,
with the nearest known word where one seems misspelt. `title` of a schema is what it is called in messages.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from gwt.model.yaml12 import PathTuple

#: A path as a linked list, ((None, "hosts"), 0): made on the way down, flattened only for a fault. None is the root.
Trail = tuple[Any, "str | int"] | None


class Fault(NamedTuple):
    """Something wrong at `trail` (at its last key with `on_key`), not yet placed in a file.

    `closes`: a name that means nothing, which closes the paths that it governs; the document comes into force.
    """

    trail: Trail
    message: str
    on_key: bool = False
    severity: str = "error"
    missing: str = ""  # the key that a mapping lacks
    closes: bool = False


Check = Callable[[Any, Trail, list[Fault]], None]
Schema = Mapping[str, Any]

_NAMES = {
    "object": "a mapping", "array": "a list", "string": "a text", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "null",
}  # fmt: skip
_TYPES: dict[type, tuple[str, ...]] = {
    dict: ("object",), list: ("array",), str: ("string",), bool: ("boolean",), int: ("integer", "number"),
    float: ("number",), type(None): ("null",),
}  # fmt: skip


def flatten(trail: Trail) -> PathTuple:
    """The path that a trail stands for."""
    path: list[str | int] = []
    while trail is not None:
        trail, step = trail
        path.append(step)
    return tuple(reversed(path))


def trail_of(path: PathTuple) -> Trail:
    """The trail that stands for a path."""
    trail: Trail = None
    for step in path:
        trail = (trail, step)
    return trail


def compile_schema(schema: Schema, definitions: Mapping[str, Schema]) -> Check:
    """The check for `schema`; `$ref`s lead to `definitions`, which may be recursive."""
    return _Compiler(definitions).check(schema)


def describe(value: Any) -> str:
    """A value as a person would name it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"[:60]
    if isinstance(value, str):
        return f"the text {_clip(value)!r}" if value else "an empty text"
    return "null" if value is None else "a mapping" if isinstance(value, dict) else "a list"


def suggest(word: Any, known: Iterable[str]) -> str:
    """`, did you mean 'auth_type'?`, or nothing where no known word is near."""
    names = list(known)
    if not isinstance(word, str) or not names or len(word) > 100:
        return ""
    folded = {name.lower().replace("-", "_"): name for name in names}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return f", did you mean {folded[near[0]]!r}?" if near else ""


def _clip(text: str) -> str:
    shown = str(text)  # of a secret: not what it is
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _types(value: Any) -> tuple[str, ...]:
    kinds = _TYPES.get(type(value), ("string",))
    return ("integer", "number") if type(value) is float and value.is_integer() else kinds


def _one_of(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


class _Compiler:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._done: dict[str, Check] = {}
        self._texts: set[Check] = set()  # those that take every text that is not empty

    def check(self, schema: Schema) -> Check:
        if "$ref" in schema:
            return self._reference(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            return self._any_of(schema)
        allowed = schema.get("type")
        if allowed is None:
            return _enumeration(schema) if "enum" in schema else _anything
        kinds = [allowed] if isinstance(allowed, str) else list(allowed)
        by_type = {kind: self._for_type(kind, schema) for kind in kinds}
        if "enum" in schema:
            return _enumeration(schema)
        check = by_type[kinds[0]] if kinds in (["object"], ["array"]) else _by_type(by_type, schema)
        if "string" in kinds and not {"pattern", "maxLength"} & schema.keys() and schema.get("minLength", 0) < 2:
            self._texts.add(check)
        return check

    def _for_type(self, kind: str, schema: Schema) -> Check:
        makers: dict[str, Callable[[Schema], Check]] = {
            "object": self._object, "array": self._array, "string": _string, "integer": _number, "number": _number,
        }  # fmt: skip
        return makers[kind](schema) if kind in makers else _anything

    def _reference(self, name: str) -> Check:
        if name not in self._done:
            # A late-bound stand-in first: a definition may contain itself.
            self._done[name] = lambda value, trail, faults: self._done[name](value, trail, faults)
            self._done[name] = self.check(self._definitions[name])
        return self._done[name]

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def _any_of(self, schema: Schema) -> Check:
        """By the type of the value; every branch must name its type, and be the only one for it or an enum."""
        branches: dict[str, list[Check]] = {}
        names: list[str] = []
        for branch in schema["anyOf"]:
            target = self._resolve(branch)
            for kind in _kinds(target):
                branches.setdefault(kind, []).append(self.check(branch))
            names.append(_expected(target))
        expected = schema.get("title") or _one_of(list(dict.fromkeys(names)))

        def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
            tries = [check for kind in _types(value) for check in branches.get(kind, ())]
            if not tries:
                faults.append(_mismatch(expected, value, trail, "string" in branches, "array" in branches))
                return
            best: list[Fault] | None = None
            for attempt in tries:
                found: list[Fault] = []
                attempt(value, trail, found)
                if not found:
                    return
                best = found if best is None or len(found) < len(best) else best
            faults.extend(best or ())

        if not self._texts.isdisjoint(branches.get("string", ())):
            self._texts.add(check)
        return check

    def _array(self, schema: Schema) -> Check:
        items = schema.get("items", {})
        fixed = [self.check(item) for item in items] if isinstance(items, list) else None
        each = None if fixed is not None or not items else self.check(items)
        texts = each in self._texts
        least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
        what, expected = schema.get("title", "the list"), _expected(schema)

        def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
            if type(value) is not list:
                faults.append(_mismatch(expected, value, trail, listed=True))
                return
            if not least <= len(value) <= most:
                count = (
                    f"{least}" if least == most else f"at least {least}" if len(value) < least else f"at most {most}"
                )
                faults.append(
                    Fault(trail, f"{what} takes {count} item{'' if count.endswith(' 1') else 's'}, got {len(value)}")
                )
            if each is not None:
                for index, item in enumerate(value):
                    if not (texts and type(item) is str and item):
                        each(item, (trail, index), faults)
            elif fixed is not None:
                for index, (one, item) in enumerate(zip(fixed, value, strict=False)):
                    one(item, (trail, index), faults)

        return check

    def _object(self, schema: Schema) -> Check:
        known = {name: self.check(sub) for name, sub in schema.get("properties", {}).items()}
        texts = frozenset(name for name, check in known.items() if check in self._texts)
        required = dict.fromkeys(schema.get("required", ())).keys()
        rest = schema.get("additionalProperties", True)
        other = self.check(rest) if isinstance(rest, dict) and rest else None
        names = list(known)
        least, what = schema.get("minProperties", 0), schema.get("title", "the mapping")
        expected = _expected(schema)

        def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
            if type(value) is not dict:
                faults.append(_mismatch(expected, value, trail))
                return
            for key, item in value.items():
                if type(item) is str and item and key in texts:
                    continue  # as nearly everything in a document
                sub = known.get(key, other)
                if sub is not None:
                    sub(item, (trail, key), faults)
                elif rest is False:
                    hint = suggest(key, (name for name in names if name not in value))
                    faults.append(Fault((trail, key), f"unknown key {_clip(key)!r}{hint}", True))
            if not required <= value.keys():
                for key in required:
                    if key not in value:
                        faults.append(Fault(trail, f"{what} needs the key {key!r}", missing=key))
            if len(value) < least:
                faults.append(Fault(trail, f"{what} must not be empty"))

        return check


def _kinds(schema: Schema) -> list[str]:
    """The types that a branch is for."""
    if "enum" in schema:
        return list(dict.fromkeys(_types(value)[0] for value in schema["enum"]))
    kinds = schema.get("type", "string")
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _expected(schema: Schema) -> str:
    if "title" in schema:
        return str(schema["title"])
    if "enum" in schema:
        return _one_of([_literal(value) for value in schema["enum"]])
    kinds = schema.get("type", "string")
    return _one_of([_NAMES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def _literal(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _mismatch(expected: str, value: Any, trail: Trail, text: bool = False, listed: bool = False) -> Fault:
    hint = ""
    if isinstance(value, dict) and text and len(value) == 1 and None in value.values():
        hint = f'; quote it: "{{{next(iter(value))}}}"'
    elif text and isinstance(value, (bool, int, float)):
        hint = f'; quote it: "{_literal(value)}"'
    elif listed and isinstance(value, str):
        hint = f"; write [{_clip(value)}]"
    elif value is None:
        hint = " (nothing); leave the key out or write a value"
    return Fault(trail, f"expected {expected}, got {describe(value)}{hint}")


def _by_type(by_type: dict[str, Check], schema: Schema) -> Check:
    expected = _expected(schema)
    text, listed = "string" in by_type, "array" in by_type
    fast: dict[type, Check] = {}
    for python, kinds in _TYPES.items():
        for kind in kinds:
            if kind in by_type:
                fast[python] = by_type[kind]
                break
    integer = by_type.get("integer")

    def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
        found = fast.get(type(value))
        if found is None and integer is not None and type(value) is float and value.is_integer():
            found = integer
        if found is None and text and isinstance(value, str):
            found = by_type["string"]
        if found is None:
            faults.append(_mismatch(expected, value, trail, text, listed))
        elif found is not _anything:
            found(value, trail, faults)

    return check


def _anything(value: Any, trail: Trail, faults: list[Fault]) -> None:
    """The empty schema."""


def _enumeration(schema: Schema) -> Check:
    allowed = schema["enum"]
    expected = _expected(schema)
    words = [word for word in allowed if isinstance(word, str)]

    def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
        if not any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in allowed):
            faults.append(Fault(trail, f"expected {expected}, got {describe(value)}{suggest(value, words)}"))

    return check


def _string(schema: Schema) -> Check:
    pattern = re.compile(schema["pattern"]).search if "pattern" in schema else None
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    if pattern is None and not least and most == float("inf"):
        return _anything
    expected = _expected(schema)

    def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
        if not least <= len(value) <= most:
            limit = f"at least {least}" if len(value) < least else f"at most {most}"
            faults.append(Fault(trail, f"expected {expected} of {limit} character{'s' * (limit[-2:] != ' 1')}"))
        elif pattern is not None and not pattern(value):
            faults.append(Fault(trail, f"expected {expected}, got {describe(value)}"))

    return check


def _number(schema: Schema) -> Check:
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    above = schema.get("exclusiveMinimum", float("-inf"))
    if least == above == float("-inf") and most == float("inf"):
        return _anything

    def check(value: Any, trail: Trail, faults: list[Fault]) -> None:
        if value < least:
            faults.append(Fault(trail, f"must be at least {least}, got {value}"))
        elif value > most:
            faults.append(Fault(trail, f"must be at most {most}, got {value}"))
        elif value <= above:
            faults.append(Fault(trail, f"must be more than {above}, got {value}"))

    return check
