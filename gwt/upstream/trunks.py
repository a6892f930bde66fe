"""Trunks to one endpoint: calls are placed on those that have room; where none has, another is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from gwt.balance.upstream import Upstream
from gwt.errors import GatewayError
from gwt.model.route import ServiceTls
from gwt.phase.cork import Cork
from gwt.phase.share import Share
from gwt.tls.client import HTTP2, ClientContexts
from gwt.upstream.call import Call
from gwt.upstream.connecting import Connecting, context_for
from gwt.upstream.trunk import Trunk

#: Trunks to one endpoint, and calls that wait for one, at the most.
MOST, MOST_WAITING = 100, 4096
#: Seconds that an idle one is kept.
KEEPS = 60.0
#: Seconds in which one must stand that nobody in particular has asked for.
CONNECT = 5.0
#: Calls that a trunk is expected to carry, before its endpoint has said how many (RFC 9113 6.5.2: not fewer).
EXPECTED = 100


class Waiter(Protocol):
    """Who waits for a call."""

    def connected(self, connection: Call) -> None:
        """Here it is: it begins at once, or is cancelled."""

    def not_connected(self, error: GatewayError) -> None:
        """There will be none."""


class Waiting:
    """A place in the queue for a call."""

    __slots__ = ("_pool", "_timer", "waiter")

    def __init__(self, pool: Trunks, waiter: Waiter, timeout: float) -> None:
        self._pool, self.waiter = pool, waiter
        self._timer = pool.reactor.callLater(timeout, self._too_late)

    def disconnect(self) -> None:
        """Nobody waits any more."""
        self._pool.forget(self)
        self.stop()

    def stop(self) -> None:
        """Its time does not count any more."""
        if self._timer.active():
            self._timer.cancel()

    def _too_late(self) -> None:
        self._pool.forget(self)
        self.waiter.not_connected(self._pool.too_late())


class Trunks:
    """The trunks to one `host`:`port`. See `gwt.upstream.pool.Pool` for what has the same name there."""

    __slots__ = (
        "_attempts", "_contexts", "_open", "_serving", "_streams", "_trunks", "_waiting", "clock", "cork", "host",
        "keeps", "live", "port", "reactor", "services", "share", "tls", "used",
    )  # fmt: skip

    def __init__(
        self, host: str, port: int, reactor: Any, clock: Callable[[], float], share: Share, cork: Cork,
        tls: ServiceTls | None = None, contexts: ClientContexts | None = None,
    ) -> None:  # fmt: skip
        self.host, self.port, self.tls, self._contexts = host, port, tls, contexts
        self.reactor, self.clock, self.share, self.cork = reactor, clock, share, cork
        self.keeps = KEEPS
        self.live = 0
        self.used = clock()
        self.services: dict[str | None, Upstream | None] = {}
        self._streams = EXPECTED
        self._serving = False
        self._attempts = 0  # trunks that are not ready yet
        self._open: list[Trunk] = []  # that take calls
        self._trunks: dict[Trunk, None] = {}
        self._waiting: dict[Waiting, None] = {}

    # -- for the proxy

    def take(self) -> Call | None:
        """A call on a trunk that has room; None where none has, or others wait already."""
        if not self._waiting:
            for trunk in self._open:
                if trunk.room:
                    return Call(trunk)
        return None

    def connect(self, waiter: Waiter, timeout: float, service: str | None = None) -> Waiting:
        """Have `waiter` wait for a call, for `timeout` seconds. Raises GatewayError `overloaded` and `policy`."""
        if len(self._waiting) >= MOST_WAITING:
            raise GatewayError("overloaded", "too many requests wait for the endpoint")
        self.services.setdefault(service, None)
        waiting = Waiting(self, waiter, timeout)
        self._waiting[waiting] = None
        try:
            self._open_some(timeout)
        except GatewayError:
            waiting.disconnect()
            raise
        return waiting

    def _open_some(self, timeout: float) -> None:
        """Open as many trunks as those who wait need."""
        while len(self._waiting) > self._attempts * self._streams and self.live < MOST:
            context = context_for(self, self._contexts, HTTP2)
            due = self.clock() + timeout
            attempt = Connecting(self, timeout, context, partial(self._made, due), self._not_made)
            self._attempts += 1
            self.share.soon(self.reactor, attempt.begin)

    def _made(self, due: float) -> Trunk:
        trunk = Trunk(self, due)
        self._trunks[trunk] = None
        return trunk

    def _not_made(self, error: GatewayError) -> None:
        """A trunk can't be had: unless others are on their way, those who wait must go elsewhere."""
        self._attempts -= 1
        if not self._attempts:
            self._turn_away(error)

    def _turn_away(self, error: GatewayError) -> None:
        waiting, self._waiting = self._waiting, {}
        for one in waiting:
            one.stop()
            one.waiter.not_connected(error)

    def forget(self, waiting: Waiting) -> None:
        """One waits no longer."""
        self._waiting.pop(waiting, None)

    def too_late(self) -> GatewayError:
        """What those are told who have waited in vain."""
        where = f"{self.host}:{self.port}"
        if self._open:
            return GatewayError("overloaded", f"{where} takes no more requests at the same time")
        return GatewayError("timeout", f"no connection to {where} in time", detail="connection_timeout")

    def no_http2(self) -> GatewayError:
        """What those are told whose endpoint is no HTTP/2 server."""
        message = f"{self.host}:{self.port} does not speak HTTP/2"
        return GatewayError("connect_failed", message, detail="http_protocol_error")

    # -- for trunks

    def opened(self, trunk: Trunk) -> None:
        """A trunk is ready."""
        self._attempts -= 1
        self._open.append(trunk)
        self._streams = max(1, min(EXPECTED, trunk.room))
        self.freed()

    def freed(self) -> None:
        """There may be room for those who wait."""
        if not self._waiting or self._serving:
            return
        self._serving = True
        while self._waiting:
            trunk = next((one for one in self._open if one.room), None)
            if trunk is None:
                break
            waiting = next(iter(self._waiting))
            del self._waiting[waiting]
            waiting.stop()
            waiting.waiter.connected(Call(trunk))
        self._serving = False
        if self._waiting:
            self._see_to_it()

    def _see_to_it(self) -> None:
        """Trunks have gone, or may be opened again, and there are those who wait."""
        try:
            self._open_some(CONNECT)
        except GatewayError as error:
            self._turn_away(error)

    def left(self, trunk: Trunk) -> None:
        """A trunk takes no more calls."""
        if trunk in self._open:
            self._open.remove(trunk)

    def lost(self, trunk: Trunk, why: GatewayError | None) -> None:
        """A trunk is gone."""
        self.live -= 1
        self.used = self.clock()
        self.left(trunk)
        self._trunks.pop(trunk, None)
        if not trunk.ready:
            self._not_made(why or self.too_late())
        self.freed()

    # -- for the ticker

    def tick(self, now: float) -> None:
        """Age what is idle, see who is gone."""
        for trunk in list(self._trunks):
            trunk.tick(now)
        self.freed()

    def close_idle(self) -> None:
        """No trunk takes further calls, and each closes after its last: the endpoint is leaving, or the gateway is."""
        for trunk in list(self._open):
            trunk.retire()

    @property
    def idle(self) -> int:
        """How many trunks could carry calls."""
        return len(self._open)
