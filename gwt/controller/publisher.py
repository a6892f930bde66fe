"""Publisher: brings the store to what Kubernetes says, soon after each change, and writes no more than that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gwt.controller.asking import Asking
from gwt.controller.diff import (
    CertificateChanges,
    RouteChanges,
    baselines_of,
    batches,
    certificate_changes,
    held_names,
    route_changes,
    service_changes,
)
from gwt.controller.maps import Desired, Maps
from gwt.controller.mirror import Mirror
from gwt.controller.places import Places
from gwt.controller.secrets import Secrets, Wanted
from gwt.store.base import StoreError
from gwt.store.commit import Commit, Conflict, Fenced
from gwt.store.pace import Pacer

#: Bytes of what one commit changes, before and after: what is more comes in several. etcd takes 1.5 MiB.
SIZE: Final = 512 * 1024

#: Seconds between two comparisons of everything, and until a commit that failed is tried again.
RESYNC, RETRY = 600.0, 0.2

#: ConfigMaps that the reason of a revision names.
NAMED: Final = 5


class Leader(Protocol):
    """Whoever knows whether we may write."""

    @property
    def epoch(self) -> int | None:
        """With what to fence commits; None: we may not write."""

    def fenced(self, epoch: int) -> None:
        """Another one writes, with this epoch."""


class Told(Protocol):
    """Who wants to know what became of it all."""

    def routes(self, desired: Desired, outcome: RouteChanges) -> None:
        """All ConfigMaps have been judged, and what can be used of them stands in the store."""

    def certificates(self, wanted: Wanted, outcome: CertificateChanges) -> None:
        """All Secrets have been judged, and what can be used of them stands in the store."""

    def committed(self, part: str, entries: int, lag: float) -> None:
        """A commit was made, `lag` seconds after the first change in it came in."""

    def error(self, kind: str) -> None:
        """Something went wrong."""


class Publisher:
    """`quiet` and `ceiling` in seconds: a change waits for others so long. `synced` tells whether all kinds are known.

    Nothing is written before that, nor unless `leader` has an epoch. `wall` gives Unix time, for the history.
    """

    log = Logger("gwt.controller")

    def __init__(
        self, clock: Any, places: Places, maps: Maps, mirror: Mirror, leader: Leader, synced: Callable[[], bool],
        told: Told, actor: str, wall: Callable[[], float], quiet: float = 0.02, ceiling: float = 0.2,
        secrets: Secrets | None = None,
    ) -> None:  # fmt: skip
        self._clock, self._places, self._maps, self._mirror, self._leader = clock, places, maps, mirror, leader
        self._synced, self._told, self._actor, self._wall = synced, told, actor, wall
        self._quiet, self._ceiling, self._secrets = quiet, ceiling, secrets
        self._pacer = Pacer(clock)
        self._asking = Asking()
        self._timer: Any = None
        self._first: float | None = None
        self._busy: Deferred[None] | None = None
        self._stopped = self._again = self._urgent = False
        self._services: set[str] | None = None  # what is to be compared; None: everything
        self._routes = self._certificates = True
        self._baselines: dict[tuple[str, int], Any] = {}
        self._resyncing = LoopingCall(self._resync)
        self._resyncing.clock = clock
        self.published = False

    def start(self) -> None:
        """From now on everything is compared now and then."""
        self._resyncing.start(RESYNC, now=False)

    def stop(self) -> None:
        """Write no more."""
        self._stopped = True
        if self._resyncing.running:
            self._resyncing.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy is not None:
            self._busy.cancel()

    # -- what happens

    def services_touched(self, urgent: bool) -> None:
        """`places` has changed; `urgent`: an endpoint may be gone."""
        self._soon(urgent)

    def routes_touched(self) -> None:
        """`maps` has changed."""
        self._routes = True
        self._soon(False)

    def secrets_touched(self) -> None:
        """`secrets` has changed, or has come to know all that there are."""
        self._certificates = True
        self._soon(False)

    def stored(self, part: str, names: frozenset[str] | None) -> None:
        """Somebody else has changed the store."""
        if part == "routes":
            self._routes = True
        elif part == "certificates":
            self._certificates = True
        elif names is None:
            self._services = None
        elif self._services is not None:
            self._services |= names
        self._soon(False)

    def everything(self) -> None:
        """Compare everything, as after a change of leaders."""
        self._all()
        self._soon(True)

    def _all(self) -> None:
        self._services, self._routes, self._certificates = None, True, True

    def _resync(self) -> None:
        self._all()
        self._mirror.forget()
        self._soon(False)

    # -- when to act

    def _soon(self, urgent: bool) -> None:
        now = self._clock.seconds()
        if self._first is None:
            self._first = now
        self._urgent = self._urgent or urgent
        if self._busy is not None or self._stopped:
            self._again = True
            return
        self._at(0.0 if self._urgent else min(self._quiet, max(self._first + self._ceiling - now, 0.0)))

    def _at(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(delay, self._go)

    def _go(self) -> None:
        self._timer = None
        first, self._first = self._first, None
        self._urgent = self._again = False
        self._busy = Deferred.fromCoroutine(self._publish(self._clock.seconds() if first is None else first))
        self._busy.addErrback(self._failed).addBoth(self._ended)

    def _ended(self, delay: float | None) -> None:
        self._busy = None
        if self._stopped:
            return
        if delay is not None:
            self._at(delay)
        elif self._again:
            self._soon(self._urgent)

    def _failed(self, failure: Any) -> float | None:
        """Seconds until the next attempt, None: when something happens. All is compared then."""
        self._all()
        if failure.check(CancelledError):
            return None
        if failure.check(Conflict):
            self._told.error("conflict")
            self._mirror.forget()
            return None
        if failure.check(Fenced):
            self._told.error("fenced")
            self.log.warn("{why}: this one writes no more", why=failure.getErrorMessage())
            self._leader.fenced(failure.value.epoch)
            return None
        self._told.error("store")
        if failure.check(StoreError):
            self._mirror.ready = False  # it tells when the store is back
            self.log.warn("{why}", why=failure.getErrorMessage())
            return None
        self.log.failure("a bug: the store can't be brought up to date", failure)
        return RETRY * 10

    # -- what is done

    async def _publish(self, first: float) -> None:
        # Whatever changes from here on is the next round's: what is marked later is not read in this one.
        routes, self._routes = self._routes, False
        certificates, self._certificates = self._certificates, False
        ready = self._synced() and self._mirror.known and self._leader.epoch is not None
        await self._join()
        await self._pacer.run(self._maps.read())
        if self._secrets is not None:
            await self._pacer.run(self._secrets.read())
        if not ready:
            self._routes, self._certificates = self._routes or routes, self._certificates or certificates
            return
        if self._services is None:
            await self._pacer.run(self._places.inherit(self._mirror.entries["services"]))
            await self._join()
        await self._publish_services(first)
        if routes:
            await self._publish_routes(first)
            if await self._join():  # Routes now ask for other ports of Services that say none
                await self._publish_services(first)
        if certificates and self._secrets is not None:
            await self._publish_certificates(self._secrets.wanted(), first)
        self.published = True

    async def _join(self) -> bool:
        """Bring what the store should hold of services up to date; whether anything is another now."""
        if self._places.portless:
            routes = self._mirror.entries["routes"]
            self._places.asked(await self._pacer.run(self._asking.look(routes, self._places.portless)))
        touched = await self._pacer.run(self._places.join())
        if self._services is not None:
            self._services |= touched
        return bool(touched)

    async def _publish_services(self, first: float) -> None:
        keys, self._services = self._services, set()
        stored = self._mirror.entries["services"]
        changes = await self._pacer.run(service_changes(self._places.entries, stored, keys))
        await self._commit("services", changes, "", first)

    async def _publish_routes(self, first: float) -> None:
        desired = self._maps.desired()
        stored = self._mirror.entries["routes"]
        baselines = await self._baselines_of(held_names(stored), desired)
        outcome = await self._pacer.run(route_changes(desired, stored, baselines))
        asked = {**desired.docs, **outcome.closed}
        origins = sorted({asked[name].origin for name, text in outcome.changes.items() if text is not None})
        more = f" and {len(origins) - NAMED} more" if len(origins) > NAMED else ""
        reason = f"ConfigMaps: {', '.join(origins[:NAMED])}{more}" if origins else "ConfigMaps are gone"
        await self._commit("routes", outcome.changes, reason, first)
        self._told.routes(desired, outcome)

    async def _publish_certificates(self, wanted: Wanted, first: float) -> None:
        stored = self._mirror.entries["certificates"]
        outcome = await self._pacer.run(certificate_changes(wanted, stored))
        await self._commit("certificates", outcome.changes, "", first)
        self._told.certificates(wanted, outcome)

    async def _baselines_of(self, held: Mapping[str, int], desired: Desired) -> dict[str, Any]:
        unknown = {name: rev for name, rev in held.items() if (name, rev) not in self._baselines}
        if unknown:
            found = baselines_of(await self._mirror.history(), unknown, desired)
            self._baselines.update({(name, unknown[name]): doc for name, doc in found.items()})
        self._baselines = {key: doc for key, doc in self._baselines.items() if held.get(key[0]) == key[1]}
        return {name: self._baselines[name, rev] for name, rev in held.items()}

    async def _commit(self, part: str, changes: Mapping[str, str | None], reason: str, first: float) -> None:
        for entries in batches(changes, self._mirror.entries[part], self._mirror.most, SIZE):
            epoch = self._leader.epoch
            if epoch is None:
                raise StoreError("the leadership went over to another controller meanwhile")
            expected = self._mirror.expected(part)
            await self._mirror.commit(
                Commit(part, {part: entries}, self._actor, reason, self._wall(), expected, epoch)
            )  # fmt: skip
            self._told.committed(part, len(entries), self._clock.seconds() - first)
