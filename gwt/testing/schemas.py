"""Strategies from JSON Schema: values that a schema allows, for the part of draft-07 that `gwt.model.derive` writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from gwt.model.derive import DURATION, SIZE

Schema = Mapping[str, Any]
Strategy = st.SearchStrategy[Any]

#: What texts of configurations often are; where a schema says no more, most texts are made of these.
WORDS = (
    "a", "x-a", "X-Test", "Authorization", "/", "/a", "/a/b", "example.com", "http://peer.test/ask", "10.0.0.0/8",
    "192.0.2.7", "::1", "1", "60", "GET", "text/plain", "^/a/(.*)$", "*", "b-1: c",
)  # fmt: skip
_BOUND = 2**31


#: Durations and sizes, most of them such as a test can wait for.
_UNITS: Mapping[str, Strategy] = {
    DURATION["pattern"]: st.sampled_from(["2", "2s", "500ms", "0.1m"]) | st.integers(0, 9) | st.floats(0, 9),
    SIZE["pattern"]: st.sampled_from(["100", "1KiB", "1m"]) | st.integers(0, 1 << 20),
}


def of_schema(schema: Schema) -> Strategy:
    """Values that `schema` allows. Its `definitions` may be recursive."""
    return _Maker(schema.get("definitions", {})).of(schema)


class _Maker:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._made: dict[str, Strategy] = {}

    def of(self, schema: Schema) -> Strategy:
        found = self._plain(schema)
        examples = list(schema.get("examples", ()))
        if "default" in schema:
            examples.append(schema["default"])
        return st.sampled_from(examples) | found if examples else found

    def _plain(self, schema: Schema) -> Strategy:
        if "$ref" in schema:
            return self._reference(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            return st.one_of([self.of(one) for one in schema["anyOf"]])
        if "enum" in schema:
            return st.sampled_from(list(schema["enum"]))
        if "const" in schema:
            return st.just(schema["const"])
        if schema.get("pattern") in _UNITS:
            return _UNITS[schema["pattern"]]
        kinds = schema.get("type")
        if kinds is None:
            return ANYTHING
        return st.one_of([self._typed(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)])

    def _reference(self, name: str) -> Strategy:
        if name not in self._made:
            self._made[name] = st.deferred(lambda: self.of(self._definitions[name]))
        return self._made[name]

    def _typed(self, kind: str, schema: Schema) -> Strategy:
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        makers = {"string": texts, "integer": _integers, "number": _numbers}
        if kind in makers:
            return makers[kind](schema)
        return st.booleans() if kind == "boolean" else st.none()

    def _object(self, schema: Schema) -> Strategy:
        known = {name: self.of(one) for name, one in schema.get("properties", {}).items()}
        needed = {name: known.get(name, ANYTHING) for name in schema.get("required", ())}
        others = schema.get("additionalProperties", True)
        fixed = st.fixed_dictionaries(needed, optional={name: one for name, one in known.items() if name not in needed})
        if known or others is False:
            return fixed
        least = schema.get("minProperties", 0)
        inner = self.of(others) if isinstance(others, Mapping) else ANYTHING
        return st.dictionaries(texts(schema.get("propertyNames", {})), inner, min_size=least, max_size=max(3, least))

    def _array(self, schema: Schema) -> Strategy:
        items = schema.get("items", {})
        if isinstance(items, list):
            return st.tuples(*map(self.of, items)).map(list)
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", least + 3), least + 3)
        unique = repr if schema.get("uniqueItems") else None
        return st.lists(self.of(items), min_size=least, max_size=most, unique_by=unique)


#: Where a schema says nothing.
ANYTHING: Strategy = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(WORDS)


def texts(schema: Schema) -> Strategy:
    """Texts by pattern and length: words where they fit, and others."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    long = most if most is not None else least + 20
    pattern = schema.get("pattern")
    fitting = [word for word in WORDS if least <= len(word) <= long and (not pattern or re.search(pattern, word))]
    if pattern is not None:
        fits: Strategy = st.from_regex(pattern)
        made = fits.filter(lambda text: least <= len(text) <= long and text.isprintable())
    else:
        made = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=least, max_size=long)
    return st.sampled_from(fitting) | made if fitting else made


def _integers(schema: Schema) -> Strategy:
    above = schema.get("exclusiveMinimum")
    least = schema.get("minimum", -_BOUND if above is None else above + 1)
    most = schema.get("maximum", max(_BOUND, least))
    return st.integers(least, min(most, least + 5)) | st.integers(least, most)


def _numbers(schema: Schema) -> Strategy:
    above = schema.get("exclusiveMinimum")
    least = schema.get("minimum", -_BOUND if above is None else above)
    most = schema.get("maximum", max(_BOUND, least))
    return st.floats(least, most, allow_nan=False, exclude_min=above is not None) | _integers(
        {"minimum": int(least) + 1, "maximum": max(int(most), int(least) + 1)}
    )
