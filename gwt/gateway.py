"""One process that serves, wired: store -> snapshot -> resource trees -> listeners; and its life.

This is the place to read first: every object of the data plane is made here, once, and nowhere else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.web.resource import IResource

from gwt import shortcuts
from gwt.accesslog import AccessLog
from gwt.addresses import AddressSet
from gwt.admin import Admin, Dialled, Observed, objection
from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.configuration import Configuration
from gwt.edge.debug import knowing
from gwt.edge.listener import TICK, HttpFactory
from gwt.edge.resource import GatewayResource
from gwt.edge.service_resource import ServiceProxyResource
from gwt.entrance import Entrance
from gwt.finished import Finished
from gwt.fitting import Outermost
from gwt.health import Health
from gwt.listening import Listening
from gwt.metrics import Meters, Metrics
from gwt.model.problem import format_problem
from gwt.model.settings import Settings, reveal
from gwt.phase.ticker import Ticker
from gwt.plugging.desk import Desk
from gwt.proxy import Proxy
from gwt.resources import load_resources
from gwt.service_proxy import Gate, ServiceLeaves
from gwt.snapshot import Current, Snapshot
from gwt.sockets import BindError, Source
from gwt.startup import SHOWN, Figures
from gwt.store.base import Store, StoreError
from gwt.store.heap import Heap
from gwt.store.memory import MemoryStore
from gwt.store.open import open_store
from gwt.store.refresh import Refresher, RefreshEvent
from gwt.surroundings import Surroundings
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids

#: Listeners that carry traffic, and that a drain closes.
TRAFFIC = ("proxy", "service_proxy")
#: Seconds between "no further requests, please" (Connection: close) and the closing of idle connections: a client that
#: sends one request after another learns it from an answer, not from a connection that is cut under its next request.
GENTLE = 1.0


class Gateway:
    """Serves `configuration` on the sockets of `source`. `documents` is the text of a `memory:` store (the demo)."""

    log = Logger("gwt.gateway")

    def __init__(
        self, reactor: Any, configuration: Configuration, source: Source, metrics: Metrics, documents: str = ""
    ) -> None:
        settings = allowed(configuration).settings
        self.reactor, self.configuration, self._documents = reactor, configuration, documents
        shortcuts.install()
        self.clock = time.monotonic
        self.health = Health(self.clock)
        self.meters = Meters(metrics)
        self.registry = Registry(self.clock, random.random)
        self.ticker = Ticker(2)
        self.desk = Desk(reactor, self.clock, self.ticker, self.meters, self._plugins_changed)
        self.desk.move(self.desk.furnish(settings, configuration.base), settings)
        self.entrance = Entrance(reactor, settings.identity)
        self.mounted = load_resources(settings.resources)
        self.current = Current(empty_snapshot(self._surroundings()))
        dialled: Any = Dialled(reactor)
        self.pools = Pools(dialled, self.clock)
        self.ids = Ids(random.Random(random.SystemRandom().getrandbits(128)).randbytes)
        self.proxy = Proxy(self.pools, self.ticker, self.clock, self.ids)
        self.finished = Finished(self.meters, self._open_log(), self.clock)
        self.factories = {
            "proxy": self._factory(GatewayResource(self.current, self.proxy, self.mounted)),
            "service_proxy": self._factory(self._service_proxy()),
        }
        observed = Observed(self.current, self.health, self.meters, self.proxy, self.factories, self.clock, self.desk)
        #: Serves before the first Snapshot is there and while a drain lasts.
        self.admin = Admin(reactor, dialled, observed, settings)
        self.listening = Listening(reactor, source)
        self.refresher = self._refresher(self._open_store(configuration), self.current)
        self._heap = Heap()
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = reactor
        self._aged = 0.0

    # -- parts that depend on gateway.yaml; a reload makes them anew

    @property
    def settings(self) -> Settings:
        """What is in force of gateway.yaml."""
        return self.configuration.settings

    def _surroundings(self) -> Surroundings:
        settings = self.settings
        return Surroundings(
            registry=self.registry,
            access=settings.access,
            plugins=settings.global_plugins,
            file=settings.file or "gateway.yaml",
            resources=frozenset(self.mounted),
            escaped_slashes=settings.paths.escaped_slashes,
            merge_slashes=settings.paths.merge_slashes,
            installed=self.desk.installed,
            local=self.desk.local,
            login=self.entrance.login,
            roster=self.desk.roster,
        )

    def _plugins_changed(self) -> Deferred[None]:
        return self.refresher.reconfigure(self._surroundings())

    def _factory(self, root: IResource) -> HttpFactory:
        settings = self.settings
        trusts = trusting(settings.trusted_proxies)
        factory = HttpFactory(root, settings.limits, self.clock, trusts, self.ids, self.finished)
        factory.debug = knowing(settings.debug_token)
        return factory

    def _service_proxy(self) -> ServiceProxyResource:
        settings = self.settings
        gate = Gate(settings.service_proxy.allow, settings.service_proxy.deny)
        return ServiceProxyResource(self.current, self.proxy, ServiceLeaves(gate))

    def _open_log(self) -> AccessLog | None:
        wanted = self.settings.access_log
        if wanted is None:
            return None
        path = wanted.path if wanted.path == "-" else str(self.configuration.base / wanted.path)
        dropped, written = self.meters.log_lines_dropped.inc, self.meters.log_lines_written.inc
        return AccessLog(path, wanted.format, self.reactor, dropped, written)

    def _open_store(self, configuration: Configuration) -> Store:
        store = open_store(reveal(configuration.settings.store), self.reactor, str(configuration.base))
        if isinstance(store, MemoryStore) and self._documents:
            store.put("demo-routes.yaml", self._documents)
        return store

    def _refresher(self, store: Store, current: Current) -> Refresher:
        self.health.store = self.settings.store
        store = self.admin.watched(store)
        return Refresher(store, current, self._surroundings(), self.reactor, self.settings.refresh, self._refreshed)

    # -- what happens

    def _refreshed(self, event: RefreshEvent) -> None:
        self.meters.refresh("applied" if event.kind == "applied" else "failed")
        if event.failure is None:
            self.admin.came_into_force(event.seconds)
            return
        reason = event.failure.getErrorMessage()
        if self.health.failure != reason:
            self.log.error("{what}: {reason}; what is in force stays", what=event.kind.replace("_", " "), reason=reason)
        self.health.failed(reason)

    def _swapped(self, snapshot: Snapshot) -> None:
        self.admin.forget(snapshot)
        self.pools.follow(snapshot.upstreams)
        problems = snapshot.errors
        if problems > self.health.problems and self.health.ready:
            self.log.warn("revision {r}: {n} problems in documents: /v1/problems", r=snapshot.revision, n=problems)
        self.health.reached()
        self.health.refreshed(snapshot.revision, problems)
        self.meters.snapshot(snapshot.revision)

    def _tick(self) -> None:
        now = self.clock()
        for factory in self.factories.values():
            factory.tick()
        self._heap.connected(self.connections)
        self.ticker.tick(now)
        if now - self._aged >= 1.0:
            self._aged = now
            self.pools.tick(now)
            self.admin.publish()

    @property
    def connections(self) -> int:
        """Client connections that are open."""
        return sum(factory.connections for factory in self.factories.values())

    def figures(self) -> Figures:
        """What is in force, counted, for the start-up message."""
        snapshot = self.current.snapshot
        hosts, routes = set(), set()
        for pattern, entry in snapshot.router.entries():
            hosts.add(pattern)
            if entry.target.origin.rule is None:
                routes.add(entry.target.route)
        services = {upstream.key: len(upstream.endpoints) for upstream in snapshot.upstreams.values()}
        problems = [problem for problem in snapshot.problems() if problem.severity == "error"]
        worst = [format_problem(problem).splitlines() for problem in problems[:SHOWN]]
        return Figures(len(routes), len(hosts), len(services), sum(services.values()), len(problems), worst)

    # -- life

    @inlineCallbacks
    def start(self) -> Any:
        """Fires when the first Snapshot is in force and everything listens. StoreError, BindError."""
        self.current.watch(self._swapped)
        self._ticking.start(TICK, now=False)
        self.admin.start()
        self.listening.serve("admin", self.settings.listeners.admin, self.admin.site)
        yield self.refresher.start()
        self.health.ready = True
        self.desk.start(self.settings.refresh)
        for role in TRAFFIC:
            self.listening.serve(role, getattr(self.settings.listeners, role), self.factories[role])

    @inlineCallbacks
    def drain(self, delay: float | None = None) -> Any:
        """Fires when what was in flight is answered, or `drain` seconds have passed.

        `delay` takes the place of `drain_delay`: the seconds for which new connections are still accepted.
        """
        self.health.draining = True
        self.admin.replaced().addCallback(self._leave_admin)
        delay = self.settings.drain_delay if delay is None else delay
        if delay:
            yield deferLater(self.reactor, delay)
        yield self.listening.stop(TRAFFIC)
        for factory in self.factories.values():
            factory.draining = True
        empty = gatherResults([factory.when_empty() for factory in self.factories.values()])
        calls = [
            self.reactor.callLater(min(GENTLE, self.settings.drain), self._close_idle),
            self.reactor.callLater(self.settings.drain, self.hurry),
        ]
        yield empty
        for call in calls:
            if call.active():
                call.cancel()

    def _leave_admin(self, replaced: bool) -> None:
        """Where another worker serves, what is asked of the admin listener is for that one to answer."""
        if replaced:
            self.listening.stop(["admin"])

    def _close_idle(self) -> None:
        for factory in self.factories.values():
            factory.begin_drain()

    def hurry(self) -> None:
        """Whatever is still in flight is broken off."""
        self._close_idle()
        for factory in self.factories.values():
            factory.abort_all()

    @inlineCallbacks
    def stop(self) -> Any:
        """Close everything that is open."""
        yield self.listening.stop((*TRAFFIC, "admin"))
        self.hurry()
        if self._ticking.running:
            self._ticking.stop()
        yield self.admin.stop()
        yield self.refresher.stop()
        self.pools.close_idle()
        self.entrance.close()
        self.desk.stop()
        if self.finished.access_log is not None:
            self.finished.access_log.close()

    @inlineCallbacks
    def reload(self, configuration: Configuration) -> Any:
        """Put `configuration` in force without dropping a request. Fails, and leaves all as it was, with
        BindError, StoreError, OSError (the access log), ResourceError or Unfit (a plugin's configuration)."""
        before, mounted, entrance = self.configuration, self.mounted, self.entrance
        new_store = follows(allowed(configuration)) != follows(before)
        house = self.desk.furnish(configuration.settings, configuration.base)
        self.mounted = load_resources(configuration.settings.resources, before.settings.resources, mounted)
        self.configuration, self.entrance = configuration, entrance.following(configuration.settings.identity)
        moved = self.desk.move(house, configuration.settings)
        try:
            fits = Outermost.of(self._surroundings())  # kept until all is in force: what it made is found again
            log = self._open_log()
            yield self._relisten()
            if new_store:
                yield self._change_store()
        except Exception:
            if self.entrance is not entrance:
                self.entrance.close()
            self.configuration, self.mounted, self.entrance = before, mounted, entrance
            self.desk.move(*moved)
            yield self._relisten()
            raise
        old_log, self.finished.access_log = self.finished.access_log, log
        if old_log is not None:
            old_log.close()
        self._refit()
        if not new_store:
            yield self.refresher.reconfigure(self._surroundings())
        if self.entrance is not entrance:
            entrance.close()
        del fits

    def _relisten(self) -> Deferred[None]:
        factories = {**self.factories, "admin": self.admin.site}
        wanted = {role: getattr(self.settings.listeners, role) for role in factories}
        return self.listening.change(wanted, factories)

    @inlineCallbacks
    def _change_store(self) -> Any:
        """Follow another store from the moment on at which its first content is compiled."""
        staging = Current(empty_snapshot(self._surroundings()))
        refresher = self._refresher(self._open_store(self.configuration), staging)
        try:
            yield refresher.start()
        except StoreError:
            yield refresher.stop()
            raise
        yield self.refresher.stop()
        self.refresher = refresher
        self.current.swap(staging.snapshot)
        staging.watch(self.current.swap)

    def _refit(self) -> None:
        """Give the factories what gateway.yaml says now; connections that are open keep what they began with."""
        settings = self.settings
        roots = {
            "proxy": GatewayResource(self.current, self.proxy, self.mounted),
            "service_proxy": self._service_proxy(),
        }
        for role, root in roots.items():
            factory = self.factories[role]
            factory.root, factory.limits, factory.trusts = root, settings.limits, trusting(settings.trusted_proxies)
            factory.debug = knowing(settings.debug_token)
        self.admin.apply(settings)


def allowed(configuration: Configuration) -> Configuration:
    """`configuration`; BindError where it would open the admin listener to strangers."""
    settings = configuration.settings
    why = objection(settings.listeners.admin, settings.admin_token, settings.metrics_token)
    if why is not None:
        raise BindError(why)
    return configuration


def follows(configuration: Configuration) -> tuple[Any, ...]:
    """What a refresher is made from: where this differs, a new one is needed."""
    return reveal(configuration.settings.store), configuration.base, configuration.settings.refresh


def trusting(cidrs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an address (as text) is a trusted proxy's."""
    return AddressSet.of(cidrs).__contains__
