"""Keep-alive connections to one address: taken, given back, aged.

What may be reused is decided here: nothing that has been idle for longer than the server is
known to keep it, nothing on which bytes or an end wait unread.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from gwt.balance.upstream import Upstream
from gwt.errors import GatewayError
from gwt.model.route import ServiceTls
from gwt.phase.cork import Cork
from gwt.phase.share import Share
from gwt.tls.client import HTTP11, ClientContexts
from gwt.upstream.connecting import Connecting, context_for
from gwt.upstream.connection import DEAD, Connection
from gwt.upstream.trunks import Trunks

Clock = Callable[[], float]

#: Idle connections kept for each address, and how many seconds at the most.
MAX_IDLE = 256
MAX_IDLE_SECONDS = 60.0
#: Connections to one address at once, whatever they do.
MAX_CONNECTIONS = 10_000
#: After this many idle seconds a look at the socket costs nothing that matters.
LOOK_AFTER = 0.1
#: A server that closed a connection so soon after an answer is looked at each time, for so many seconds.
_SOON = 0.5
_WARY_FOR = 60.0
#: What was learned about a server's idle time is forgotten bit by bit: a restart looks like a short one.
_FORGET = 1.002
#: Seconds that a tunnel's last bytes have to be taken.
_PARTING = 5.0
#: Seconds without a connection after which a pool, and what it has learned, is forgotten.
_FORGOTTEN_AFTER = 600.0
#: Pools that are looked at in one go.
_SLICE = 2000


class Waiter(Protocol):
    """Who waits for a connection."""

    def connected(self, connection: Connection) -> None:
        """Here it is; it belongs to the waiter."""

    def not_connected(self, error: GatewayError) -> None:
        """There will be none."""


class Pool:
    """The connections to one `host`:`port`, in the clear or over TLS with who is known as `tls` says.

    `keeps` is how many seconds an idle connection is trusted: at most MAX_IDLE_SECONDS, less once the server
    announced (Keep-Alive: timeout=N) or showed that it closes sooner. `live` counts connections, those that are
    being made too; `used` is when there was one last. `services` are the keys of those that connected here.
    """

    __slots__ = (
        "_clock", "_contexts", "_idle", "_parting", "_share", "_wary_until", "host", "keeps", "live", "port", "reactor",
        "services", "tls", "used",
    )  # fmt: skip

    def __init__(
        self, host: str, port: int, reactor: Any, clock: Clock, share: Share, tls: ServiceTls | None = None,
        contexts: ClientContexts | None = None,
    ) -> None:  # fmt: skip
        """`reactor` is IReactorTCP and IReactorTime; `share` is what it gives to making connections."""
        self.host, self.port, self.tls, self._contexts = host, port, tls, contexts
        self.keeps = MAX_IDLE_SECONDS
        self.live = 0
        self.used = clock()
        self.services: dict[str | None, Upstream | None] = {}
        self._wary_until = 0.0
        self.reactor, self._clock, self._share = reactor, clock, share
        self._idle: list[Connection] = []
        self._parting: dict[Connection, float] = {}

    # -- for the proxy

    def take(self, careful: bool) -> Connection | None:
        """An idle connection, the one used last; None where there is none to trust.

        `careful` (for requests that can't be sent twice) looks at the socket however short it was idle.
        """
        idle = self._idle
        while idle:
            connection = idle.pop()
            now = self._clock()
            age = now - connection.since
            if age > self.keeps:
                idle.append(connection)
                self.trim(now)
                return None
            if (not careful and age < LOOK_AFTER and now > self._wary_until) or _quiet(connection):
                return connection
            connection.cancel()
        return None

    def connect(self, waiter: Waiter, timeout: float, service: str | None = None) -> Any:
        """Open a connection for `waiter`, in a later turn of the reactor if many are opened in this one.

        Returns what can be disconnected. Raises GatewayError `overloaded`, and `policy` where TLS lacks something.
        """
        if self.live >= MAX_CONNECTIONS:
            raise GatewayError("overloaded", "too many connections to the endpoint")
        context = context_for(self, self._contexts, HTTP11)
        self.services.setdefault(service, None)
        attempt = Connecting(self, timeout, context, partial(Connection, self, waiter), waiter.not_connected)
        self._share.soon(self.reactor, attempt.begin)
        return attempt

    # -- for the connections

    def release(self, connection: Connection) -> None:
        """An exchange is over and the connection can carry another."""
        connection.since = self._clock()
        if len(self._idle) >= MAX_IDLE:
            connection.cancel()
        else:
            self._idle.append(connection)

    def dropped(self, connection: Connection) -> None:
        """An idle connection is no longer to be used."""
        if connection in self._idle:
            self._idle.remove(connection)

    def parting(self, connection: Connection) -> None:
        """A connection sends its last bytes, for a while at most."""
        self._parting[connection] = self._clock() + _PARTING

    def lost(self, connection: Connection, idle: bool) -> None:
        """A connection is gone. One that went while idle shows how long the server keeps them."""
        self.live -= 1
        self.used = now = self._clock()
        if self._parting:
            self._parting.pop(connection, None)
        if idle:
            self.dropped(connection)
            age = now - connection.since
            if age > _SOON:
                self.announced(age)
            else:
                self.beware()

    def beware(self) -> None:
        """The server closes connections right after an answer, or under a request."""
        self._wary_until = self._clock() + _WARY_FOR

    def announced(self, seconds: float) -> None:
        """The server closes connections that have been idle for so long: stop trusting them before."""
        trusted = max(0.2, seconds * 0.9 - 0.2)
        if trusted < self.keeps:
            self.keeps = trusted

    # -- for the ticker

    def tick(self, now: float) -> None:
        """Age what is idle, and what was learned; break off what does not part."""
        self.trim(now)
        self.keeps = min(MAX_IDLE_SECONDS, self.keeps * _FORGET)
        for connection, until in list(self._parting.items()):
            if now > until:
                connection.transport.abortConnection()

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


def _quiet(connection: Connection) -> bool:
    """Whether nothing waits to be read on the socket, an end neither."""
    fileno = getattr(connection.transport, "fileno", None)
    if fileno is None:
        return connection.state != DEAD
    descriptor = fileno()
    if descriptor < 0:
        return False  # closed; the connection hears of it in a later turn
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLRDHUP)
    return not poll.poll(0)


def _key(pool: Pool | Trunks) -> tuple[Any, ...]:
    key = (pool.host, pool.port) if pool.tls is None else (pool.host, pool.port, pool.tls)
    return (*key, Trunks) if isinstance(pool, Trunks) else key


class Pools:
    """All pools, by address. Those unused for long are forgotten. `cork` holds back what trunks write."""

    __slots__ = ("_clock", "_contexts", "_due", "_pools", "_reactor", "_share", "_upstreams", "cork")

    def __init__(self, reactor: Any, clock: Clock, contexts: ClientContexts | None = None) -> None:
        """`reactor` is IReactorTCP and IReactorTime, and has `connectSecurely` where `contexts` has what TLS takes."""
        self._reactor, self._clock, self._share, self._contexts = reactor, clock, Share(clock), contexts
        self.cork = Cork()
        self._pools: dict[tuple[Any, ...], Any] = {}
        self._due: deque[Pool | Trunks] = deque()
        self._upstreams: Mapping[str, Upstream] | None = None

    def get(self, host: str, port: int, tls: ServiceTls | None = None) -> Pool:
        """The pool of an address: who is known otherwise over TLS has another one."""
        key = (host, port) if tls is None else (host, port, tls)
        pool: Pool | None = self._pools.get(key)
        if pool is None:
            pool = Pool(host, port, self._reactor, self._clock, self._share, tls, self._contexts)
            self._add(pool)
        return pool

    def trunks(self, host: str, port: int, tls: ServiceTls | None = None) -> Trunks:
        """As `get`, for HTTP/2."""
        key = (host, port, Trunks) if tls is None else (host, port, tls, Trunks)
        pool: Trunks | None = self._pools.get(key)
        if pool is None:
            pool = Trunks(host, port, self._reactor, self._clock, self._share, self.cork, tls, self._contexts)
            self._add(pool)
        return pool

    def _add(self, pool: Pool | Trunks) -> None:
        self._pools[_key(pool)] = pool
        self._due.append(pool)

    def follow(self, upstreams: Mapping[str, Upstream]) -> None:
        """These are in force from now on: idle connections to addresses that left them are closed by and by."""
        self._upstreams = upstreams

    def tick(self, now: float) -> None:
        """Look at the pools, some of them where there are many: age what is idle, close what is not needed."""
        addresses: dict[int, frozenset[tuple[str, int]]] = {}
        for _ in range(min(_SLICE, len(self._due))):
            pool = self._due.popleft()
            if pool.live:
                pool.tick(now)
                if pool.idle and self._upstreams is not None and not self._serves(pool, self._upstreams, addresses):
                    pool.close_idle()
            elif now - pool.used > _FORGOTTEN_AFTER:
                del self._pools[_key(pool)]
                continue
            self._due.append(pool)

    def close_idle(self, secure: bool = False) -> None:
        """Close all idle connections: the gateway is leaving (or, if `secure`, TLS is no longer what it was)."""
        for pool in self._pools.values():
            if not secure or pool.tls is not None:
                pool.close_idle()

    def __len__(self) -> int:
        return len(self._pools)

    @property
    def connections(self) -> int:
        """Connections to all addresses, those that are being made too."""
        return sum(pool.live for pool in self._pools.values())

    @staticmethod
    def _serves(
        pool: Pool | Trunks, upstreams: Mapping[str, Upstream], addresses: dict[int, frozenset[tuple[str, int]]]
    ) -> bool:
        """Whether a service that connected to the pool's address still has it; only what changed is looked at."""
        serves = False
        for key, seen in list(pool.services.items()):
            upstream = None if key is None else upstreams.get(key)
            if upstream is None:
                del pool.services[key]
                continue
            if upstream is not seen:
                known = addresses.get(id(upstream))
                if known is None:
                    known = addresses[id(upstream)] = frozenset((e.host, e.port) for e in upstream.endpoints)
                if (pool.host, pool.port) not in known:
                    del pool.services[key]
                    continue
                pool.services[key] = upstream
            serves = True
        return serves
