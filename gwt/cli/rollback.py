"""`gwt rollback`: an earlier revision of a shared store, brought back; or what is held since, released."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from twisted.python.usage import UsageError

from gwt.cli.command import Command
from gwt.cli.live import ask


class Options(Command):
    """Bring an earlier revision back, or release what is held since."""

    synopsis = "[--admin URL] REV | --release [NAME...]"
    longdesc = (
        "Puts everything that has changed since revision REV back to what it was: a new revision, so that it can be "
        "undone in the same way. What the controller had written is held until its ConfigMap changes, or until "
        "--release: then the controller puts in force what its ConfigMap says now. With NAMEs (a Route's, else "
        "HASH/NAME, as `gwt history` has them) only these are released."
    )
    optParameters = [["admin", "a", "http://127.0.0.1:9180", "The admin listener of a gateway"]]
    optFlags = [["release", "r", "Give what a rollback holds back to the controller"]]

    def parseArgs(self, *words: str) -> None:
        self["words"] = words

    def postOptions(self) -> None:
        """Raises UsageError where the words are no revision, and none was to be released."""
        words = self["words"]
        if not self["release"] and not (len(words) == 1 and words[0].isdecimal()):
            raise UsageError("which revision? `gwt history` lists them")

    def run(self) -> int:
        if self["release"]:
            return self._release(self["words"])
        rev = self["words"][0]
        told = self._ask(rev)
        if not told["changed"]:
            print(f"nothing has changed since revision {rev}")
            return 0
        print(f"revision {told['revision']}: {', '.join(told['changed'])} as in revision {rev}")
        return 0

    def _release(self, names: Sequence[str]) -> int:
        told = self._ask("release", [("name", name) for name in names])
        if not told["changed"]:
            print("nothing is held")
            return 0
        print(f"revision {told['revision']}: {', '.join(told['changed'])} as the controller says")
        return 0

    def _ask(self, what: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        path = f"/v1/rollback/{quote(what, safe='')}"
        return ask(self["admin"], path, [("actor", getpass.getuser()), *query], "POST", b"")
