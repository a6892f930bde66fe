"""gwt diff."""

from __future__ import annotations

import json

import pytest
from cli.answering import answering

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
TOLD = {
    "documents": [
        {"name": "x", "field": "hosts[1]", "before": "b"},
        {"name": "x", "field": "access.timeout", "before": 5, "after": 6},
        {"name": "y", "field": "", "after": {"hosts": ["y"]}},
    ],
    "policies": [{"host": "x", "uri": "/", "match": "prefix", "field": "read", "before": 5.0, "after": 6.0},
                 {"host": "x", "uri": "/a", "match": "exact", "field": "closed", "before": None, "after": "policy"}],
    "requests": [{"url": "http://y/", "before": None, "after": "n/s:80 (y)"}],
}  # fmt: skip
NOTHING = {"documents": [], "policies": [], "requests": []}


def test_fields_and_what_they_mean(capsys: Capture) -> None:
    with answering({"/v1/diff": TOLD}) as (url, asked):
        assert run(["diff", "2", "4", "--admin", url]) == 1
    assert asked[0][1] == "/v1/diff?from=2&to=4"
    assert capsys.readouterr().out.splitlines() == [
        "x", '  - hosts[1]: "b"', "  - access.timeout: 5", "  + access.timeout: 6", "y", '  + {"hosts": ["y"]}',
        "in effect", "  x/ read: 5.0 -> 6.0", '  x/a (exact) closed: null -> "policy"',
        "requests", "  http://y/: nowhere -> n/s:80 (y)",
    ]  # fmt: skip


def test_nothing_and_json(capsys: Capture) -> None:
    with answering({"/v1/diff": NOTHING}) as (url, asked):
        assert run(["diff", "0", "--admin", url]) == 0
        assert capsys.readouterr().out == "no difference\n" and asked[0][1] == "/v1/diff"
        assert run(["diff", "3", "--json", "--admin", url]) == 0
    assert json.loads(capsys.readouterr().out) == NOTHING


@pytest.mark.parametrize("words", [[], ["x"], ["1", "y"]])
def test_revisions_are_needed(words: list[str]) -> None:
    assert run(["diff", *words]) == 2
