"""Surroundings: what of gateway.yaml and of this process a Snapshot depends on, besides the documents."""

from __future__ import annotations

from dataclasses import dataclass, field

from gwt.balance.endpoint import Registry
from gwt.limiting import Limiter
from gwt.login import Login
from gwt.model.route import NO_ACCESS, Access, PluginUse
from gwt.phase.installed import NOTHING, Installed
from gwt.phase.roster import Roster


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The outermost level of the policy and the names that exist here.

    `access` and `plugins` are the global level, `file` is where they stand. `resources` are the names that
    `resource:` may mount. `escaped_slashes` is auto, keep or reject. `installed` are the plugins that there are,
    `local` the names of those that may run here (None: all). `login` is what `identity:` means (None: nobody
    can be known here), `limiter` enforces rate limits (None: nobody counts here). `registry` and `roster` outlive
    every Snapshot. `streams` are the names of the listeners of streams (None: not known).
    """

    registry: Registry
    access: Access = NO_ACCESS
    plugins: tuple[PluginUse, ...] = ()
    file: str = "gateway.yaml"
    resources: frozenset[str] = frozenset()
    escaped_slashes: str = "auto"
    merge_slashes: bool = True
    installed: Installed = NOTHING
    local: frozenset[str] | None = None
    login: Login | None = None
    limiter: Limiter | None = None
    streams: frozenset[str] | None = None
    roster: Roster = field(default_factory=Roster, compare=False)
