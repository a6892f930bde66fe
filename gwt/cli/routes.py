"""`gwt routes`: what is routed where, from files or from a running gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gwt.cli.command import Command, CommandError
from gwt.cli.live import ask
from gwt.cli.offline import read_store, store_path
from gwt.cli.table import columns
from gwt.configuration import find, load
from gwt.explain import listing

FORMATS = ("text", "json")
HEAD = ("HOST", "PATH", "CONDITIONS", "GOES TO", "ENDPOINTS", "ROUTE", "PLACE")


class Options(Command):
    """List what is routed where."""

    synopsis = "[--config gateway.yaml | --admin URL] [HOST ...]"
    longdesc = (
        "One line for each path of each host, in the order in which they are tried. With HOST only those whose name "
        "contains it. Reads the store of ./gateway.yaml (or of --config), or asks a running gateway with --admin."
    )
    optParameters = [
        ["config", "c", None, "The gateway.yaml whose store is read"],
        ["admin", "a", None, "Ask the gateway with this admin listener, http://127.0.0.1:9180 say"],
        ["format", "f", "text", "text or json"],
    ]

    def parseArgs(self, *hosts: str) -> None:
        self.hosts = hosts

    def postOptions(self) -> None:
        self.one_of("format", FORMATS)

    def run(self) -> int:
        rows = [row for row in self._rows() if not self.hosts or any(host in row["host"] for host in self.hosts)]
        print(json.dumps(rows, indent=2) if self["format"] == "json" else "\n".join(table(rows)))
        return 0

    def _rows(self) -> Sequence[Mapping[str, Any]]:
        if self["admin"]:
            return ask(self["admin"], "/v1/routes", [("view", "table")])["entries"]
        configuration = load(find(self["config"]))
        path = store_path(configuration)
        if path is None:
            raise CommandError(f"the store {configuration.settings.store} is not in files: ask a gateway with --admin")
        return listing(read_store([path], configuration.settings).snapshot)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of `listing`, for people."""
    if not rows:
        return ["nothing is routed"]
    cells = [HEAD]
    for row in rows:
        path = row["uri"] if row["match"] == "prefix" else f"{row['match']} {row['uri']}"
        conditions = str(row["conditions"] or "")
        ready = "" if row["endpoints"] is None else f"{row['ready']}/{row['endpoints']}"
        goes = f"{row['goes_to']} ({row['closed']})" if row["closed"] else row["goes_to"]
        cells.append((row["host"], path, conditions, goes, ready, row["route"], row["place"]))
    return columns(cells, indent="")
