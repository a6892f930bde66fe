"""One controller, wired: Kubernetes -> places and maps -> publisher -> store; the Lease; what people are told.

This is the place to read first: every object of the controller is made here, once, and nowhere else.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gwt.controller.announcing import Announcing
from gwt.controller.api import Api
from gwt.controller.diff import CertificateChanges, RouteChanges
from gwt.controller.figures import Figures
from gwt.controller.leading import Leading
from gwt.controller.maps import Desired, Maps, reduce_map
from gwt.controller.mirror import ALWAYS, Mirror
from gwt.controller.places import Places, reducer
from gwt.controller.publisher import Publisher
from gwt.controller.secrets import Secrets, Wanted, reduce_secret
from gwt.controller.status import certificate_notice, statuses
from gwt.controller.telling import Telling
from gwt.controller.watching import Watching
from gwt.dns.book import Book
from gwt.dns.permits import Permits
from gwt.dns.system import server_of
from gwt.kube.lease import Election, Terms
from gwt.kube.reflector import Reflector
from gwt.kube.resource import ENDPOINTS, SERVICES, SLICES, Resource, config_maps, secrets
from gwt.metrics import Metrics
from gwt.model.controlleroptions import ControllerSettings
from gwt.resolver.names import Names
from gwt.resolver.resolver import Resolver
from gwt.store.heap import WORTH_IT, Heap
from gwt.store.reader import Reader

#: Seconds between two looks at how it stands with the watches.
SURVEY = 0.2


class Controller:
    """`api` asks the API server, `reader` is that of the store; `identity` names this process among its like, `wall`
    gives Unix time."""

    log = Logger("gwt.controller")

    def __init__(
        self, reactor: Any, api: Api, settings: ControllerSettings, reader: Reader, identity: str,
        wall: Callable[[], float], metrics: Metrics,
    ) -> None:  # fmt: skip
        self._clock, self._wall = reactor, wall
        self.figures = Figures(metrics)
        self.api, cluster = api, api.cluster
        external = settings.external_name
        book = Book(Permits(external.allow, external.deny_addresses), random.random, self._say)
        resolver = Resolver(reactor, tuple(map(server_of, external.servers)))
        self.names = Names(reactor, book, resolver.lookup, metrics, "gwt_controller")
        self.names.changed = self._resolved
        self.places = Places(self.names)
        self.maps = Maps(settings.label, settings.targets)
        lease = settings.lease
        terms = Terms(lease.duration, lease.renew, lease.retry)
        election = Election(lease.name, lease.namespace or cluster.namespace, identity, terms)
        self.leading = Leading(reactor, self.api, election, wall, self._lead_changed, random.random)
        self.reflectors: list[Reflector] = []
        self._watchings: list[Watching] = []
        self.secrets = Secrets(wall, lambda: self.unknown_secrets)
        follows_secrets = settings.tls_label is not None
        parts = (*ALWAYS, "certificates") if follows_secrets else ALWAYS
        self.mirror = Mirror(reader, reactor, self._stored, parts)
        self.publisher = Publisher(
            reactor, self.places, self.maps, self.mirror, self.leading, lambda: self.synced, self,
            f"controller {identity}", wall, settings.debounce.quiet, settings.debounce.max,
            self.secrets if follows_secrets else None,
        )  # fmt: skip
        self.telling = Telling(reactor, self.api, self.maps.maps, self._leads, wall)
        self.announcing = Announcing(reactor, self.api, self.secrets.kept, self._leads, wall)
        self._follow(SERVICES, reducer("Service", self._say), self._service)
        self._slices = self._follow(SLICES, reducer("EndpointSlice", self._say), self._slice)
        self._endpoints: Reflector | None = None
        for namespace in settings.namespaces or (cluster.namespace,):
            self._follow(config_maps(namespace, settings.label), reduce_map, self._map)
            if settings.tls_label is not None:
                self._follow(secrets(namespace, settings.tls_label), reduce_secret, self._secret)
        self._was_synced = self._settled = False
        self._unknown = self.unknown_secrets
        self._surveying = LoopingCall(self._survey)
        self._surveying.clock = reactor

    def _follow(self, resource: Resource, reduce: Callable[[Any], Any], changed: Callable[..., None]) -> Reflector:
        reflector = Reflector(resource, reduce, changed, random.random, self._say)
        self.reflectors.append(reflector)
        self._watchings.append(Watching(self._clock, self.api, reflector))
        return reflector

    def _follow_endpoints(self) -> None:
        """Where slices are not served. Once begun it goes on: where they are served later, a slice goes before."""
        self._endpoints = self._follow(ENDPOINTS, reducer("Endpoints", self._say), self._endpoints_changed)
        self._watchings[-1].heard_at = self._clock.seconds()
        self._watchings[-1].start()

    # -- life

    def start(self) -> None:
        """Follow Kubernetes and the store, and try to lead."""
        for watching in self._watchings:
            watching.heard_at = self._clock.seconds()
            watching.start()
        self.mirror.start()
        self.leading.start()
        self.publisher.start()
        self._surveying.start(SURVEY)

    def stop(self) -> Deferred[Any]:
        """Write no more, let another lead, disconnect."""
        if self._surveying.running:
            self._surveying.stop()
        self.publisher.stop()
        self.telling.stop()
        self.announcing.stop()
        self.names.stop()
        for watching in self._watchings:
            watching.stop()
        released = self.leading.release()
        return released.addCallback(lambda _: gatherResults([self.mirror.stop(), self.api.close()], consumeErrors=True))

    @property
    def synced(self) -> bool:
        """Whether all kinds are known, but for Secrets: where they are forbidden, all else goes on."""
        without = None if self._endpoints is None or not self._slices.absent else self._slices
        return all(one.synced for one in self.reflectors if one is not without and not _of_secrets(one))

    @property
    def unknown_secrets(self) -> frozenset[str]:
        """The namespaces of which not all Secrets with certificates are known."""
        return frozenset(str(one.resource.namespace) for one in self.reflectors if _of_secrets(one) and not one.synced)

    @property
    def ready(self) -> bool:
        """Whether this controller could write at once, or does."""
        return self.synced and self.mirror.known

    def report(self) -> dict[str, Any]:
        """What /readyz answers: also how long nothing was heard of each kind, in seconds, and what the store lacks."""
        now = self._clock.seconds()
        kinds = {
            str(one.resource): {"synced": one.synced, "silent_for": round(now - watching.heard_at, 3)}
            for one, watching in zip(self.reflectors, self._watchings, strict=True)
        }
        return {
            "status": "ready" if self.ready else "starting",
            "leader": self.leading.election.holder,
            "leads": self.leading.epoch is not None,
            "kubernetes": {name: state["synced"] for name, state in kinds.items()},
            "kinds": kinds,
            "store": self.mirror.known,
            "store_failure": self.mirror.failure,
        }

    # -- what the parts tell each other

    def _service(self, key: str, before: Any, after: Any) -> None:
        self.publisher.services_touched(self.places.service(key, before, after))

    def _slice(self, key: str, before: Any, after: Any) -> None:
        self.publisher.services_touched(self.places.slice(key, before, after))

    def _endpoints_changed(self, key: str, before: Any, after: Any) -> None:
        self.publisher.services_touched(self.places.endpoints(key, before, after))

    def _resolved(self, name: str, gone: bool) -> None:
        self.places.resolved(name)
        self.publisher.services_touched(gone)

    def _map(self, key: str, before: Any, after: Any) -> None:
        if self.maps.change(key, before, after):
            self.publisher.routes_touched()
        else:
            self.telling.look(key)

    def _secret(self, key: str, before: Any, after: Any) -> None:
        if self.secrets.change(key, before, after):
            self.publisher.secrets_touched()

    def _leads(self) -> bool:
        return self.leading.epoch is not None

    def _stored(self, part: str, names: frozenset[str] | None) -> None:
        self.publisher.stored(part, names)

    def _lead_changed(self) -> None:
        epoch = self.leading.epoch
        self.figures.leader.set(0 if epoch is None else 1)
        self.announcing.forget()
        if epoch is not None:
            self.figures.epoch.set(epoch)
            self.publisher.everything()

    def _say(self, line: str) -> None:
        self.log.warn("{line}", line=line)

    def _survey(self) -> None:
        now = self._clock.seconds()
        if self._slices.absent and self._endpoints is None:
            self._follow_endpoints()
        if self.synced and not self._was_synced:
            self._was_synced = True
            self.figures.synced.set(1)
            self.log.info("all kinds are known")
            self.publisher.everything()
        if (unknown := self.unknown_secrets) != self._unknown:
            self._unknown = unknown
            self.figures.secrets_synced.set(0 if unknown else 1)
            self.publisher.secrets_touched()
        if self.publisher.published and not self._settled:
            self._settled = True
            Heap().settled(WORTH_IT)
        for one, watching in zip(self.reflectors, self._watchings, strict=True):
            silent = now - watching.heard_at
            self.figures.followed(str(one.resource), one.relists, one.errors, len(one.objects), silent)

    # -- publisher.Told

    def routes(self, desired: Desired, outcome: RouteChanges) -> None:
        found = statuses(desired, outcome)
        self.figures.rejected.set(sum(status.bad for status in found.values()))
        self.telling.tell(found)

    def certificates(self, wanted: Wanted, outcome: CertificateChanges) -> None:
        foreign = "its name is taken by an entry of the store that is no Secret's"
        why = {**wanted.unusable, **dict.fromkeys(outcome.foreign, foreign)}
        self.figures.rejected_secrets.set(len(why))
        good = [name for name, text in outcome.changes.items() if text is not None]
        self.announcing.announce(
            {name: certificate_notice(reason) for name, reason in why.items()},
            dict.fromkeys(good, certificate_notice(None)),
        )

    def committed(self, part: str, entries: int, lag: float) -> None:
        self.figures.committed(part, entries, lag)

    def error(self, kind: str) -> None:
        self.figures.error(kind)


def _of_secrets(reflector: Reflector) -> bool:
    return reflector.resource.kind == "Secret"
