"""gwt history."""

from __future__ import annotations

import json

import pytest
from cli.answering import answering

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]
ONE = {"rev": 7, "time": 0.0, "actor": "me", "reason": "sale", "changed": ["a", "b"]}


def test_a_line_for_each_revision(capsys: Capture) -> None:
    with answering({"/v1/history": {"revision": 7, "history": [ONE]}}) as (url, _):
        assert run(["history", "--admin", url]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "revision 7 is in force"
    assert line.split()[0] == "7" and line.split()[3:] == ["me", "a,", "b", "sale"]


def test_one_of_them_and_all_as_json(capsys: Capture) -> None:
    with answering({"/v1/history": {"revision": 7, "history": [ONE]}, "/v1/history/7": ONE}) as (url, _):
        assert run(["history", "7", "--admin", url]) == 0
        assert json.loads(capsys.readouterr().out) == ONE
        assert run(["history", "--json", "--admin", url]) == 0
        assert json.loads(capsys.readouterr().out)["history"] == [ONE]
        assert run(["history", "3", "--admin", url]) == 1
    assert "not here" in capsys.readouterr().err


def test_none(capsys: Capture) -> None:
    with answering({"/v1/history": {"revision": 0, "history": []}}) as (url, _):
        assert run(["history", "--admin", url]) == 0
    assert "no change is remembered" in capsys.readouterr().out
