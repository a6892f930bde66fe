"""A file of the gateway's own configuration: its text -> what it says, with every problem in its place.

gateway.yaml and controller.yaml are read in the same way; neither repeats a secret in what is said about it.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from gwt.model.access import Reader
from gwt.model.document import MAX_LINE_TEXT, RawDocument, read_documents
from gwt.model.mend import SETTINGS, independent, mended
from gwt.model.route import Problem
from gwt.model.secret import ReadFile, interpolate, mask_line, mask_value
from gwt.model.validate import Check, Fault, describe, flatten
from gwt.model.yaml12 import PathTuple

T = TypeVar("T")


class Objection(NamedTuple):
    """Why a file that is right by itself can't be used: `message` in one line for people, about what is at `path`."""

    path: PathTuple
    message: str


class Form(NamedTuple, Generic[T]):
    """A configuration file: its `title`, what an empty one says, the check of its schema, and what reads a value."""

    title: str
    empty: T
    check: Check
    read: Callable[[Reader, dict[str, Any], str], T]


def read_mapping(
    text: str, file: str, env: Mapping[str, str], read_file: ReadFile | None, form: Form[T]
) -> tuple[T | None, list[Problem]]:
    """What the text of `file` says, or None, and its problems (see `load_settings`)."""
    documents = list(read_documents(text, file))
    if not documents:
        return form.empty, []
    raw, *others = documents
    if others:
        return None, [
            *map(_masked, raw.problems),
            others[0].problem(f"{form.title} is one document; this is a second one"),
        ]
    if raw.problems or not isinstance(raw.value, dict):
        return None, [_masked(one) for one in raw.problems] or [
            raw.problem(f"{form.title} is a mapping, this is {describe(raw.value)}")
        ]
    faults: list[Fault] = []
    value = interpolate(raw.value, env, read_file or _reader(file), None, faults)
    form.check(value, None, faults)
    more: list[Fault] = []
    reader = Reader(raw.line_of, more, written=raw.lines)
    found = form.read(reader, mended(value, faults, SETTINGS) if faults else value, file)
    faults.extend(independent(more, faults) if faults else more)
    problems = _problems(raw, faults)
    return (None if any(one.severity == "error" for one in problems) else found), problems


def _problems(raw: RawDocument, faults: list[Fault]) -> list[Problem]:
    shown = [_problem(raw, fault.message, flatten(fault.trail), fault.on_key, fault.severity) for fault in faults]
    return sorted(shown, key=lambda problem: (problem.line, problem.column))


def _problem(raw: RawDocument, message: str, path: PathTuple, on_key: bool = False, severity: str = "error") -> Problem:
    """A Problem at `path` that repeats no secret."""
    problem = raw.problem(message, path, on_key, severity)
    return _hidden(problem) if any(path[: len(one)] == one for one in _SECRETS) else _masked(problem)


#: What holds secrets as they are, so that neither a value nor its line may be repeated.
_SECRETS = (("identity", "keys"), ("debug_token",), ("admin_token",), ("metrics_token",))


def _masked(problem: Problem) -> Problem:
    return replace(problem, text=mask_line(problem.text))


def _hidden(problem: Problem) -> Problem:
    masked = mask_line(problem.text)
    text = mask_value(masked) if masked == problem.text else masked
    return replace(problem, message=problem.message.partition(", got ")[0], text=text)


def _reader(file: str) -> ReadFile:
    folder = os.path.dirname(file)

    def read(path: str) -> str:
        with open(os.path.join(folder, os.path.expanduser(path)), encoding="utf-8") as stream:
            return stream.read()

    return read


def placed(text: str, file: str, objections: Iterable[Objection]) -> list[Problem]:
    """What is said against the text of `file`, a configuration that could be read, in its places."""
    raw = next(read_documents(text, file), None)
    if raw is None:  # it says nothing: all of it are defaults
        return [Problem(file, 0, 0, one.message) for one in objections]
    found = [_problem(raw, one.message, one.path) for one in objections]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def with_text(text: str, problem: Problem) -> Problem:
    """A Problem of the configuration `text` whose line is known, with that line; what may be secret is masked."""
    lines = text.splitlines()
    if problem.text or not 0 < problem.line <= len(lines):
        return problem
    return _masked(replace(problem, text=lines[problem.line - 1][:MAX_LINE_TEXT]))


def raw_value(text: str, key: str, default: Any, env: Mapping[str, str], file: str) -> Any:
    """What a configuration says under `key`, however wrong the rest of it is; None where that can't be told."""
    raw = next(read_documents(text, file), None)
    if raw is not None and not isinstance(raw.value, dict):
        return None
    faults: list[Fault] = []
    found = interpolate(default if raw is None else raw.value.get(key, default), env, _reader(file), None, faults)
    return None if faults else found
