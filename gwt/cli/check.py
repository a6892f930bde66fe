"""`gwt check` and `twistd gateway --check`: every problem at once, with its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gwt.cli.command import Command
from gwt.cli.inspection import Inspection
from gwt.cli.offline import Unreadable
from gwt.configuration import data_directory, find
from gwt.model.problem import format_problem, to_github, to_json
from gwt.model.route import Problem
from gwt.oplog import use_colour

FORMATS = ("text", "json", "github")


class Options(Command):
    """Check documents, or a gateway.yaml and its store."""

    synopsis = "[--config gateway.yaml] [--format text|json|github] [FILE|DIR ...]"
    longdesc = (
        "Checks files, and all files of directories, each as what it is: documents (together, as one store), a "
        "gateway.yaml with the store that it names, a controller.yaml; a JSON Schema is passed over. Without "
        "arguments: ./gateway.yaml. Nothing listens and nothing is written. Prints every problem as FILE:LINE:COLUMN, "
        "and exits with 1 if any of them is an error."
    )
    optParameters = [
        ["config", "c", None, "The gateway.yaml to check, with its store, or under which documents are judged"],
        ["format", "f", "text", "text, json, or github (annotations in pull requests)"],
    ]

    def parseArgs(self, *paths: str) -> None:
        self.paths = [Path(path) for path in paths]

    def postOptions(self) -> None:
        self.one_of("format", FORMATS)

    def run(self) -> int:
        if not self.paths:
            return check_gateway(find(self["config"]), self["format"])
        return check_paths(self.paths, self["format"], self["config"])


def check_gateway(path: Path | None, form: str = "text") -> int:
    """Check the gateway.yaml at `path` (None: the demo's) and the documents of its store; the exit status."""
    file = path or data_directory() / "demo-gateway.yaml"
    return _inspect(lambda inspection: inspection.gateway(file, demo=path is None), form)


def check_controller(path: Path, form: str = "text") -> int:
    """Check the controller.yaml at `path`; the exit status."""
    return _inspect(lambda inspection: inspection.controller(path), form)


def check_paths(paths: Sequence[Path], form: str = "text", config: str | None = None) -> int:
    """Check all of `paths`, each file as what it is; documents under `config`, or the one gateway.yaml among them."""

    def look(inspection: Inspection) -> None:
        if config is not None:
            inspection.under(Path(config))
        for path in paths:
            inspection.look(path)

    return _inspect(look, form)


def _inspect(look: Callable[[Inspection], None], form: str) -> int:
    inspection = Inspection()
    try:
        look(inspection)
        inspection.finish()
    except Unreadable as error:
        print(f"gwt: {error}", file=sys.stderr)
        return 1
    report(inspection.problems, form, inspection.files)
    return 1 if any(problem.severity == "error" for problem in inspection.problems) else 0


def report(problems: Sequence[Problem], form: str, files: int) -> None:
    """Print the problems, and for people a closing line."""
    if form == "json":
        print(to_json(problems))
        return
    for problem in problems:
        print(to_github(problem) if form == "github" else format_problem(problem, use_colour(1)))
    errors = sum(1 for problem in problems if problem.severity == "error")
    warnings = len(problems) - errors
    if form == "text":
        verdict = f"{_some(errors, 'error')}, {_some(warnings, 'warning')}" if problems else "no problems"
        print(f"{verdict} in {_some(files, 'file')}", file=sys.stderr if errors else sys.stdout)


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
