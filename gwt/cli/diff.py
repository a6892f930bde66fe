"""`gwt diff`: what changed between two revisions of a shared store, by field and by meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from twisted.python.usage import UsageError

from gwt.cli.command import Command
from gwt.cli.live import ask


class Options(Command):
    """Show what changed between two revisions."""

    synopsis = "[--admin URL] [--json] A [B]"
    longdesc = (
        "Compares the documents of revision A with those of B (the last without it), field by field; then says which "
        "effective policies differ, and which of a sample of requests (one for each path) would go elsewhere. "
        "Exit status 1 where something differs."
    )
    optParameters = [["admin", "a", "http://127.0.0.1:9180", "The admin listener of a gateway"]]
    optFlags = [["json", "j", "Print JSON: {documents, policies, requests}"]]

    def parseArgs(self, before: str = "", after: str = "") -> None:
        if not before.isdecimal() or (after and not after.isdecimal()):
            raise UsageError("which revisions? `gwt history` lists them")
        self["query"] = [(name, rev) for name, rev in (("from", before), ("to", after)) if rev and int(rev)]

    def run(self) -> int:
        told = ask(self["admin"], "/v1/diff", self["query"])
        if self["json"]:
            print(json.dumps(told, indent=2, ensure_ascii=False))
        else:
            print("\n".join([*_documents(told["documents"]), *_means(told)]) or "no difference")
        return 1 if told["documents"] else 0


def _documents(found: list[dict[str, Any]]) -> Iterator[str]:
    name = None
    for one in found:
        if one["name"] != name:
            name = one["name"]
            yield name
        field = f"{one['field']}: " if one["field"] else ""
        if "before" in one:
            yield f"  - {field}{_shown(one['before'])}"
        if "after" in one:
            yield f"  + {field}{_shown(one['after'])}"


def _means(told: dict[str, Any]) -> Iterator[str]:
    for number, one in enumerate(told["policies"]):
        if number == 0:
            yield "in effect"
        kind = "" if one["match"] == "prefix" else f" ({one['match']})"
        yield f"  {one['host']}{one['uri']}{kind} {one['field']}: {_shown(one['before'])} -> {_shown(one['after'])}"
    for number, one in enumerate(told["requests"]):
        if number == 0:
            yield "requests"
        yield f"  {one['url']}: {one['before'] or 'nowhere'} -> {one['after'] or 'nowhere'}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
