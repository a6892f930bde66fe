"""`gwt history`: what was changed in a shared store, when, by whom and why."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

from gwt.cli.command import Command
from gwt.cli.live import ask
from gwt.cli.table import columns


class Options(Command):
    """List the revisions of a shared store, or show one."""

    synopsis = "[--admin URL] [--json] [REV]"
    longdesc = (
        "Lists the revisions that the store remembers, the last first; with REV the documents before and after that "
        "one, as JSON. `gwt diff A B` compares two, `gwt rollback REV` brings one back."
    )
    optParameters = [["admin", "a", "http://127.0.0.1:9180", "The admin listener of a gateway"]]
    optFlags = [["json", "j", "Print JSON"]]

    def parseArgs(self, rev: str = "") -> None:
        self["rev"] = rev

    def run(self) -> int:
        told = ask(self["admin"], "/v1/history" + (f"/{quote(self['rev'], safe='')}" if self["rev"] else ""))
        if self["json"] or self["rev"]:
            print(json.dumps(told, indent=2, ensure_ascii=False))
            return 0
        print(f"revision {told['revision']} is in force")
        rows = [
            (str(one["rev"]), _when(one["time"]), one["actor"], ", ".join(one["changed"]), one["reason"])
            for one in told["history"]
        ]
        print("\n".join(columns(rows)) or "  no change is remembered")
        return 0


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
