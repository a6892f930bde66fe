"""`gwt rollback`: an earlier revision of a shared store, brought back."""

from __future__ import annotations

import getpass
from urllib.parse import quote

from twisted.python.usage import UsageError

from gwt.cli.command import Command
from gwt.cli.live import ask


class Options(Command):
    """Bring an earlier revision back."""

    synopsis = "[--admin URL] REV"
    longdesc = (
        "Puts everything that has changed since revision REV back to what it was: a new revision, so that it can be "
        "undone in the same way. What the controller had written is held until its ConfigMap changes."
    )
    optParameters = [["admin", "a", "http://127.0.0.1:9180", "The admin listener of a gateway"]]

    def parseArgs(self, rev: str = "") -> None:
        if not rev.isdecimal():
            raise UsageError("which revision? `gwt history` lists them")
        self["rev"] = rev

    def run(self) -> int:
        path = f"/v1/rollback/{quote(self['rev'], safe='')}"
        told = ask(self["admin"], path, [("actor", getpass.getuser())], "POST", b"")
        if not told["changed"]:
            print(f"nothing has changed since revision {self['rev']}")
            return 0
        print(f"revision {told['revision']}: {', '.join(told['changed'])} as in revision {self['rev']}")
        return 0
