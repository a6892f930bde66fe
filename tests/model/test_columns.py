"""gwt.model.columns: where something stands in a line of which only the text is known."""

from __future__ import annotations

import pytest

from gwt.model.columns import column_of, place_of
from gwt.model.parse import parse_file
from gwt.model.route import PluginUse, Route
from gwt.model.yaml12 import PathTuple

FLOW = "  - {uri: /, plugins: {cors: {a: 1, b: [5, {c: 6}]}, x: {a: 2}}}"


@pytest.mark.parametrize(
    ("text", "steps", "at"),
    [
        (FLOW, ("cors",), "cors"),
        (FLOW, ("cors", "b"), "b:"),
        (FLOW, ("cors", "b", 0), "5"),
        (FLOW, ("cors", "b", 1, "c"), "c: 6"),
        (FLOW, ("x", "a"), "a: 2"),
        (FLOW, ("x", "gone"), "x: {"),
        (FLOW, ("gone",), "- {"),
        (FLOW, ("a",), "- {"),  # which of the two?
        ("    count: x", ("count",), "count"),
        ('  "count": {"a": 5},', ("count", "a"), '"a"'),
        ("  cors: {a: 1,", ("cors", "a"), "cors"),
        ("  }, b: 5", ("b",), "}"),
        ("", ("a",), ""),
    ],
)
def test_columns(text: str, steps: PathTuple, at: str) -> None:
    assert column_of(text, steps) == text.index(at) + 1


TEXT = """\
# a comment
name: a
hosts: [a.example.com]
plugins:
  cors: {allow: {x: 1}, max: 2}
  other:
    deep:
    - {one: 1, two: 2}
    - three: 3
services: [{upstream: u, paths: [{uri: /, plugins: {last: {z: 1}}}]}]
"""


def uses(text: str) -> list[PluginUse]:
    (route,) = parse_file(text, "a.yaml").documents
    assert isinstance(route, Route)
    return [*route.plugins, *route.services[0].paths[0].plugins]


@pytest.mark.parametrize(
    ("number", "path", "at"),
    [
        (0, (), "cors"),
        (0, ("allow", "x"), "x: 1"),
        (0, ("max",), "max"),
        (0, ("gone",), "cors"),
        (1, (), "other"),
        (1, ("deep", 0, "two"), "two"),
        (1, ("deep", 0), "- {one"),
        (1, ("deep", 1, "three"), "three"),
        (2, ("z",), "z: 1"),
    ],
)
@pytest.mark.parametrize("before", ["", "---\nupstreams: {u: []}\n---\n"])
def test_places_within_the_configuration_of_a_plugin(number: int, path: PathTuple, at: str, before: str) -> None:
    text = TEXT if not before else TEXT.replace("# a comment\n", "")
    documents = parse_file(before + text, "a.yaml").documents
    (route,) = [one for one in documents if isinstance(one, Route)]
    use = [*route.plugins, *route.services[0].paths[0].plugins][number]
    line, column = place_of(use, path)
    assert (before + text).splitlines()[line - 1][column - 1 :].startswith(at)


def test_json_on_one_line() -> None:
    text = '{"name": "a", "hosts": ["a.b"], "plugins": {"cors": {"max": 2}}, "services": [{"upstream": "u", "paths": [{"uri": "/"}]}]}'  # noqa: E501
    (use,) = uses(text)
    assert place_of(use, ("max",)) == (1, text.index('"max"') + 1)


def test_what_is_long_is_not_kept() -> None:
    text = TEXT.replace("max: 2", f"max: {'x' * 3000}")
    assert uses(text)[0].written == ""
    assert place_of(uses(text)[0], ("max",)) == (5, 1)
    assert place_of(PluginUse("a", {"b": 1}), ("b",)) == (0, 0)
