"""`gwt explain`: where a request would go and why, from files or from a running gateway."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from twisted.python.usage import UsageError

from gwt.cli.command import Command, CommandError
from gwt.cli.live import ask
from gwt.cli.offline import read_store, store_path
from gwt.cli.table import columns
from gwt.configuration import find, load
from gwt.explain import Asked
from gwt.explain_streams import explain_any

FORMATS = ("text", "json")


class Options(Command):
    """Show why a request goes where it goes: candidates, winner, policy."""

    synopsis = "[--config gateway.yaml | --admin URL] [-X METHOD] [-H NAME:VALUE ...] URL"
    longdesc = (
        "Example: gwt explain -H 'X-Canary: 1' http://foo.example.com/headers. Reads the store of ./gateway.yaml (or "
        "of --config), or asks a running gateway with --admin http://127.0.0.1:9180. stream://LISTENER/NAME asks for a "
        "connection. Nothing is sent to any service. "
        "Exits with 1 if the gateway would answer with an error of its own."
    )
    optParameters = [
        ["config", "c", None, "The gateway.yaml whose store is read"],
        ["admin", "a", None, "Ask the gateway with this admin listener, http://127.0.0.1:9180 say"],
        ["method", "X", "GET", "The method of the request"],
        ["client", None, "127.0.0.1", "The address that the client has"],
        ["format", "f", "text", "text or json"],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[tuple[str, str]] = []

    def opt_header(self, text: str) -> None:
        """A header as NAME:VALUE; may be given several times"""
        name, colon, value = text.partition(":")
        if not colon:
            raise UsageError(f"a header is NAME:VALUE, not {text!r}")
        self.headers.append((name.strip(), value.strip()))

    opt_H = opt_header

    def parseArgs(self, *urls: str) -> None:
        if len(urls) != 1:
            raise UsageError(f"give one URL, not {len(urls)}")
        self.url = urls[0]

    def postOptions(self) -> None:
        self.one_of("format", FORMATS)

    def run(self) -> int:
        told = self._live() if self["admin"] else self._offline()
        print(json.dumps(told, indent=2) if self["format"] == "json" else "\n".join(tell(told)))
        return 1 if told["error"] else 0

    def _live(self) -> Any:
        query = [("method", self["method"]), ("url", self.url), ("client", self["client"])]
        return ask(self["admin"], "/v1/explain", [*query, *(("header", f"{n}:{v}") for n, v in self.headers)])

    def _offline(self) -> dict[str, Any]:
        configuration = load(find(self["config"]))
        path = store_path(configuration)
        if path is None:
            raise CommandError(f"the store {configuration.settings.store} is not in files: ask a gateway with --admin")
        try:
            asked = Asked(self["method"], self.url, self.headers, self["client"])
        except ValueError as error:
            raise CommandError(f"{self.url}: {error}") from error
        return explain_any(read_store([path], configuration.settings).snapshot, asked)


def tell(told: dict[str, Any]) -> list[str]:
    """What `explain` says, for people."""
    request = told["request"]
    pattern = told["host_pattern"] or "no host of any route"
    lines = [f"{request['method']} {request['host']}{request['path']} from {request['client']}", f"host  {pattern}"]
    if told["candidates"]:
        lines += ["", "candidates, in the order in which they are tried", *_candidates(told["candidates"])]
    if told["winner"] is not None:
        lines += ["", *_winner(told["winner"])]
    if told["error"] is not None:
        lines += ["", f"answer  the gateway's own: {told['error']['code']}, {told['error']['message']}"]
    return lines


def _candidates(candidates: Iterable[dict[str, Any]]) -> list[str]:
    rows = []
    for one in candidates:
        mark = "  lost" if one["lost"] else "->  won"
        where = f"{one['route']}/{one['service']}"
        rows.append((mark, where, f"{one['match']} {one['uri']}", one["lost"] or "", one["place"]))
    return columns(rows)


def _winner(winner: dict[str, Any]) -> list[str]:
    lines = [f"route  {winner['route']}, service {winner['service']}, path {winner['path']}  ({winner['place']})"]
    if winner["action"] == "redirect":
        lines.append(f"sends  the client to {winner['location']}")
    elif winner["resource"]:
        lines.append(f"sends  to the resource {winner['resource']}")
    elif winner["upstream"]:
        to = f"{winner['upstream']} ({winner['protocol']})"
        lines.append(f"sends  {winner['sent_path']} to {to}, Host {winner['host']}")
        lines += _endpoints(winner)
    lines += ["", "policy  (and who set it)"]
    lines += columns([("", name, _short(field["value"]), field["set_by"]) for name, field in winner["policy"].items()])
    lines += ["", "plugins  (in the order in which requests meet them)" if winner["plugins"] else "plugins  none"]
    return lines + columns([_plugin(one) for one in winner["plugins"]])


def _plugin(one: dict[str, Any]) -> tuple[str, ...]:
    if one["state"] != "runs":
        return ("", one["name"], "", "", one["state"], one["set_by"])
    mode = "" if one["mode"] == "enforce" else one["mode"]
    return ("", one["name"], str(one["priority"]), " ".join(one["phases"]), mode, one["set_by"])


def _endpoints(winner: dict[str, Any]) -> list[str]:
    rows = []
    for one in winner.get("endpoints", ()):
        state = "ready" if one["ready"] else "terminating" if one["terminating"] else "not ready"
        next_one = "<- next" if one["address"] == winner.get("endpoint") else ""
        rows.append(("", one["address"], state, f"weight {one['weight']}", next_one))
    return [f"balance  {winner['balance']}", *columns(rows)] if "balance" in winner else []


def _short(value: Any) -> str:
    if value is None:
        return "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
