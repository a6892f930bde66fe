"""YAML read by lines: what is, what is not, and on which line things stand (tests/laws compares it with libyaml)."""

from __future__ import annotations

from typing import Any

import pytest
from timing import least

from gwt.model import block, yaml12
from gwt.model.block import read

ROUTE = """\
# The shop.
name: shop
hosts: ["shop{mark}.example.com", '*.shop.example.com']   # two

envs:
- {mark: -prod, namespace: shop}
services:
  - name: cart
    port: 8080
    paths:
    - uri: /cart/{id}
      match: template
      methods: [GET, POST]
      access:
        timeout: 2.5
    -   uri: /
upstreams:
  a/b:80:
  - 10.0.0.1:80
"""


def test_a_document_as_people_write_it() -> None:
    found = read(ROUTE)
    assert found is not None
    assert found.value == {
        "name": "shop",
        "hosts": ["shop{mark}.example.com", "*.shop.example.com"],
        "envs": [{"mark": "-prod", "namespace": "shop"}],
        "services": [
            {
                "name": "cart",
                "port": 8080,
                "paths": [
                    {
                        "uri": "/cart/{id}",
                        "match": "template",
                        "methods": ["GET", "POST"],
                        "access": {"timeout": 2.5},
                    },
                    {"uri": "/"},
                ],
            }
        ],
        "upstreams": {"a/b:80": ["10.0.0.1:80"]},
    }


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("envs", 0, "mark"), 5),
        (("services", 0), 7),
        (("services", 0, "paths", 0, "access", "timeout"), 14),
        (("services", 0, "paths", 1), 15),
        (("upstreams", "a/b:80", 0), 18),
    ],
)
def test_lines(path: tuple[Any, ...], line: int) -> None:
    found = read(ROUTE)
    assert found is not None
    assert found.line(path) == line


@pytest.mark.parametrize("path", [("x",), ("services", 1), ("name", "x"), ("hosts", 0, "x")])
def test_there_is_no_line_of_what_is_not_there(path: tuple[Any, ...]) -> None:
    found = read(ROUTE)
    assert found is not None
    with pytest.raises(LookupError):
        found.line(path)


@pytest.mark.parametrize(("text", "first"), [("\n\n {a: [b]}\n", 2), ("[a, 'b']", 0), ("a: 1", 0), ("# c\n\n- a", 2)])
def test_where_it_begins(text: str, first: int) -> None:
    found = read(text)
    assert found is not None
    assert found.first == found.line(()) == first


@pytest.mark.parametrize(
    "text",
    [
        "", "# c", "a", "a: b: c", "a: |\n  b", "a: >-\n  b", "a: &x 1", "a: *x", "a: !!str 1", "a:\tb", "a: 'it''s'",
        'a: "\\n"', "a: 1\na: 2", "{a: 1, a: 2}", "a: {b: 1, b: 2}", "a: [b", "a: [b,\n  c]", "a: b\n  c",
        "a:\n  b: 1\n c: 2", "- a\nb: c", "a: 1\n- b", "- - a", "-\n  a: 1", "<<: {a: 1}", "? a", "a: 'b' c",
        "a: b #c\x00", "a: \u2028", "a: b\x85c", "[a]: b", "a: {b}", "a: [b: c]", "a: [b,]", "a: [b}",
        "a: " + "9" * 401, "'a': 1", "%YAML 1.2\n", "a: b\xa0#c",
    ],
)  # fmt: skip
def test_what_is_left_to_libyaml(text: str) -> None:
    assert read(text) is None


def test_depth_is_bounded_below_that_of_the_other_road() -> None:
    deep = "".join(f"{' ' * depth}a:\n" for depth in range(100))
    assert read(deep) is None
    assert read("a: " + "[" * 40 + "]" * 40) is None
    nested = "".join(f"{' ' * depth}a:\n" for depth in range(50)) + " " * 50 + "a: " + "[" * 15 + "]" * 15
    found = read(nested)
    assert found is not None
    assert yaml12.Constructor(len(nested)).value(yaml12.compose(nested)) == found.value


def test_documents_share_nothing_that_can_be_changed() -> None:
    first, second = read("a: [b, {c: [d]}]\n"), read("a: [b, {c: [d]}]\n")
    assert first is not None and second is not None
    first.value["a"][1]["c"].append("e")
    assert second.value == {"a": ["b", {"c": ["d"]}]}


def test_few_lines_are_remembered_and_no_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, block.Row] = {}
    monkeypatch.setattr(block, "_known", known)
    assert read("\n".join(f"a{number}: b" for number in range(10_000))) is not None
    assert 0 < len(known) <= 4096
    known.clear()
    assert read("a: " + "b" * 250) is not None
    assert not known


@pytest.mark.parametrize(
    "line", ["a: " + "b " * 50_000 + "#", "a: [" + "b, " * 50_000, "a: " + "b:" * 50_000, "[" * 50_000]
)
def test_no_line_takes_long_to_refuse(line: str) -> None:
    assert read(line) is None
    assert least(lambda: read(line)) < 1
