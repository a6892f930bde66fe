"""YAML 1.2 scalars, bounds, merge keys and places."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from gwt.model import yaml12
from gwt.model.yaml12 import Constructor, YamlError, compose, find, literal_indent, plain


def load(text: str) -> tuple[Any, list[str]]:
    constructor = Constructor(len(text))
    return constructor.value(compose(text)), [message for message, _, _ in constructor.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2026-01-02", "2026-01-02"),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("", None),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("false", False),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("+12", 12),
        ("1.", 1.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("-", "-"),
        (".", "."),
        ("0b11", "0b11"),
        ("1.2.3.4", "1.2.3.4"),
        ("=", "="),
        ("<<", "<<"),
        ("0o8", "0o8"),
        ("+0x1", "+0x1"),
    ],
)
def test_scalars_of_the_core_schema(text: str, value: Any) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(plain(".nan"))


def test_quoted_scalars_stay_texts() -> None:
    assert load('["1", \'true\', "~", 1, true, ~]')[0] == ["1", "true", "~", 1, True, None]


def test_block_scalars_are_texts() -> None:
    assert load("a: |\n  12\nb: >\n  true\n")[0] == {"a": "12\n", "b": "true\n"}


def test_keys_are_texts() -> None:
    assert load("{8080: a, true: b, ~: c}")[0] == {"8080": "a", "true": "b", "~": "c"}


def test_core_tags_are_kept_and_others_refused() -> None:
    value, faults = load('[!!str 5, !!int "5", !!float 1, !!bool "true", !!null ~, !!seq [], !!map {}]')
    assert value == ["5", 5, 1.0, True, None, [], {}]
    assert faults == []
    for text in (
        "!!python/object/apply:os.system [echo]",
        "!mine x",
        "!!int x",
        "!!bool 1",
        "!!set {a}",
        "!!binary aa==",
    ):
        assert "is not allowed" in load(f"a: {text}")[1][0]


def test_duplicate_keys_are_faults_and_the_first_counts() -> None:
    value, faults = load("a: 1\nb: 2\na: 3\n")
    assert value == {"a": 1, "b": 2}
    assert faults == ["duplicate key 'a'"]


def test_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {z: 3, x: 9}\nall: {<<: [*b, *m], y: 7}\n"
    assert load(text)[0]["all"] == {"x": 1, "y": 7, "z": 3}
    assert find(compose(text), ("more", "z"))[0] == 1
    assert "<< takes a mapping" in load("a: {<<: 3}")[1][0]


def test_a_mapping_as_key_is_a_fault() -> None:
    assert "a key must be a word" in load("{[a]: 1, {b: 2}: 3}")[1][0]


def test_numbers_of_too_many_digits() -> None:
    assert load("a: " + "9" * 5000) == ({"a": 0}, ["a number of too many digits"])


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000, "[" * 500 + "]" * 500])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(YamlError, match="nested deeper than 100"):
        compose(text)


def test_alias_bombs_do_not_expand() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(YamlError, match="expand too far"):
        load("\n".join(lines))


def test_merge_bombs_do_not_expand() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    with pytest.raises(YamlError, match="expand too far"):
        load(f"a: &a {{{keys}}}\nb: {{<<: [{', '.join(['*a'] * 1000)}]}}\n")


def test_an_alias_to_itself_does_not_loop() -> None:
    with pytest.raises(YamlError, match="expand too far"):
        load("a: &a [*a]")


def test_errors_have_their_place() -> None:
    with pytest.raises(YamlError) as caught:
        compose("a: 1\nb: @x\n")
    assert (caught.value.line, caught.value.column) == (1, 3)
    with pytest.raises(YamlError) as caught:
        compose("a: [1,\nb: 2\nc: 3\n")
    assert (caught.value.line, caught.value.column) == (0, 3), "where it was opened, not where that was noticed"
    with pytest.raises(YamlError) as caught:
        compose("a: 1\nbc: \x07\n")
    assert (caught.value.line, caught.value.column) == (1, 4)


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(YamlError, match="surrogate"):
        compose("a: \ud800")


def test_places() -> None:
    root = compose("a:\n  - x\n  - {b: 1, c: [2,   3]}\n")
    assert find(root, ("a", 1, "c", 1)) == (2, 20)
    assert find(root, ("a", 1, "c"), True) == (2, 11)
    assert find(root, ("a", 1, "zz")) == (2, 4), "the nearest thing above"
    assert find(root, ("a", 5)) == (1, 2)
    assert find(root, ()) == (0, 0)


def test_indentation_of_literal_blocks() -> None:
    text = "d:\n  k: |\n\n      a: 1\n  q: 'x'\n"
    assert literal_indent(compose(text), ("d", "k"), text.split("\n")) == (2, 6)
    assert literal_indent(compose(text), ("d", "q"), text.split("\n")) is None
    assert literal_indent(compose(text), ("d", "nope"), text.split("\n")) is None


TEXTS = [
    "a: 1\nb: [x, 'y', \"z\"]\n",
    "a: &x {b: 1}\nc: {<<: *x}\n",
    "a: @x",
    "a: [1",
    "- *b",
    "[" * 300,
    "a: \x07",
    "a: b: c",
    "\ud800",
    "a: !!int '3'\n",
    "k: |\n  text\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_without_libyaml_all_is_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> Any:
        try:
            return load(text)
        except YamlError:
            return "refused"

    fast = outcome()
    monkeypatch.setattr(yaml12, "_Composer", yaml12._PureComposer)
    assert outcome() == fast


def test_tests_run_with_libyaml_where_it_is_there() -> None:
    assert (yaml12.CParser is not None) == yaml.__with_libyaml__
