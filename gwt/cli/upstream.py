"""`gwt upstream`: services and their endpoints, listed, put and taken away in a running gateway's store."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from twisted.python.usage import UsageError

from gwt.cli.action import ActionCommand
from gwt.cli.live import ask
from gwt.cli.table import columns
from gwt.model import units


class Options(ActionCommand):
    """List services and their endpoints; put one, or take one away."""

    name = "upstream"
    actions = {"list": (0, 1), "put": (2, 1000), "delete": (1, 1)}
    synopsis = "[--admin URL] [--json] list [NAME] | put NAME ADDRESS[=WEIGHT]... | delete NAME"
    longdesc = (
        "NAME is namespace/service:port or a bare name. `put` and `delete` write to the store that all gateways "
        "share, a Redis say; what a controller has written can be replaced, not deleted."
    )
    optParameters = [["admin", "a", "http://127.0.0.1:9180", "The admin listener of a gateway"]]
    optFlags = [["json", "j", "Print JSON"]]

    def run(self) -> int:
        words = self["words"]
        path = "/v1/upstreams" + (f"/{quote(words[0], safe='/:')}" if words else "")
        if self["action"] == "list":
            return self._list(ask(self["admin"], path), bool(words))
        body = None
        if self["action"] == "put":
            body = json.dumps({"endpoints": [_endpoint(word) for word in words[1:]]}).encode()
        told = ask(self["admin"], path, (), "DELETE" if body is None else "PUT", body)
        print(f"services revision {told['revision']}: {words[0]}")
        return 0

    def _list(self, told: Any, one: bool) -> int:
        if self["json"]:
            print(json.dumps(told, indent=2, ensure_ascii=False))
            return 0
        rows = [row for upstream in ([told] if one else told["upstreams"]) for row in _rows(upstream)]
        print("\n".join(columns(rows, "")) or "no service is known")
        return 0


def _endpoint(word: str) -> dict[str, Any]:
    address, equals, weight = word.rpartition("=") if "=" in word else (word, "", "")
    if equals and not weight.isdecimal():
        raise UsageError(f"{word!r}: a weight is a number, as in 10.0.0.1:80=3")
    try:
        written = {"address": units.address(address, 80)}
    except ValueError as error:
        raise UsageError(str(error)) from None
    return {**written, "weight": int(weight)} if equals else written


def _rows(upstream: Any) -> list[tuple[str, ...]]:
    endpoints = upstream["endpoints"]
    if not endpoints:
        return [(upstream["name"], "no endpoint", "", "")]
    return [
        (upstream["name"] if number == 0 else "", one["address"], f"weight {one['weight']}", _state(one))
        for number, one in enumerate(endpoints)
    ]


def _state(endpoint: Any) -> str:
    return "ready" if endpoint["ready"] else "not ready"
