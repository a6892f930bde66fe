"""Meaning: what the difference between two states of a gateway comes to: for policies, and for where requests go.

Plain data out. Only the hosts of Routes that differ are looked at: what nobody changed goes where it went.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from gwt.explain import Asked, policy, row
from gwt.leaf import Leaf
from gwt.route.entry import Entry
from gwt.snapshot import Snapshot
from gwt.steps import Steps

#: Paths compared between two yields.
STRIDE = 8

#: What of a row is told where it differs; policies are told field by field.
_TOLD = ("goes_to", "closed")


def hosts_of(snapshot: Snapshot, names: Collection[str]) -> set[str]:
    """The host patterns of the Routes with these names."""
    branches = (snapshot.book.branches.get(name) for name in names)
    return {host for branch in branches if branch is not None for host in branch.entries}


def policies(before: Snapshot, after: Snapshot, hosts: Iterable[str]) -> Steps[list[dict[str, Any]]]:
    """{host, uri, match, field, before, after} of what differs in effect at paths that both have."""
    found: list[dict[str, Any]] = []
    for host in sorted(hosts):
        old = {_key(entry): entry for entry in before.router.entries_of(host)}
        for number, entry in enumerate(after.router.entries_of(host)):
            if _key(entry) in old:
                where = {"host": host, "uri": entry.uri.decode("ascii"), "match": entry.match}
                for field, was, now in _differing(before, after, host, old[_key(entry)], entry):
                    found.append({**where, "field": field, "before": was, "after": now})
            if number % STRIDE == 0:
                yield
    return found


def _key(entry: Entry) -> tuple[Any, ...]:
    return entry.match, entry.uri, entry.count, entry.name


def _differing(before: Snapshot, after: Snapshot, host: str, old: Entry, new: Entry) -> Iterator[tuple[str, Any, Any]]:
    was, now = row(before, host, old), row(after, host, new)
    yield from ((name, was[name], now[name]) for name in _TOLD if was[name] != now[name])
    fields, others = policy(old.target.policy), policy(new.target.policy)
    for name, told in others.items():
        if fields[name]["value"] != told["value"]:
            yield name, fields[name]["value"], told["value"]


def requests(before: Snapshot, after: Snapshot, hosts: Iterable[str]) -> Steps[list[dict[str, Any]]]:
    """{url, before, after} of those GETs, one for each path that either has, that would now go elsewhere."""
    found: list[dict[str, Any]] = []
    for host in sorted(hosts):
        for number, path in enumerate(sorted(_sample(before, host) | _sample(after, host))):
            url = f"http://{host.replace('*', 'any')}{path}"
            was, now = _goes(before, url), _goes(after, url)
            if was != now:
                found.append({"url": url, "before": was, "after": now})
            if number % STRIDE == 0:
                yield
    return found


def _sample(snapshot: Snapshot, host: str) -> set[str]:
    """A path for each entry of a host but those that are matched by a regular expression."""
    entries = snapshot.router.entries_of(host)
    return {one.uri.decode("ascii").replace("{", "").replace("}", "") for one in entries if one.match != "regex"}


def _goes(snapshot: Snapshot, url: str) -> str | None:
    asked = Asked("GET", url)
    leaf: Leaf | None = snapshot.router.match(asked.host, asked.path, asked)
    if leaf is None:
        return None
    place = row(snapshot, "", Entry(b"/", target=leaf))
    return f"{place['goes_to']} ({leaf.route})" if leaf.closed is None else f"closed: {leaf.closed.code} ({leaf.route})"
