"""One process that serves, wired: store -> snapshot -> resource trees -> listeners; and its life.

This is the place to read first: every object of the data plane is made here, once, and nowhere else.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from gwt import shortcuts
from gwt.accesslog import AccessLog, open_log
from gwt.admin import Admin, Dialled, Observed, objection
from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.configuration import Configuration
from gwt.edge.introduction import Believing
from gwt.edge.listener import ALPN, TICK
from gwt.edge.streamlistener import Shared
from gwt.entrance import Entrance
from gwt.factories import Factories, trusting
from gwt.finished import Finished
from gwt.fitting import Outermost
from gwt.following import Following, Place, follows
from gwt.health import Health
from gwt.keychains import Keychains
from gwt.listening import Listening
from gwt.metrics import Meters, Metrics
from gwt.model.settings import Settings
from gwt.phase.ticker import Ticker, Waiver
from gwt.plugging.desk import Desk
from gwt.proxy import Proxy
from gwt.resources import load_resources
from gwt.snapshot import Current, Snapshot
from gwt.sockets import BindError, Source
from gwt.store.base import Store
from gwt.store.heap import Heap
from gwt.store.refresh import Refresher, RefreshEvent
from gwt.surroundings import Surroundings
from gwt.tlsfigures import TlsFigures
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids
from gwt.zones.arena import Arena
from gwt.zones.zone import Zones

#: The role of the listener that carries no traffic, and that a drain leaves open.
ADMIN = "admin"


class Gateway:
    """Serves `configuration` on the sockets of `source`. `arena` is the memory that all processes of this node share;
    `documents` is the text of a `memory:` store (the demo), `tickets` what all processes seal TLS tickets with.
    """

    log = Logger("gwt.gateway")

    def __init__(
        self, reactor: Any, configuration: Configuration, source: Source, metrics: Metrics, arena: Arena, node: str,
        documents: str = "", tickets: bytes = b"",
    ) -> None:  # fmt: skip
        settings = allowed(configuration).settings
        self.reactor, self.configuration = reactor, configuration
        shortcuts.install()
        self.clock = time.monotonic
        self.health = Health(self.clock)
        self.meters = Meters(metrics)
        self.registry = Registry(self.clock, random.random)
        self.ticker = Ticker(2)
        self.desk = Desk(reactor, self.clock, self.ticker, self.meters, self._plugins_changed, Zones(arena).__getitem__)
        self._place = Place(reactor, self.clock, arena, node, documents, metrics)
        self.following = Following(self._place, settings, configuration.base)
        self.desk.move(self.desk.furnish(settings, configuration.base), settings)
        self.entrance = Entrance(reactor, settings.identity)
        self.mounted = load_resources(settings.resources)
        self.current = Current(empty_snapshot(self._surroundings()))
        tickets = tickets or os.urandom(32)
        self.keychains = Keychains(settings.tls, configuration.base, list(ALPN), tickets, time.time)
        dialled: Any = Dialled(reactor)
        self.pools = Pools(dialled, self.clock, self.keychains.outward)
        self.ids = Ids(random.Random(random.SystemRandom().getrandbits(128)).randbytes)
        self.proxy = Proxy(self.pools, self.ticker, self.clock, self.ids)
        self.finished = Finished(self.meters, self._open_log(), self.clock)
        streams = Shared(self.current, dialled, self.clock, self.meters, self.ids, self.finished.connection)
        self.factories = Factories(settings, self.mounted, self.proxy, streams, self.ids, self.finished, self.keychains)
        observed = Observed(
            self.current, self.health, self.meters, self.proxy, self.factories.by_role, self.clock, self.desk,
            lambda: self.following.writable, lambda: self.refresher.settled(),
        )  # fmt: skip
        #: Serves before the first Snapshot is there and while a drain lasts.
        self.admin = Admin(reactor, dialled, observed, settings)
        limits, refused = settings.limits, self.meters.proxy_header_refused
        self.believing = Believing(reactor, trusting(settings.trusted_proxies), limits.header_timeout, refused)
        self.keychains.changed = self.factories.demand
        self._tls_figures = TlsFigures(metrics, self.keychains, time.time)
        self.listening = Listening(reactor, source, self.keychains.secured, self.believing.before)
        self.refresher = self._refresher(self.following.store, self.current)
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = reactor
        self._waiver = Waiver(TICK, self.clock())
        self._heap, self._aged = Heap(), 0.0

    # -- parts that depend on gateway.yaml; a reload makes them anew

    @property
    def settings(self) -> Settings:
        """What is in force of gateway.yaml."""
        return self.configuration.settings

    def _surroundings(self) -> Surroundings:
        settings = self.settings
        return Surroundings(
            self.registry, settings.access, settings.global_plugins, settings.file or "gateway.yaml",
            resources=frozenset(self.mounted), escaped_slashes=settings.paths.escaped_slashes,
            merge_slashes=settings.paths.merge_slashes, installed=self.desk.installed, local=self.desk.local,
            login=self.entrance.login, limiter=self.following.limiter, streams=frozenset(settings.listeners.stream),
            roster=self.desk.roster,
        )  # fmt: skip

    def _plugins_changed(self) -> Deferred[None]:
        return self.refresher.reconfigure(self._surroundings())

    def _open_log(self) -> AccessLog | None:
        return open_log(self.settings.access_log, self.configuration.base, self.reactor, self.meters)

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
        self.keychains.follow(snapshot.certificates)
        problems = snapshot.errors
        if problems > self.health.problems and self.health.ready:
            self.log.warn("revision {r}: {n} problems in documents: /v1/problems", r=snapshot.revision, n=problems)
        self.health.reached()
        self.health.refreshed(snapshot.revision, problems)
        self.meters.snapshot(snapshot.revision)

    def _tick(self) -> None:
        now = self.clock()
        if self._waiver.waives(now):
            return
        self.factories.tick()
        self._heap.connected(self.factories.connections)
        self.ticker.tick(now)
        if now - self._aged >= 1.0:
            self._aged = now
            self.pools.tick(now)
            self.keychains.tick()
            self.keychains.look(partial(deferToThreadPool, self.reactor, self.reactor.getThreadPool()))
            self._tls_figures.publish()
            self.admin.publish()

    # -- life

    @inlineCallbacks
    def start(self) -> Any:
        """Fires when the first Snapshot is in force and everything listens. StoreError, BindError."""
        self.current.watch(self._swapped)
        self._ticking.start(TICK, now=False)
        self.admin.start()
        self.listening.serve(ADMIN, self.settings.listeners.admin, self.admin.site)
        yield self.refresher.start()
        self.health.ready = True
        self.following.share()
        self.desk.start(self.settings.refresh)
        for role, texts in self.settings.listeners.by_role().items():
            if role != ADMIN:
                self.listening.serve(role, texts, self.factories.by_role[role])

    @inlineCallbacks
    def drain(self, delay: float | None = None, replaced: bool = False) -> Any:
        """Fires when what was in flight is answered, or `drain` seconds have passed. `delay` takes the place of
        `drain_delay`: the seconds for which new connections are still accepted. `replaced`: another worker serves on,
        and what is asked of the admin listener is for that one to answer."""
        self.health.draining = True
        left = self.listening.leave(ADMIN) if replaced else None
        delay = self.settings.drain_delay if delay is None else delay
        if delay:
            yield deferLater(self.reactor, delay)
        until = self.reactor.seconds() + self.settings.drain
        yield self.listening.stop(self.factories.by_role)
        yield self.factories.drain(self.reactor, self.settings.drain)
        yield left
        yield self.listening.stop([ADMIN])
        yield self.admin.site.answered(until - self.reactor.seconds())

    @inlineCallbacks
    def stop(self) -> Any:
        """Close everything that is open."""
        yield self.listening.stop((*self.factories.by_role, ADMIN))
        self.factories.abort()
        if self._ticking.running:
            self._ticking.stop()
        yield self.admin.stop()
        yield self.refresher.stop()
        yield self.following.part()
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
        following = self.following
        new_store = follows(allowed(configuration)) != follows(before)
        if new_store:
            self.following = Following(self._place, configuration.settings, configuration.base)
        house = self.desk.furnish(configuration.settings, configuration.base)
        self.mounted = load_resources(configuration.settings.resources, before.settings.resources, mounted)
        self.configuration, self.entrance = configuration, entrance.following(configuration.settings.identity)
        moved = self.desk.move(house, configuration.settings)
        back: Callable[[], None] | None = None
        log: AccessLog | None = None
        try:
            fits = Outermost.of(self._surroundings())  # kept until all is in force: what it made is found again
            log = self._open_log()
            back = self.keychains.reconfigure(configuration.settings.tls, configuration.base)
            yield self._relisten()
            if new_store:
                yield self._change_store()
        except Exception:
            if self.entrance is not entrance:
                self.entrance.close()
            self.configuration, self.mounted, self.entrance = before, mounted, entrance
            self.following = following
            self.desk.move(*moved)
            if back is not None:
                back()
            if log is not None:
                log.close()
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
        if new_store:
            self.following.share()
            yield following.part()
        del fits

    def _relisten(self) -> Deferred[None]:
        self.factories.open_streams(self.settings)
        served = {**self.factories.by_role, ADMIN: self.admin.site}
        return self.listening.change(self.settings.listeners.by_role(), served, self.settings.drain)

    @inlineCallbacks
    def _change_store(self) -> Any:
        """Follow another store from the moment on at which its first content is compiled."""
        staging = Current(empty_snapshot(self._surroundings()))
        refresher = self._refresher(self.following.store, staging)
        yield self.following.begin(refresher)
        yield self.refresher.stop()
        self.refresher = refresher
        self.current.swap(staging.snapshot)
        staging.watch(self.current.swap)

    def _refit(self) -> None:
        """Have everything that lasts do as gateway.yaml says now."""
        settings = self.settings
        self.factories.refit(settings, self.mounted)
        self.believing.trusts = trusting(settings.trusted_proxies)
        self.believing.timeout = settings.limits.header_timeout
        self.pools.close_idle(secure=True)
        self.following.refit(settings)
        self.admin.apply(settings)


def allowed(configuration: Configuration) -> Configuration:
    """`configuration`; BindError where it would open the admin listener to strangers."""
    settings = configuration.settings
    why = objection(settings.listeners.admin, settings.admin_token, settings.metrics_token)
    if why is not None:
        raise BindError(why.message)
    return configuration
