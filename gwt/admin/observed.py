"""Observed: the parts of a gateway that the admin listener reads; of these it has only the plugins look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed

from gwt.metrics import Meters
from gwt.phase.installed import Installed
from gwt.proxy import Proxy
from gwt.snapshot import Current
from gwt.store.commit import Writable


class Healthy(Protocol):
    """What is known of the health of this process (`gwt.health.Health`)."""

    store: str
    ready: bool
    draining: bool
    refreshed_at: float | None
    failing_since: float | None
    failure: str | None

    @property
    def serving(self) -> bool: ...

    def reached(self) -> None: ...

    def report(self) -> dict[str, Any]: ...


class Accepting(Protocol):
    """A listener's factory (`gwt.edge.listener.HttpFactory`): what it has accepted and refused, and what is open."""

    accepted: int
    refused: int
    framed: int
    calmed: int

    @property
    def connections(self) -> int: ...


class Plugged(Protocol):
    """The plugins of this process (`gwt.plugging.desk.Desk`)."""

    @property
    def installed(self) -> Installed: ...

    @property
    def local(self) -> frozenset[str] | None: ...

    def reload(self) -> Deferred[Any]: ...


@dataclass(frozen=True, slots=True)
class Observed:
    """`factories` by the role of their listener; `clock` gives monotonic seconds.

    `store` gives the store in force where it takes changes, else None; what `settled` gives fires when nothing that was
    handed over is still to come into force.
    """

    current: Current
    health: Healthy
    meters: Meters
    proxy: Proxy
    factories: Mapping[str, Accepting]
    clock: Callable[[], float]
    plugins: Plugged
    store: Callable[[], Writable | None] = lambda: None
    settled: Callable[[], Deferred[Any]] = lambda: succeed(None)
