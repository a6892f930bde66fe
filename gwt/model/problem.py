"""How a Problem is told: for people, with the line and a caret; for machines, as JSON; for GitHub, as a command."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

from gwt.model.route import Problem

_WIDTH: Final = 100
_BOLD, _RED, _YELLOW, _GREEN, _DIM, _END = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m", "\x1b[0m"


def place(problem: Problem) -> str:
    """FILE:LINE:COLUMN, as far as it is known."""
    if not problem.line:
        return problem.file
    return f"{problem.file}:{problem.line}:{problem.column}" if problem.column else f"{problem.file}:{problem.line}"


def headline(problem: Problem) -> str:
    """FILE:LINE:COLUMN: error: what is wrong, without control characters."""
    return _visible(f"{place(problem)}: {problem.severity}: {problem.message}")


def brief(problems: Sequence[Problem]) -> str:
    """Problems of one file (at least one) in one line: the first, and how to see the others."""
    first, *others = problems
    return headline(first) + (f" (and {len(others)} more: gwt check {_visible(first.file)})" if others else "")


def format_problem(problem: Problem, color: bool = False) -> str:
    """The headline, and where the line is known the line and a caret under the column.

    Long lines are cut to a window around the column. Nothing that a document holds reaches the terminal as a command.
    """
    lines = [_headline_in_color(problem) if color else headline(problem)]
    if problem.text and problem.line:
        text, caret = _window(problem.text, max(problem.column, 1) - 1)
        number = f"{problem.line:>6}"
        bar = f"{_DIM}{number} |{_END} " if color else f"{number} | "
        gap = f"{_DIM}{' ' * len(number)} |{_END} " if color else f"{' ' * len(number)} | "
        lines.append(bar + text)
        lines.append(gap + " " * caret + (f"{_BOLD}{_GREEN}^{_END}" if color else "^"))
    return "\n".join(lines)


def _headline_in_color(problem: Problem) -> str:
    hue = _RED if problem.severity == "error" else _YELLOW
    where, what = _visible(place(problem)), _visible(problem.message)
    return f"{_BOLD}{where}:{_END} {_BOLD}{hue}{problem.severity}:{_END} {_BOLD}{what}{_END}"


def _window(text: str, column: int) -> tuple[str, int]:
    """The part of `text` around `column` (from 0) as it is shown, and how many columns of the terminal stand before."""
    start = 0
    if len(text) > _WIDTH:
        start = max(0, min(column - _WIDTH // 2, len(text) - _WIDTH))
    shown = text[start : start + _WIDTH]
    before = _visible(shown[: column - start])
    lead, tail = "..." if start else "", "..." if start + _WIDTH < len(text) else ""
    return lead + _visible(shown) + tail, len(lead) + _columns(before)


def _visible(text: str) -> str:
    """Control characters and what else has no shape made visible; tabs become one blank."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char == "\t" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii") if ord(char) < 0x110000 else "?"


def _columns(text: str) -> int:
    """Columns of a terminal that `text` takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


def to_dict(problem: Problem) -> dict[str, Any]:
    """A Problem as plain data; `line` and `column` are null where they are not known."""
    return {
        "file": problem.file,
        "line": problem.line or None,
        "column": problem.column or None,
        "severity": problem.severity,
        "message": problem.message,
        "name": problem.name,
    }


def to_json(problems: Iterable[Problem]) -> str:
    """All problems as one JSON array."""
    return json.dumps([to_dict(problem) for problem in problems], indent=2)


def to_github(problem: Problem) -> str:
    """A workflow command of GitHub Actions, which marks the line in a pull request."""
    kind = "warning" if problem.severity == "warning" else "error"
    parts = [f"file={_property(problem.file)}"]
    if problem.line:
        parts += [f"line={problem.line}", f"col={problem.column}"]
    message = problem.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{kind} {','.join(parts)}::{message}"


def _property(text: str) -> str:
    for char, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(char, code)
    return text
