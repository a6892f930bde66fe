"""What a Snapshot and a Catalog say, as values that can be compared: for tests of two ways to the same state."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from gwt.admission import AddressGuard
from gwt.leaf import Leaf
from gwt.phase.member import Member
from gwt.snapshot import Snapshot
from gwt.store.catalog import Catalog


def shown_leaf(leaf: Leaf) -> dict[str, Any]:
    """Everything of a Leaf that decides what is done with a request."""
    shown = {one.name: getattr(leaf, one.name) for one in fields(leaf) if one.name not in ("stats", "handler")}
    shown["closed"] = leaf.closed and leaf.closed.code
    shown["chain"] = leaf.chain and [shown_member(member) for member in leaf.chain.members]
    shown["rewrite"] = leaf.rewrite and leaf.rewrite(b"/a/b")
    return shown


def shown_member(member: Member) -> Any:
    """What a member of a chain is; of address lists, whom they have."""
    guard = getattr(member.methods.get("access"), "__self__", None)
    rule = guard._admits.__self__ if isinstance(guard, AddressGuard) else None
    return member.name, member.priority, member.mode, rule and (rule.allow, rule.deny)


def shown_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Everything of a Snapshot but its revision and the compiler's notes."""
    return {
        "entries": [
            (host, entry.uri, entry.match, entry.priority, entry.conditions, entry.name, shown_leaf(entry.target))
            for host, entry in sorted(snapshot.router.entries(), key=lambda one: one[0])
        ],
        "upstreams": {
            name: (upstream.key, upstream.protocol, [(e.address, e.ready, e.weight) for e in upstream.endpoints])
            for name, upstream in snapshot.upstreams.items()
        },
        "guarded": snapshot.guarded,
        "lists": snapshot.lists,
        "consumers": snapshot.consumers,
        "slashes": (snapshot.escaped_slashes, snapshot.merge_slashes),
        "problems": sorted(snapshot.problems(), key=repr),
        "errors": snapshot.errors,
    }


def shown_catalog(catalog: Catalog) -> dict[str, Any]:
    """What a Catalog has given out in sum."""
    return {
        "routes": catalog.routes.given,
        "services": catalog.services.given,
        "lists": catalog.lists.given,
        "consumers": catalog.consumers.given,
        "rules": catalog.rules.given,
        "problems": catalog.problems_given,
    }
