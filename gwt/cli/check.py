"""`gwt check` and `twistd gateway --check`: every problem at once, with its place."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from gwt.cli.command import Command
from gwt.cli.offline import Unreadable, is_settings, read_bytes, read_store, settings_problems, store_path
from gwt.configuration import Configuration, data_directory, find, shown
from gwt.model.problem import format_problem, to_github, to_json
from gwt.model.route import Problem
from gwt.model.settings import Settings
from gwt.oplog import use_colour

FORMATS = ("text", "json", "github")


class Options(Command):
    """Check documents, or a gateway.yaml and its store."""

    synopsis = "[--config gateway.yaml] [--format text|json|github] [FILE|DIR ...]"
    longdesc = (
        "Checks files and directories of documents (together, as one store) and gateway.yaml files. Without arguments: "
        "./gateway.yaml and the store that it names. Nothing listens and nothing is written. Prints every problem as "
        "FILE:LINE:COLUMN, and exits with 1 if any of them is an error."
    )
    optParameters = [
        ["config", "c", None, "The gateway.yaml to check, with its store"],
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
    return check_paths([path or data_directory() / "demo-gateway.yaml"], form, demo=path is None)


def check_paths(paths: Sequence[Path], form: str = "text", config: str | None = None, demo: bool = False) -> int:
    """Check all of `paths`; documents are judged as one store, under `config` or the one gateway.yaml among them."""
    problems: list[Problem] = []
    documents: list[Path] = []
    settings: Settings | None = None
    checked = 0
    try:
        for path in [*([Path(config)] if config else []), *paths]:
            text = "" if path.is_dir() else read_bytes(path).decode("utf-8", "replace")
            if path.is_dir() or not (is_settings(text) or path.name == "gateway.yaml" or str(path) == config):
                documents.append(path)
                continue
            checked += 1
            settings, found = settings_problems(text, shown(path.absolute()))
            problems += found
            store = None if settings is None else store_path(Configuration(None if demo else path, text, settings))
            if store is not None and not (config and paths):
                documents.append(store)
        found_store = read_store(documents, settings)
    except Unreadable as error:
        print(f"gwt: {error}", file=sys.stderr)
        return 1
    problems += found_store.problems
    report(problems, form, checked + found_store.files)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


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
