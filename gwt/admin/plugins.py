"""/v1/plugins: what is installed here, what may run, and what documents name that does not."""

from __future__ import annotations

from typing import Any

from gwt.admin.answers import Reply
from gwt.admin.observed import Plugged
from gwt.phase.installed import Broken
from gwt.phase.plugin import PHASES
from gwt.phase.plugintype import PluginType
from gwt.snapshot import Snapshot
from gwt.steps import Steps

#: Documents between two yields, and names of Routes that are told of one plugin.
STRIDE = 500
MOST = 20


def answer(snapshot: Snapshot, plugged: Plugged) -> Steps[Reply]:
    """`installed` by name; `local` is the local list (null: all may run). Documents name those that are `missing` (not
    installed) and `skipped` (not in the local list). `broken` looked like plugins and are none.
    """
    used = yield from uses(snapshot)
    types, local = plugged.installed.types, plugged.local
    named = {name: _named(used[name]) for name in sorted(used)}
    skipped = [name for name in named if name in types and local is not None and name not in local]
    return Reply({
        "installed": [_shown(types[name], local, len(used.get(name, ()))) for name in sorted(types)],
        "local": None if local is None else sorted(local),
        "missing": [{"name": name, **named[name]} for name in named if name not in types],
        "skipped": [{"name": name, "closes": types[name].cls.admits, **named[name]} for name in skipped],
        "broken": [broken(one) for one in plugged.installed.broken],
    })  # fmt: skip


def uses(snapshot: Snapshot) -> Steps[dict[str, list[str]]]:
    """Plugin -> the documents on which it is in effect; gateway.yaml is one of them."""
    file = snapshot.outermost.fitter.surroundings.file
    found = {name: [file] for name in snapshot.outermost.verdict.plugins}
    for number, (key, branch) in enumerate(snapshot.book.branches.items()):
        for name in branch.plugins - snapshot.outermost.verdict.plugins:
            found.setdefault(name, []).append(key)
        if number % STRIDE == 0:
            yield
    return found


def _named(documents: list[str]) -> dict[str, Any]:
    return {"used_by": documents[:MOST], "uses": len(documents)}


def _shown(kind: PluginType, local: frozenset[str] | None, uses: int) -> dict[str, Any]:
    cls = kind.cls
    return {
        "name": cls.name,
        "version": cls.version or None,
        "priority": cls.priority,
        "phases": [phase for phase in PHASES if hasattr(cls, phase)],
        "admits": cls.admits,
        "on_error": cls.on_error,
        "local": local is None or cls.name in local,
        "place": kind.place,
        "uses": uses,
    }


def broken(one: Broken) -> dict[str, Any]:
    """What looked like a plugin and is none."""
    return {"place": one.place, "why": one.why, "name": one.name or None}
