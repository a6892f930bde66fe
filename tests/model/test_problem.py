"""How problems are told."""

from __future__ import annotations

import json

from gwt.model.problem import brief, format_problem, to_github, to_json
from gwt.model.route import Problem

TARGET = """\
bad.yaml:10:11: error: unknown key 'auth_typ', did you mean 'auth_type'?
    10 |           auth_typ: login
       |           ^"""


def test_the_target() -> None:
    problem = Problem(
        "bad.yaml", 10, 11, "unknown key 'auth_typ', did you mean 'auth_type'?", "          auth_typ: login"
    )
    assert format_problem(problem) == TARGET
    assert "\x1b[31m" in format_problem(problem, color=True)


def test_problems_in_one_line() -> None:
    problems = [Problem("f", 3, 1, "odd\nvery", "odd: very"), Problem("f", 4, 1, "worse"), Problem("f", 5, 1, "bad")]
    assert brief(problems[:1]) == r"f:3:1: error: odd\nvery"
    assert brief(problems) == r"f:3:1: error: odd\nvery (and 2 more: gwt check f)"


def test_without_a_place() -> None:
    assert format_problem(Problem("f", 0, 0, "gone", "")) == "f: error: gone"
    assert format_problem(Problem("f", 3, 0, "odd", "", None, "warning")) == "f:3: warning: odd"


def test_long_lines_are_cut_around_the_column() -> None:
    text = "x" * 300 + "HERE" + "y" * 300
    line, caret = format_problem(Problem("f", 1, 301, "m", text)).splitlines()[1:]
    assert len(line) < 120
    assert line[caret.index("^") :].startswith("HERE")


def test_nothing_reaches_the_terminal_as_a_command() -> None:
    shown = format_problem(Problem("f\x1b", 1, 3, "a\nb\x1b[31m", "\t\x1b[2J\u2028x"))
    assert "\x1b" not in shown and "\u2028" not in shown and shown.count("\n") == 2


def test_wide_characters_move_the_caret() -> None:
    assert format_problem(Problem("f", 1, 3, "m", "\u6f22\u5b57x")).splitlines()[2] == "       |     ^"


def test_for_machines() -> None:
    problem = Problem("a,b:c", 1, 2, "50%\nx", "", "n")
    assert to_github(problem) == "::error file=a%2Cb%3Ac,line=1,col=2::50%25%0Ax"
    assert json.loads(to_json([problem])) == [
        {"file": "a,b:c", "line": 1, "column": 2, "severity": "error", "message": "50%\nx", "name": "n"}
    ]
