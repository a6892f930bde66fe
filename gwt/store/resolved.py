"""ResolvedStore: a store of documents whose ExternalName Services lead to what their names resolve to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from gwt.delta import Delta
from gwt.dns.ports import ANY, Asked, asked_by_key, asked_ports, led
from gwt.dns.wanted import Names, Wanted
from gwt.model.route import Quarantined, Route, Rule, ServiceSpec
from gwt.store.base import Apply, Store

#: Seconds for which the first content waits for the first answers of the DNS.
FIRST: Final = 2.0


class Follower(Names, Protocol):
    """Who follows names, and calls `changed(name, gone)` when one leads elsewhere."""

    changed: Callable[[str, bool], None]

    def settled(self, seconds: float) -> Deferred[None]:
        """Fires when each name has been answered, and after so many seconds at the latest."""

    def stop(self) -> None:
        """Ask no more."""


class ResolvedStore:
    """`store`, which knows only names, with `names` to say where these lead."""

    def __init__(self, store: Store, names: Follower) -> None:
        self._store, self._names = store, names
        names.changed = self._resolved
        self._wanted = Wanted(names)
        self._apply: Apply | None = None
        self._revision = 0
        self._external: dict[str, ServiceSpec] = {}
        self._plain: set[str] = set()
        self._given: dict[str, set[str]] = {}
        self._routes: dict[str, Route | Quarantined] = {}
        self._rules: tuple[Rule, ...] = ()
        self._portless: set[str] = set()
        self._asked: dict[str, tuple[Asked, ...]] = {}
        self._ports: dict[str, set[int]] = {}

    def start(self, apply: Apply) -> Deferred[None]:
        """See `Store.start`. Names get a moment to be resolved, so that what is served first leads somewhere."""
        self._apply = apply
        return self._store.start(self._take).addCallback(lambda _: self._names.settled(FIRST))

    def pull(self) -> Deferred[None]:
        """See `Store.pull`."""
        return self._store.pull()

    def stop(self) -> Deferred[None]:
        """See `Store.stop`."""
        self._apply = None
        self._names.stop()
        return self._store.stop()

    def describe(self) -> str:
        """See `Store.describe`."""
        return self._store.describe()

    def _take(self, delta: Delta) -> None:
        self._revision = delta.revision
        dirty = self._note_services(delta.services)
        dirty |= self._note_routes(delta)
        if self._apply is not None:
            services = {**delta.services, **self._made(dirty)} if dirty else delta.services
            self._apply(replace(delta, services=services))

    def _resolved(self, name: str, gone: bool) -> None:
        changes = self._made(self._wanted.owners(name))
        if changes and self._apply is not None:
            self._apply(Delta(self._revision, services=changes))

    def _note_services(self, services: Mapping[str, ServiceSpec | None]) -> set[str]:
        """Keep what changed; the keys of the specs to be led anew."""
        dirty: set[str] = set()
        for key, spec in services.items():
            if spec is not None and spec.external_name is not None:
                self._external[key] = spec
                self._plain.discard(key)
                dirty.add(key)
            else:
                if self._external.pop(key, None) is not None:
                    dirty.add(key)
                if spec is None:
                    self._plain.discard(key)
                else:
                    self._plain.add(key)
        for key in dirty:
            one = self._external.get(key)
            self._wanted.put(key, None if one is None else one.external_name)
        if self._portless:  # what is written as it is goes before what a Route asks for
            dirty.update(key for key in {name_of(one) + ANY for one in services} if key in self._external)
        return dirty

    def _note_routes(self, delta: Delta) -> set[str]:
        """Keep what changed; the keys of the specs of which other ports are asked now."""
        for name, route in delta.routes.items():
            if route is None:
                self._routes.pop(name, None)
            else:
                self._routes[name] = route
        self._rules = self._rules if delta.rules is None else delta.rules
        portless = {name_of(key) for key in self._external if key.endswith(ANY)}
        changed = self._routes if portless != self._portless else delta.routes
        before, self._portless = self._portless, portless
        if not (portless or before) or not (changed or delta.rules is not None):
            return set()
        own = {one.partition("/")[2] for one in portless}
        for name in {**changed, **delta.routes}:
            route = self._routes.get(name)
            self._asked.pop(name, None)
            # Most Routes name none of them, and thousands may have to be looked at in one turn.
            if isinstance(route, Route) and any(one.name in own or one.upstream for one in route.services):
                self._asked[name] = tuple(asked_ports(route, portless))
        ports: dict[str, set[int]] = {}
        by_rules = (one for rule in self._rules for one in asked_by_key(rule.cluster or "", portless))
        for service, port in (*(one for some in self._asked.values() for one in some), *by_rules):
            ports.setdefault(service, set()).add(port)
        asked_before, self._ports = self._ports, ports
        return {service + ANY for service in portless if ports.get(service) != asked_before.get(service)}

    def _made(self, keys: Iterable[str]) -> dict[str, ServiceSpec | None]:
        """What the specs with these keys come to now, and what of them is gone."""
        changes: dict[str, ServiceSpec | None] = {}
        for key in sorted(keys, key=lambda one: one.endswith(ANY)):  # these take the place of what went before them
            spec = self._external.get(key)
            made: Mapping[str, ServiceSpec] = {}
            if spec is not None and spec.external_name is not None:
                made = led(spec, self._ports.get(name_of(key), ()), self._names.addresses(spec.external_name))
            made = {one: value for one, value in made.items() if one == key or not self._written(one)}
            before = self._given.pop(key, set())
            changes.update({one: None for one in before - made.keys() if not self._written(one)})
            changes.update(made)
            if made:
                self._given[key] = set(made)
        return changes

    def _written(self, key: str) -> bool:
        """Whether a Service of just this port is there, which goes before one without ports."""
        return key in self._plain or key in self._external


def name_of(key: str) -> str:
    """namespace/name of a service key."""
    return key.rpartition(":")[0]
