"""gwt rollback."""

from __future__ import annotations

import pytest
from cli.answering import answering

from gwt.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_it_says_what_it_did(capsys: Capture) -> None:
    answers = {
        "/v1/rollback/5": {"revision": 8, "changed": ["a", "b"]},
        "/v1/rollback/7": {"revision": 8, "changed": []},
    }
    with answering(answers) as (url, asked):
        assert run(["rollback", "5", "--admin", url]) == run(["rollback", "7", "--admin", url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "revision 8: a, b as in revision 5", "nothing has changed since revision 7"
    ]  # fmt: skip
    assert asked[0][0] == "POST" and asked[0][1].startswith("/v1/rollback/5?actor=")


def test_what_is_held_is_released(capsys: Capture) -> None:
    released = {"revision": 9, "changed": ["a", "lists/office"]}
    with answering({"/v1/rollback/release": released}) as (url, asked):
        assert run(["rollback", "--release", "--admin", url]) == 0
        assert run(["rollback", "a", "-r", "lists/office", "--admin", url]) == 0
        released["changed"] = []
        assert run(["rollback", "--release", "--admin", url]) == 0
    line = "revision 9: a, lists/office as the controller says"
    assert capsys.readouterr().out.splitlines() == [line, line, "nothing is held"]
    assert "name=" not in asked[0][1] and asked[1][1].endswith("&name=a&name=lists%2Foffice")


@pytest.mark.parametrize("words", [[], ["x"], ["-1"], ["1", "2"]])
def test_a_revision_is_needed(words: list[str], capsys: Capture) -> None:
    assert run(["rollback", *words]) == 2
    assert capsys.readouterr().err
