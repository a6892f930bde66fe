"""Which plugins a request meets on its way to a leaf, who set each, and why others that are named there do not run."""

from __future__ import annotations

from typing import Any

from gwt.branches import plugin_levels
from gwt.fitting import RUNS, Level, Use, effective, state
from gwt.guards import set_by
from gwt.leaf import Leaf
from gwt.phase.plugintype import read_meta
from gwt.snapshot import Snapshot

#: Further states beside those of `gwt.fitting`: the path is closed; it takes part in no phase there.
CLOSED, IDLE = "closed", "idle"


def plugins(snapshot: Snapshot, leaf: Leaf) -> list[dict[str, Any]]:
    """What requests meet on their way to `leaf`, in that order; then what is named there and does not run.

    `state` is runs, or why it does not; of what a configuration says nothing is told: it may hold secrets.
    """
    members = () if leaf.chain is None or leaf.closed is not None else leaf.chain.members
    told = [
        {
            "name": member.name,
            "state": RUNS if member.phases else IDLE,
            "priority": member.priority,
            "phases": list(member.phases),
            "mode": member.mode,
            "set_by": set_by(member, leaf.policy),
        }
        for member in members
    ]
    running = {member.name for member in members}
    if "auth" in running and isinstance(leaf.policy.auth_type, tuple):
        running.update(leaf.policy.auth_type)
    return told + [
        {"name": one.use.name, "state": _state(snapshot, leaf, one), "set_by": str(one.origin)}
        for one in effective(_levels(snapshot, leaf))
        if one.use.name not in running
    ]


def _levels(snapshot: Snapshot, leaf: Leaf) -> list[Level]:
    origin = leaf.origin
    if origin.route is None or origin.service is None or origin.path is None:
        return [snapshot.outermost.level]
    return [snapshot.outermost.level, *plugin_levels(origin.route, origin.service, origin.path)]


def _state(snapshot: Snapshot, leaf: Leaf, one: Use) -> str:
    """Why a plugin does not run; where it could, the path is closed or it has nothing to do there."""
    what = state(one.use.name, read_meta(one.use.conf or {}), snapshot.outermost.fitter.surroundings)
    return what if what != RUNS else CLOSED if leaf.closed is not None else IDLE
