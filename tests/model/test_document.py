"""Texts to documents: parting, JSON and YAML roads, bounds, and syntax errors said for people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.model import document
from gwt.model.document import RawDocument, decode, read_documents, split


def read(text: str) -> list[RawDocument]:
    return list(read_documents(text, "f.yaml"))


def values(text: str) -> list[Any]:
    return [one.value for one in read(text)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1", [1]),
        ("---\na: 1\n", [2]),
        ("# c\n---\na: 1\n---\na: 2", [3, 5]),
        ("a: 1\n---\n---\n\n---\na: 2\n", [1, 6]),
        ("%YAML 1.2\n---\na: 1\n", [3]),
        ("a: 1\n...\n---\na: 2\n...\n", [1, 4]),
        ("--- {a: 1}\n---\n{a: 2}\n", [1, 3]),
        ("\ufeffa: 1", [1]),
        ("---\r\na: 1\r\n---\r\na: 2\r\n", [2, 4]),
        ("\n\na: 1", [3]),
        ("", []),
        ("# only\n", []),
        ("---\n---\n", []),
        ("null\n---\n~\n", []),
        ('{"a": 1}\n---\n\n{"a": 2}', [1, 4]),
        ("--- # c\na: 1\n", [1]),
        ("a: |\n  ---\n  x\n---\nb: 1\n", [1, 5]),
        ("a:\n---\nb: x\n", [1, 3]),
    ],
)
def test_documents_and_their_lines(text: str, lines: list[int]) -> None:
    found = read(text)
    assert [one.line for one in found] == lines
    assert [one.index for one in found] == list(range(len(lines)))
    assert not any(one.problems for one in found)


def test_three_dashes_in_a_word_part_nothing() -> None:
    assert values("a: >\n  x\n---x: 1\n") == [{"a": "x\n", "---x": 1}]


def test_what_follows_a_marker_keeps_its_column() -> None:
    assert read("--- {a: 1}")[0].place(("a",)) == (1, 9)


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5) | st.none(), min_size=1), max_size=5
    )
)
def test_json_documents_survive_joining(documents: list[dict[str, Any]]) -> None:
    assert values("\n---\n".join(json.dumps(one) for one in documents)) == documents
    assert values("---\n" + "\n---\n".join(json.dumps(one, indent=1) for one in documents)) == documents


@settings(deadline=None)
@given(st.text("ab{}[]:,-'\"\n\t #&*!|>%@`.\\0", max_size=60))
def test_no_text_raises(text: str) -> None:
    for one in read(text):
        for problem in one.problems:
            assert problem.line >= 1 and problem.column >= 1
            assert problem.line <= text.count("\n") + 1


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_unicode_raises(text: str) -> None:
    read(text)
    read("{" + text)


def test_parting_keeps_everything_but_markers() -> None:
    text = "a\n---\nb\nc\n--- d\n...\ne"
    assert [(chunk.strip(), first) for chunk, first in split(text)] == [("a", 0), ("b\nc", 2), ("d", 4), ("e", 6)]


def problem_of(text: str) -> tuple[int, int, str]:
    problem = read(text)[0].problems[0]
    return problem.line, problem.column, problem.message


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("hosts: [foo{mark}.example.com]\n", 1, 12, 'quote the host: "foo{mark}.example.com"'),
        ("name: x\nhosts:\n- {mark}.example.com\n", 3, 9, 'quote the host: "{mark}.example.com"'),
        ('hosts: ["*.x", foo{mark}.x]', 1, 19, 'quote the host: "foo{mark}.x"'),
        ("hosts: [*.example.com]", 1, 9, 'quote the text: "*.example.com"'),
        ("a: 1\nb: *none\n", 2, 4, "quote the text"),
        ("a:\n\tb: 1\n", 2, 1, "a tab can't indent YAML"),
        ('a: "x\nb: 1\n', 1, 4, "never closed"),
        ("a: [1,\nb: 2\n", 1, 4, "expected ',' or ']'"),
        ("a: {b: 1\nc: 2\n", 1, 4, "expected ',' or '}'"),
        ("a: @x", 1, 4, "can't start with @"),
        ("a: b: c", 1, 5, "a key where none can stand"),
        ("a: 1\n b: 2\n", 2, 3, "a key where none can stand"),
        ("name: x\nhosts\nb: y\n", 3, 1, "expected a ':'"),
        ("hosts:\n  - a\n services: 3\n", 3, 2, "indented like its neighbours"),
        ("a: \x07", 1, 4, "#x07"),
        ('{"a": 1, "a": 2}', 1, 10, "duplicate key 'a'"),
        ('{"a": 1,\n "b": {"c": 1, "c": 2}}', 2, 16, "duplicate key 'c'"),
        ('{"a": "\\ud83d"}', 1, 10, "invalid Unicode"),
        ("[" * 200, 1, 1, "nested deeper than 100 levels"),
        ("a: !!python/object/apply:os.system ['true']", 1, 4, "is not allowed here"),
    ],
)
def test_syntax_errors(text: str, line: int, column: int, message: str) -> None:
    found = problem_of(text)
    assert message in found[2]
    assert found[0] == line
    assert column == found[1] or "nested" in message


def test_json_that_python_would_take_but_is_none() -> None:
    assert values('{"a": NaN, "b": Infinity}') == [{"a": "NaN", "b": "Infinity"}]  # texts, as YAML reads them


def test_json_is_bounded_in_depth() -> None:
    deep = "[" * 150 + "]" * 150
    assert "nested deeper" in problem_of('{"a": ' + deep + "}")[2]
    assert values('{"a": ' + "[" * 60 + "]" * 60 + "}")[0]["a"]
    wide = json.dumps({"a": [[1]] * 500})
    assert len(values(wide)[0]["a"]) == 500


def test_json_pairs_of_surrogates_are_read() -> None:
    assert values('{"a": "\\ud83d\\ude00"}') == [{"a": "\U0001f600"}]


def test_documents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_DOCUMENT", 1 << 20)
    first, second = read("a: 1\n---\nb: " + "x" * (1 << 20))
    assert first.value == {"a": 1}
    assert "larger than 1 MiB" in second.problems[0].message


def test_a_broken_document_harms_no_other() -> None:
    first, second, third = read("a: 1\n---\nb: [\n---\nc: 3\n")
    assert (first.value, third.value) == ({"a": 1}, {"c": 3})
    assert second.value is None
    assert second.problems[0].line == 4 or second.problems[0].line == 3


def test_places_and_lines_in_every_form() -> None:
    block = read("x: 0\n---\na:\n  - b: 1\n    c: 2\n")[1]
    assert block.place(("a", 0, "c")) == (5, 8)
    assert block.place(("a", 0, "c"), True) == (5, 5)
    assert block.line_of(("a", 0)) == block.row_of(block.value["a"], 0) == 4
    assert block.row_of(block.value["a"][0], "c") == 5
    one = read('{"x": 1}\n---\n{"a": [{"b": 1}]}')[1]
    assert one.place(("a", 0, "b")) == (3, 14)
    assert one.line_of(("a", 0, "b")) == one.row_of(one.value["a"][0], "b") == 3
    many = read('{"a":\n [{"b": 1,\n "c": 2}]}')[0]
    assert many.line_of(("a", 0, "c")) == 3
    assert many.row_of(many.value["a"][0], "c") == 0


def test_problems_carry_their_line() -> None:
    one = read("a: 1\r\nb: 2\r\n")[0]
    assert one.problem("wrong", ("b",)).text == "b: 2"
    assert read("a: " + "x" * 5000)[0].problem("wrong", ("a",)).text == ""


def test_bytes_that_are_no_utf8() -> None:
    assert decode("\ufeffé".encode(), "f") == ("é", [])
    text, (problem,) = decode(b"ab\nc\xff", "f")
    assert (text, problem.line, problem.column) == ("", 2, 2)
