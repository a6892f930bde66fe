"""Surroundings: what of gateway.yaml and of this process a Snapshot depends on, besides the documents."""

from __future__ import annotations

from dataclasses import dataclass

from gwt.balance.endpoint import Registry
from gwt.model.route import NO_ACCESS, Access, PluginUse


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The outermost level of the policy and the names that exist here.

    `access` and `plugins` are the global level, `file` is where they stand. `resources` are the names that
    `resource:` may mount. `escaped_slashes` is auto, keep or reject. `registry` outlives every Snapshot.
    """

    registry: Registry
    access: Access = NO_ACCESS
    plugins: tuple[PluginUse, ...] = ()
    file: str = "gateway.yaml"
    resources: frozenset[str] = frozenset()
    escaped_slashes: str = "auto"
    merge_slashes: bool = True
