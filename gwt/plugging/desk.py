"""Desk: the plugins of one process that serves: what they get from it, who looks for changes, what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.asking import Bench, Client
from gwt.metrics import Meters
from gwt.model.settings import Settings
from gwt.phase.installed import Broken, Installed
from gwt.phase.plugintype import Misfit, PluginType
from gwt.phase.roster import Roster
from gwt.phase.ticker import Ticker
from gwt.phase.tools import Tools, Zone, no_zones
from gwt.plugging.house import House

#: Seconds between two tracebacks of one plugin; failures between them are counted only.
QUIET = 1.0

Changed = Callable[[], Deferred[None]]


class Desk:
    """`changed` is called when plugins are others than before, and fires when that is in force.

    `house` is what there is; `roster` makes the members of chains, with the tools of this process.
    """

    log = Logger("gwt.plugins")

    def __init__(
        self, reactor: Any, clock: Callable[[], float], ticker: Ticker, meters: Meters, changed: Changed,
        zones: Callable[[str], Zone] = no_zones,
    ) -> None:  # fmt: skip
        self._clock, self._meters, self._changed = clock, meters, changed
        self._told: dict[str, float] = {}
        self._broken: tuple[Broken, ...] = ()
        self._settings = Settings()
        self._client, self._bench = Client(reactor), Bench(reactor)
        tools = Tools(
            clock, ticker, reactor, zones, self.raised, meters.would_reject,
            ask=self._client.ask, aside=self._bench.call,
        )  # fmt: skip
        self.roster = Roster(tools)
        self.house = House(())
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    # -- what gateway.yaml says

    def furnish(self, settings: Settings, base: Path) -> House:
        """The plugins under `settings`; nothing of it is in force yet."""
        house = self.house.elsewhere([base / path for path in settings.plugin_path])
        house.objection = lambda kind: None
        house.look()
        return house

    def move(self, house: House, settings: Settings) -> tuple[House, Settings]:
        """From now on `house` under `settings`; what was before, so that it can be moved back."""
        before = self.house, self._settings
        self.house, self._settings = house, settings
        house.objection = self._objection
        self._tell(frozenset())
        return before

    @property
    def installed(self) -> Installed:
        """The plugins that there are."""
        return self.house.installed

    @property
    def local(self) -> frozenset[str] | None:
        """The names that may run here; None: all."""
        return None if self._settings.plugins is None else frozenset(self._settings.plugins)

    def _objection(self, kind: PluginType) -> str | None:
        """A change of code must not take what all paths go through from under them."""
        for use in self._settings.global_plugins:
            if use.name == kind.name and use.conf is not None:
                try:
                    kind.make(use.conf)
                except Misfit as misfit:
                    return f"it does not take what {self._settings.file or 'gateway.yaml'} says of it: {misfit}"
        return None

    # -- life

    def start(self, interval: float) -> None:
        """Look at plugin_path every so many seconds."""
        self._loop.start(interval, now=False)

    def stop(self) -> None:
        """Look no more, and stop all plugins."""
        if self._loop.running:
            self._loop.stop()
        self.roster.stop()
        self._client.close()
        self._bench.close()

    def _look(self) -> Deferred[None] | None:
        try:
            names = self.house.look(thorough=False)
        except Exception:  # the next look may do better; a look that never comes again would not
            self.log.failure("plugins could not be looked at")
            return None
        self._tell(names)
        return self._changed() if names else None

    @inlineCallbacks
    def reload(self) -> Any:
        """Look at everything now; fires with the names that have changed once that is in force."""
        names = self.house.look()
        self._tell(names)
        if names:
            yield self._changed()
        return sorted(names)

    # -- what is said

    def _tell(self, names: frozenset[str]) -> None:
        types = self.house.installed.types
        for name in sorted(names):
            if name in types:
                self.log.info("plugin {name} {version}is {place}", name=name, place=types[name].place,
                              version=f"{types[name].cls.version} " if types[name].cls.version else "")  # fmt: skip
            else:
                self.log.warn("plugin {name} is not installed any more", name=name)
        before, self._broken = self._broken, self.house.installed.broken
        for one in self._broken:
            if one not in before:
                self.log.error("{place} is no plugin: {why}", place=one.place, why=one.why)

    def raised(self, plugin: str, request_id: str, error: BaseException) -> None:
        """A plugin failed ("": what followed it did). Told with a traceback, once in a while; counted always."""
        self._meters.plugin_failed(plugin or "-")
        now = self._clock()
        if now - self._told.get(plugin, -QUIET) < QUIET:
            return
        self._told[plugin] = now
        failure = Failure(error, type(error), error.__traceback__)
        self.log.failure("plugin {plugin} failed, request {request_id}", failure, plugin=plugin or "-",
                         request_id=request_id or "-")  # fmt: skip


def broken_lines(broken: Sequence[Broken]) -> list[str]:
    """What is no plugin, in lines for people."""
    return [f"{one.place} is no plugin: {one.why}" for one in broken]
