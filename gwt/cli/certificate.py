"""`gwt certificate`: certificates of a running gateway's store, listed, put from files and taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.python.usage import UsageError

from gwt.cli.action import ActionCommand
from gwt.cli.command import CommandError
from gwt.cli.live import ask
from gwt.cli.table import columns


class Options(ActionCommand):
    """List certificates, never their keys; put one, or take one away."""

    name = "certificate"
    actions = {"list": (0, 1), "put": (3, 3), "delete": (1, 1)}
    synopsis = "[--admin URL] [--json] list [NAME] | put NAME CERT KEY | delete NAME"
    longdesc = (
        "CERT (with its chain) and KEY are files of PEM. `put` and `delete` write to the store that all gateways "
        "share, a Redis say; what a controller has written can be replaced, not deleted."
    )
    optParameters = [
        ["admin", "a", "http://127.0.0.1:9180", "The admin listener of a gateway"],
        ["names", "n", None, "Names, with commas, instead of those that the certificate bears"],
        ["client-auth", None, None, "optional or require: ask clients for a certificate that --ca has signed"],
        ["ca", None, None, "The file of certificates of authorities for --client-auth"],
    ]
    optFlags = [["json", "j", "Print JSON"]]

    def postOptions(self) -> None:
        super().postOptions()
        if (self["client-auth"] is None) != (self["ca"] is None):
            raise UsageError("--client-auth and --ca go together")

    def run(self) -> int:
        words = self["words"]
        path = "/v1/certificates" + (f"/{quote(words[0], safe='/')}" if words else "")
        if self["action"] == "list":
            return self._list(ask(self["admin"], path), bool(words))
        body = json.dumps(self._document(words[1], words[2])).encode() if self["action"] == "put" else None
        told = ask(self["admin"], path, (), "DELETE" if body is None else "PUT", body)
        print(f"certificates revision {told['revision']}: {words[0]}")
        return 0

    def _document(self, cert: str, key: str) -> dict[str, Any]:
        document: dict[str, Any] = {"cert": _text(cert), "key": _text(key)}
        if self["names"]:
            document["names"] = [name.strip() for name in self["names"].split(",") if name.strip()]
        if self["client-auth"] is not None:
            document["client_auth"] = {"mode": self["client-auth"], "ca": _text(self["ca"])}
        return document

    def _list(self, told: Any, one: bool) -> int:
        if self["json"]:
            print(json.dumps(told, indent=2, ensure_ascii=False))
            return 0
        rows = [
            (held["name"], ", ".join(held["names"]), f"until {held['ends']}", held["fingerprint"][:16])
            for held in ([told] if one else told["certificates"])
        ]
        print("\n".join(columns(rows, "")) or "the store holds no certificate")
        for problem in told.get("problems", ()) if one else ():
            print(f"{problem['file']}: {problem['message']}")
        return 0


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise CommandError(f"cannot read {path}: {reason}") from None
