"""Roster: makes the members of chains, and finds again those that nothing has changed for.

A member lives for as long as a leaf, in force or of a request in flight, has it in its chain: then its plugin is
stopped. So a request ends with the plugins that it began with, and nobody counts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary, finalize

from gwt.phase.chain import Chain
from gwt.phase.edit import Edit
from gwt.phase.lineup import ordered
from gwt.phase.member import Member, Method, reporting
from gwt.phase.plugin import PHASES, Config, Plugin
from gwt.phase.plugintype import Meta, PluginType
from gwt.phase.tools import Tools

#: Where a plugin is configured: what tells this place from all others.
Place = tuple[Any, ...]


class OutOfOrder(ValueError):
    """A plugin that can't begin its work; the message is for people."""


class Roster:
    """`tools` are what plugins get. Where nothing is `served` (a tool that only looks) no plugin is started."""

    def __init__(self, tools: Tools | None = None, served: bool = True) -> None:
        self.tools = tools or Tools()
        self._served = served
        self._members: WeakValueDictionary[Place, Member] = WeakValueDictionary()
        self._guards: WeakValueDictionary[Hashable, Member] = WeakValueDictionary()
        self._chains: WeakValueDictionary[tuple[Member, ...], Chain] = WeakValueDictionary()
        self._endings: dict[int, finalize[..., Member]] = {}

    def member(
        self, place: Place, kind: PluginType, conf: Mapping[str, Any], meta: Meta, origin: Any, config: Config
    ) -> Member:
        """The member for `conf` at `place`: the one that is there, or a new one. Raises Misfit and OutOfOrder.

        `origin` says who set it.
        """
        told = config if hasattr(kind.cls, "on_config") else None
        there = self._members.get(place)
        if there is not None:
            old_kind, old_conf, old_told = there.kept
            if old_kind is kind and old_told is told and old_conf == conf:
                there.origin = origin
                return there
        plugin = kind.make(conf)
        object.__setattr__(plugin, "place", " ".join(map(str, place)))
        priority = kind.cls.priority if meta.priority is None else meta.priority
        member = Member(
            kind.name, priority, self._methods(plugin, meta), origin, meta.mode, kind.cls.on_error, plugin,
            (kind, conf, told),
        )  # fmt: skip
        self._begin(member, plugin, config)
        self._members[place] = member
        return member

    def guard(self, key: Hashable, make: Callable[[], Member]) -> Member:
        """The member that enforces what `key` says: one for all leaves that want the same; made where there is none."""
        there = self._guards.get(key)
        if there is None:
            there = self._guards[key] = make()
        return there

    def _methods(self, plugin: Plugin, meta: Meta) -> dict[str, Method]:
        taking = plugin.phases()
        methods = {phase: getattr(plugin, phase) for phase in PHASES if phase in taking and hasattr(plugin, phase)}
        fixed = plugin.edit()
        if fixed is not None:
            methods["header_filter"] = fixed
        if meta.mode == "report":
            for phase in methods.keys() & {"rewrite", "access", "header_filter"}:
                if not isinstance(methods[phase], Edit):
                    methods[phase] = reporting(plugin.name, methods[phase], self.tools)
        return methods

    def _begin(self, member: Member, plugin: Any, config: Config) -> None:
        try:
            if self._served and hasattr(plugin, "start"):
                plugin.start(self.tools)
            if hasattr(plugin, "stop") and self._served:
                self._endings[id(member)] = finalize(member, self._stop, id(member), plugin)
            if hasattr(plugin, "on_config"):
                plugin.on_config(config)
        except Exception as error:
            self.tools.raised(plugin.name, "", error)
            raise OutOfOrder(f"plugin {plugin.name!r} can't begin: {type(error).__name__}") from error

    def _stop(self, number: int, plugin: Any) -> None:
        self._endings.pop(number, None)
        try:
            plugin.stop()
        except Exception as error:
            self.tools.raised(plugin.name, "", error)

    def chain(self, members: Sequence[Member]) -> Chain | None:
        """The chain of these members; None where none of them takes part in any phase."""
        if not members:
            return None
        key = tuple(ordered(members))
        chain = self._chains.get(key)
        if chain is None:
            chain = Chain(key, self.tools)
            self._chains[key] = chain
        return None if chain.idle else chain

    def stop(self) -> None:
        """The process ends: so do all plugins."""
        for ending in list(self._endings.values()):
            ending()

    def __len__(self) -> int:
        return len(self._members)
