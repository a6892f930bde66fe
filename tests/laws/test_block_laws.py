"""Laws of reading YAML by lines: what is read there is what libyaml reads, value for value and line for line."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model import yaml12
from gwt.model.block import Block, read
from gwt.model.yaml12 import PathTuple

#: Scalars and flow collections that are read by lines, and keys.
READ = [
    "a", "80", "-5", "'q: #'", '"x, y"', "~", "true", "no", "1e3", "/a/{b}", "10.0.0.1:80", "a b c", "[a, b]",
    "{a: 1, b: [c, {d: ''}]}", "[]", "{}", '["*.x", "y{mark}"]', "0x1F", ".inf", "a:b", "(x", "1.", "+3",
    "[[x, ==, y]]", "^/v[0-9]+$", "a é",
]  # fmt: skip
KEYS = ["a", "b", "c", "d", "name", "x/y:80", "X-A", "80", "true", ".k", "/p"]
#: What is not, or may be read in another way than it looks.
ODD = [
    "a#b", '"\\n"', "''''", "[a b]", "[-a, *b]", "{a}", "[a: b]", "{a: b: c}", "[a,]", "#", "# c", "<<", "<<: ", "*a",
    "&a", "!t", "|", ">", "?", "? ", "%", "@", "`", ",", "]", "}", "[", "{", '"', "'", "-", "- ", "=", "\t", "\r",
    "\x85", "\u2028", "\ufeff", "\x00", "\xa0", "\xa0#", "\ud800", "...", "\n---", "::", ":", ": ", " ", "  ", "\n",
    "\n  ", "\n- ", "\n  - ",
]  # fmt: skip


def paths(value: Any, above: PathTuple = ()) -> list[PathTuple]:
    """The path of `value` and every path below it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(path for step, item in items for path in paths(item, (*above, step)))]


def agreed(text: str) -> Block | None:
    """What is read of `text`, once it was compared with what libyaml reads."""
    block = read(text)
    if block is not None:
        root = yaml12.compose(text)
        constructor = yaml12.Constructor(len(text))
        assert repr(block.value) == repr(constructor.value(root))  # repr: 1 is not 1.0 or True, and nan is nan
        assert not constructor.faults
        for path in paths(block.value):
            assert block.line(path) == yaml12.find(root, path, True)[0], path
    return block


gaps = st.sampled_from([""] * 8 + ["\n", "# c\n", "   \n", "  # é “x”\n"])
ends = st.sampled_from(["\n"] * 8 + ["  \n", " # c\n", "\r\n"])


@st.composite
def mappings(draw: st.DrawFn, column: int = 0, depth: int = 0, lead: str = "") -> str:
    """A block mapping at `column`, the first line of it behind `lead`."""
    text = ""
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True)):
        text += lead or draw(gaps) + " " * column
        lead = ""
        kind = draw(st.sampled_from("mapping list nothing scalar scalar scalar".split() if depth < 3 else ["scalar"]))
        if kind == "scalar":
            text += f"{key}:{' ' * draw(st.integers(1, 3))}{draw(st.sampled_from(READ))}{draw(ends)}"
            continue
        text += f"{key}:{draw(ends)}"
        if kind == "mapping":
            text += draw(mappings(column + draw(st.integers(1, 4)), depth + 1))
        elif kind == "list":
            text += draw(sequences(column + draw(st.sampled_from([0, 0, 2, 4])), depth + 1))
    return text


@st.composite
def sequences(draw: st.DrawFn, column: int = 0, depth: int = 0) -> str:
    """A block list at `column`."""
    text = ""
    for compact in draw(st.lists(st.booleans(), min_size=1, max_size=3)):
        dash = draw(st.sampled_from(["- ", "- ", "-   "]))
        text += draw(gaps)
        if compact and depth < 3:
            text += draw(mappings(column + len(dash), depth + 1, " " * column + dash))
        else:
            text += " " * column + dash + draw(st.sampled_from(READ)) + draw(ends)
    return text


documents = st.one_of(mappings(), sequences(), st.integers(0, 4).flatmap(mappings))


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A document in which something stands that should not, or is missing."""
    text = draw(documents)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 3)))
        text = text[:at] + draw(st.sampled_from(["", *ODD, *READ])) + text[end:]
    return text


@given(documents)
@settings(max_examples=300, deadline=None)
def test_what_people_write_is_read_and_is_what_libyaml_reads(text: str) -> None:
    assert agreed(text) is not None


@given(mutants())
@settings(max_examples=1000, deadline=None)
def test_what_is_odd_is_left_to_libyaml_or_read_alike(text: str) -> None:
    agreed(text)


@given(st.lists(st.sampled_from(["a", "b: ", "c:", "\n", "\n", "  ", *READ, *ODD]), max_size=14).map("".join))
@settings(max_examples=1000, deadline=None)
def test_so_is_noise(text: str) -> None:
    agreed(text)
