"""Services: the table of upstreams of one Snapshot made from that of the last, at the cost of what changed."""

from __future__ import annotations

from collections.abc import Mapping

from gwt.balance.endpoint import Registry
from gwt.balance.upstream import Upstream
from gwt.model.route import ServiceSpec
from gwt.sharded import Draft, Sharded
from gwt.steps import Steps

#: Service key -> Upstream; a port with a name stands under its alias too.
Upstreams = Sharded[Upstream]

#: Alias -> the keys that have it, sorted; the first is what it stands for. One, unless somebody wrote nonsense.
Aliases = Sharded[tuple[str, ...]]

#: Endpoints between two yields, some 60 µs where all are new; names count as so many.
STRIDE, NAME = 20, 4


def alias(key: str, port_name: str | None) -> str | None:
    """`namespace/name:portname` for the key of a port that has a name: what a Route names that gives no number."""
    if not port_name or "/" not in key or port_name.isdigit():
        return None
    return f"{key.rpartition(':')[0]}:{port_name}"


def with_services(
    upstreams: Upstreams, aliases: Aliases, changes: Mapping[str, ServiceSpec | None], registry: Registry
) -> Steps[tuple[Upstreams, Aliases]]:
    """Both tables with `changes` (None = gone). Balancers go on where they were; what goes is remembered a while."""
    table, names = upstreams.draft(), aliases.draft()
    renamed: set[str] = set()
    weight = 0
    for key, spec in changes.items():
        old = table.get(key)
        new = _made(key, old, spec, registry)
        table.put(key, None if spec is None else new)
        before = alias(key, old.port_name) if old else None
        after = alias(key, new.port_name) if spec is not None else None
        if before != after:
            _rename(names, key, before, after)
        renamed.update(name for name in (before, after) if name)
        weight += 1 + len(new.endpoints)
        if weight >= STRIDE:
            weight = 0
            yield
    for number, name in enumerate(renamed, 1):
        keys = names.get(name)
        table.put(name, table.get(keys[0]) if keys else None)
        if number * NAME % STRIDE == 0:
            yield
    return table.done(), names.done()


def _made(key: str, old: Upstream | None, spec: ServiceSpec | None, registry: Registry) -> Upstream:
    spec = spec or ServiceSpec(key)
    return Upstream.of(spec, registry) if old is None else old.replaced(spec)


def _rename(names: Draft[tuple[str, ...]], key: str, before: str | None, after: str | None) -> None:
    if before is not None:
        names.put(before, tuple(one for one in names.get(before) or () if one != key) or None)
    if after is not None:
        names.put(after, tuple(sorted({*(names.get(after) or ()), key})))
