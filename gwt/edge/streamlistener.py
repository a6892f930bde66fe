"""The factories behind the listeners of streams, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory
from zope.interface import implementer

from gwt.edge.listener import SLOTS
from gwt.edge.relay import Relay
from gwt.metrics import Meters
from gwt.model.settings import Limits
from gwt.phase.share import Share
from gwt.phase.ticker import Ticker, Ticking
from gwt.snapshot import Current
from gwt.streams import StreamLeaf
from gwt.wire.forwarded import Ids, request_id


class Shared:
    """What all streams of a process share: `reactor` (IReactorTCP, IReactorTime) connects, `log` gets each relay once.

    Connections are counted by document, over all changes of it.
    """

    def __init__(
        self, current: Current, reactor: Any, clock: Callable[[], float], meters: Meters, ids: Ids,
        log: Callable[[Relay], None],
    ) -> None:  # fmt: skip
        self.current, self.reactor, self.clock, self.log = current, reactor, clock, log
        self.share = Share(clock)
        self._meters, self._ids = meters, ids
        self._open: dict[str, int] = {}

    def full(self, leaf: StreamLeaf) -> bool:
        """Whether the document has as many connections as it may have."""
        most = leaf.stream.max_connections
        return most is not None and self._open.get(leaf.route, 0) >= most

    def admitted(self, relay: Relay, leaf: StreamLeaf) -> None:
        """A connection is one of this document from now on."""
        self._open[leaf.route] = self._open.get(leaf.route, 0) + 1
        relay.stats = stats = self._meters.stream(leaf.route, leaf.service)
        stats.open.inc()

    def passed(self, relay: Relay) -> None:
        """Bytes have passed: count those that are new."""
        stats = relay.stats
        if stats is not None:
            bytes_in, bytes_out = relay.account()
            stats.bytes_in.inc(bytes_in)
            stats.bytes_out.inc(bytes_out)

    def ended(self, relay: Relay, leaf: StreamLeaf | None) -> None:
        """A connection is over."""
        self.passed(relay)
        stats = relay.stats
        if stats is not None and leaf is not None:
            stats.open.dec()
            left = self._open.pop(leaf.route) - 1
            if left:
                self._open[leaf.route] = left
        else:
            stats = self._meters.stream(*(("-", "-") if leaf is None else (leaf.route, leaf.service)))
        stats.ended(relay.code or "ok")
        relay.request_id = request_id(None, self._ids)
        self.log(relay)


@implementer(IProtocolFactory)
class StreamFactory:
    """Relays for the listener of streams `name`.

    `connections` are open now, `refused` were too many. Drive `tick` as that of an HttpFactory.
    """

    def __init__(self, name: str, shared: Shared, limits: Limits) -> None:
        self.name, self.shared, self.limits, self.clock = name, shared, limits, shared.clock
        self.slow = Ticker(SLOTS)
        self.draining = False
        self.accepted = self.refused = 0
        self.framed = self.calmed = 0  # of HTTP/2, which is nothing to a stream
        self._relays: dict[Relay, None] = {}
        self._emptied: list[Deferred[None]] = []

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._relays)

    @property
    def full(self) -> bool:
        """Whether the connection that was opened last is one too many."""
        return len(self._relays) > self.limits.max_connections

    def doStart(self) -> None:
        """A port listens."""

    def doStop(self) -> None:
        """It does no more."""

    def buildProtocol(self, addr: object) -> Any:
        return Relay(self).protocol_for_client

    def tick(self) -> None:
        """Look at deadlines."""
        self.slow.tick(self.clock())

    # -- for relays

    def opened(self, relay: Relay) -> dict[Ticking, None]:
        """A connection was made; returns its slot of the ticker."""
        self.accepted += 1
        self._relays[relay] = None
        self.refused += self.full
        return self.slow.join(relay)

    def closed(self, relay: Relay, leaf: StreamLeaf | None) -> None:
        """A connection is gone."""
        self._relays.pop(relay, None)
        self.shared.ended(relay, leaf)
        if self.draining and not self._relays:
            waiting, self._emptied = self._emptied, []
            for deferred in waiting:
                deferred.callback(None)

    # -- for the process

    def begin_drain(self) -> None:
        """Those that have reached no endpoint yet are closed; the others go on."""
        self.draining = True
        for relay in list(self._relays):
            relay.drain()

    def when_empty(self) -> Deferred[None]:
        """Fires when the last connection is gone."""
        if not self._relays:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        self._emptied.append(deferred)
        return deferred

    def abort_all(self) -> None:
        """The time for draining is over."""
        for relay in list(self._relays):
            relay.abort("draining")
