"""`gwt audit`: who may reach what, from files or from a running gateway; and rules that must hold, for CI."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError

from gwt.audit import WORDS, BadRule, Finding, Rule, audit, findings, read_rule
from gwt.cli.command import Command, CommandError
from gwt.cli.live import ask
from gwt.cli.offline import read_store, store_path
from gwt.cli.table import columns
from gwt.configuration import find, load, shown

FORMATS = ("text", "json")
HEAD = ("HOST", "PATH", "AUTH", "LIMITS", "LISTS", "ROUTE", "PLACE")


class Options(Command):
    """Show who may reach what, and fail where somebody may who must not."""

    synopsis = "[--config gateway.yaml | --admin URL] [--fail-on WORD:PATTERN ...] [HOST ...]"
    longdesc = (
        "One line for each path of each host, in the order in which they are tried: what is asked of who enters, what "
        "limits how often, which addresses may, each with who set it. With HOST only those whose name contains it. "
        "Reads the store of ./gateway.yaml (or of --config), or asks a running gateway with --admin.\n\n"
        "--fail-on is for CI: exit status 1 and one line FILE:LINE for each path that has what must not be. WORD is "
        f"{', '.join(f'{word} ({what})' for word, what in WORDS.items())}. PATTERN is a path, with a host before it if "
        "need be, and * for anything: public:/admin*, unlimited:api.example.com/*, public:*.internal.example.com/*. "
        "A path counts as what really answers it: where /admin has a login but /admin/x falls through to a public /, "
        "that is found."
    )
    optParameters = [
        ["config", "c", None, "The gateway.yaml whose store is read"],
        ["admin", "a", None, "Ask the gateway with this admin listener, http://127.0.0.1:9180 say"],
        ["format", "f", "text", "text or json"],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[Rule] = []
        self._folder: Path | None = None

    def opt_fail_on(self, text: str) -> None:
        """A rule WORD:PATTERN such as public:/admin*; may be given several times"""
        try:
            self.rules.append(read_rule(text))
        except BadRule as error:
            raise UsageError(f"--fail-on {error}") from None

    def parseArgs(self, *hosts: str) -> None:
        self.hosts = hosts

    def postOptions(self) -> None:
        self.one_of("format", FORMATS)

    def run(self) -> int:
        rows = [self._placed(row) for row in self._rows()]
        rows = [row for row in rows if not self.hosts or any(host in row["host"] for host in self.hosts)]
        found = list(findings(rows, self.rules))
        if self["format"] == "json":
            print(json.dumps({"entries": rows, "findings": [_plain(one) for one in found]}, indent=2))
        elif not self.rules:
            print("\n".join(table(rows)))
        else:
            lines = [f"{one.row['place']}: error: {one}" for one in found]
            print("\n".join(lines) if found else f"no path breaks {_some(self.rules)}")
            if found:
                print(f"{len(found)} found", file=sys.stderr)
        return 1 if found else 0

    def _rows(self) -> Sequence[Mapping[str, Any]]:
        if self["admin"]:
            return ask(self["admin"], "/v1/routes", [("view", "audit")])["entries"]
        configuration = load(find(self["config"]))
        path = store_path(configuration)
        if path is None:
            raise CommandError(f"the store {configuration.settings.store} is not in files: ask a gateway with --admin")
        self._folder = path if path.is_dir() else path.parent
        return audit(read_store([path], configuration.settings).snapshot)

    def _placed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """With a place that an editor finds from here."""
        file, colon, line = row["place"].rpartition(":")
        if self._folder is None or not (colon and line.isdigit() and (self._folder / file).is_file()):
            return dict(row)
        return {**row, "place": f"{shown(self._folder / file)}:{line}"}


def _some(rules: Sequence[Rule]) -> str:
    return "the rule" if len(rules) == 1 else f"any of the {len(rules)} rules"


def _plain(finding: Finding) -> dict[str, str]:
    row = finding.row
    return {"rule": str(finding.rule), "place": row["place"], "host": row["host"], "path": finding.path,
            "uri": row["uri"], "route": row["route"], "message": str(finding)}  # fmt: skip


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of `gwt.audit.audit`, for people."""
    if not rows:
        return ["nothing is routed"]
    cells = [HEAD]
    for row in rows:
        path = row["uri"] if row["match"] == "prefix" else f"{row['match']} {row['uri']}"
        if row["conditions"]:
            path += f" (if {row['conditions']})"
        auth = f"closed ({row['closed']})" if row["closed"] else _cell([*row["auth"], *row["require"]]) or "public"
        cells.append((row["host"], path, auth, _cell(row["limits"]), _cell(row["lists"]), row["route"], row["place"]))
    return columns(cells, indent="")


def _cell(said: Sequence[Mapping[str, str]]) -> str:
    return "; ".join(f"{one['what']} < {one['set_by']}" for one in said)
