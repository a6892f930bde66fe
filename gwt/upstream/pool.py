"""Keep-alive connections to one address: taken, given back, aged.

What may be reused is decided here: nothing that has been idle for longer than the server is
known to keep it, nothing on which bytes or an end wait unread.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from gwt.errors import GatewayError
from gwt.upstream.connection import Connection

Clock = Callable[[], float]

#: Idle connections kept for each address, and how many seconds at the most.
MAX_IDLE = 256
MAX_IDLE_SECONDS = 60.0
#: Connections to one address at once, whatever they do.
MAX_CONNECTIONS = 10_000
#: After this many idle seconds a look at the socket costs nothing that matters.
_LOOK_AFTER = 0.1


class Waiter(Protocol):
    """Who waits for a connection."""

    def connected(self, connection: Connection) -> None:
        """Here it is; it belongs to the waiter."""

    def not_connected(self, error: GatewayError) -> None:
        """There will be none."""


class Pool:
    """The connections to one `host`:`port`.

    `keeps` is how many seconds an idle connection is trusted: at most MAX_IDLE_SECONDS, less once the server
    announced (Keep-Alive: timeout=N) or showed that it closes sooner.
    """

    def __init__(self, host: str, port: int, reactor: IReactorTCP, clock: Clock) -> None:
        self.host, self.port = host, port
        self.keeps = MAX_IDLE_SECONDS
        self.live = 0
        self._reactor, self._clock = reactor, clock
        self._idle: list[Connection] = []

    # -- for the proxy

    def take(self, careful: bool) -> Connection | None:
        """An idle connection, the one used last; None where there is none to trust.

        `careful` (for requests that can't be sent twice) looks at the socket however short it was idle.
        """
        idle = self._idle
        while idle:
            connection = idle.pop()
            age = self._clock() - connection.since
            if age > self.keeps:
                idle.append(connection)
                self.trim(self._clock())
                return None
            if (not careful and age < _LOOK_AFTER) or _quiet(connection):
                return connection
            connection.cancel()
        return None

    def connect(self, waiter: Waiter, timeout: float) -> Any:
        """Open a connection for `waiter`; returns what can be given to `cancel_connect`."""
        if self.live >= MAX_CONNECTIONS:
            waiter.not_connected(GatewayError("overloaded", "too many connections to the endpoint"))
            return None
        self.live += 1
        return self._reactor.connectTCP(self.host, self.port, _Connecting(self, waiter), timeout=timeout)  # type: ignore[arg-type]

    # -- for the connections

    def release(self, connection: Connection) -> None:
        """An exchange is over and the connection can carry another."""
        connection.since = self._clock()
        if len(self._idle) >= MAX_IDLE:
            connection.cancel()
        else:
            self._idle.append(connection)

    def connected(self, connection: Connection) -> None:
        """A connection was made: it goes to who asked for it."""

    def dropped(self, connection: Connection) -> None:
        """An idle connection is no longer to be used."""
        if connection in self._idle:
            self._idle.remove(connection)

    def lost(self, connection: Connection, idle: bool) -> None:
        """A connection is gone. One that went while idle shows how long the server keeps them."""
        self.live -= 1
        if idle:
            self.dropped(connection)
            age = self._clock() - connection.since
            if not connection.fresh and age > 0.5:
                self.announced(age)

    def announced(self, seconds: float) -> None:
        """The server closes connections that have been idle for so long: stop trusting them before."""
        trusted = max(0.2, seconds * 0.9 - 0.2)
        if trusted < self.keeps:
            self.keeps = trusted

    # -- for the ticker

    def trim(self, now: float) -> None:
        """Close what has been idle for too long."""
        old = [c for c in self._idle if now - c.since > self.keeps]
        if old:
            self._idle = [c for c in self._idle if now - c.since <= self.keeps]
            for connection in old:
                connection.cancel()

    def close_idle(self) -> None:
        """Close all that is idle: the endpoint is leaving, or the gateway is."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.cancel()

    @property
    def idle(self) -> int:
        """How many connections wait for use."""
        return len(self._idle)


class _Connecting(ClientFactory):
    """One attempt to connect."""

    noisy = False

    def __init__(self, pool: Pool, waiter: Waiter) -> None:
        self._pool, self._waiter = pool, waiter

    def buildProtocol(self, addr: object) -> Any:
        return _Made(self._pool, self._waiter)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._pool.live -= 1
        where = f"{self._pool.host}:{self._pool.port}"
        timed_out = type(reason.value).__name__ in ("TimeoutError", "TCPTimedOutError")
        detail = "connection_timeout" if timed_out else "connection_refused"
        self._waiter.not_connected(
            GatewayError("connect_failed", f"no connection to {where}: {detail.replace('_', ' ')}", detail=detail)
        )


class _Made(Connection):
    """A connection that tells its first waiter when it stands."""

    __slots__ = ("_waiter",)

    def __init__(self, pool: Pool, waiter: Waiter) -> None:
        super().__init__(pool)
        self._waiter: Waiter | None = waiter

    def makeConnection(self, transport: Any) -> None:
        super().makeConnection(transport)
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.connected(self)


def _quiet(connection: Connection) -> bool:
    """Whether nothing waits to be read on the socket, an end neither."""
    fileno = getattr(connection.transport, "fileno", None)
    descriptor = fileno() if fileno is not None else -1
    if descriptor < 0:
        return connection.state != 6
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLRDHUP)
    return not poll.poll(0)


class Pools:
    """All pools, by address. Those unused for long are forgotten."""

    def __init__(self, reactor: IReactorTCP, clock: Clock) -> None:
        self._reactor, self._clock = reactor, clock
        self._pools: dict[tuple[str, int], Pool] = {}

    def get(self, host: str, port: int) -> Pool:
        """The pool of an address."""
        pool = self._pools.get((host, port))
        if pool is None:
            pool = self._pools[host, port] = Pool(host, port, self._reactor, self._clock)
        return pool

    def tick(self, now: float) -> None:
        """Age what is idle."""
        for address, pool in list(self._pools.items()):
            pool.trim(now)
            if not pool.live:
                del self._pools[address]

    def close_idle(self, keep: Callable[[str, int], bool] = lambda host, port: False) -> None:
        """Close the idle connections to addresses that `keep` does not name."""
        for (host, port), pool in self._pools.items():
            if not keep(host, port):
                pool.close_idle()
