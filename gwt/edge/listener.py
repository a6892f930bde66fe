"""The factory behind a listener: it makes channels, hands their requests to the resource tree, and drains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IProtocolNegotiationFactory, ISSLTransport
from twisted.web.resource import IResource
from zope.interface import implementer

from gwt.edge.channel import Channel
from gwt.edge.introduction import plain_host
from gwt.edge.request import Request
from gwt.edge.streamed import Streamed
from gwt.edge.tunnel import PARTING, Farewell, Tunnel
from gwt.errors import GatewayError
from gwt.model.settings import Limits
from gwt.phase.cork import Cork
from gwt.phase.exchange import Exchange
from gwt.phase.share import Share
from gwt.phase.ticker import Ticker, Ticking
from gwt.tls.peer import Handshake
from gwt.wire.forwarded import Ids, Trusts, believed, client_certificate_line, lines_for, request_id

#: The slow ticker looks at a tenth of the channels every 0.1 s.
SLOTS = 10
TICK = 0.1

#: What is spoken over TLS, best first; `HttpFactory.buildSecured` makes the channel of what was chosen.
ALPN = (b"h2", b"http/1.1")

Finished = Callable[[Exchange], None]


@implementer(IProtocolFactory, IProtocolNegotiationFactory)
class HttpFactory:
    """Channels for one listener. `root` decides what answers; `on_finished` hears of every exchange once.

    `connections` are open now, `refused` were too many; `framed` spoke HTTP/2, `calmed` of these were
    ended because they cost too much; `cork` holds back what those write. Drive `tick` every `TICK` seconds. `debug`
    says whether a `Gwt-Debug` holds the debug token.
    """

    __slots__ = (
        "_channels", "_emptied", "_farewells", "_ids", "accepted", "calmed", "clock", "cork", "debug", "draining",
        "fast", "finished", "framed", "limits", "refused", "root", "share", "slow", "trusts",
    )  # fmt: skip

    def __init__(
        self,
        root: IResource,
        limits: Limits,
        clock: Callable[[], float],
        trusts: Trusts,
        ids: Ids,
        on_finished: Finished,
    ) -> None:
        self.root, self.limits, self.clock, self.trusts, self._ids = root, limits, clock, trusts, ids
        self.finished = on_finished
        self.slow = Ticker(SLOTS)
        self.share = Share(clock)
        self.cork = Cork()
        self.fast: set[Ticking] = set()
        self.draining = False
        self.debug: Callable[[bytes], bool] = lambda said: False
        self.accepted = self.refused = self.framed = self.calmed = 0
        self._channels: dict[Channel, None] = {}
        self._emptied: list[Deferred[None]] = []
        self._farewells: list[Farewell] = []

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._channels)

    def acceptableProtocols(self) -> list[bytes]:
        """What ALPN may choose on a TLS listener, best first; a channel knows HTTP/2 by its first bytes."""
        return list(ALPN)

    def doStart(self) -> None:
        """A port listens."""

    def doStop(self) -> None:
        """It does no more."""

    def buildProtocol(self, addr: object) -> Any:
        return Channel(self)

    def buildSecured(self, addr: object, handshake: Handshake) -> Any:
        """The channel of a TLS connection, whatever ALPN has chosen of `ALPN` (None: nothing was asked for)."""
        channel = Channel(self)
        channel.tls = handshake
        return channel

    def tick(self) -> None:
        """Look at deadlines."""
        now = self.clock()
        self.slow.tick(now)
        if self.fast:
            for member in list(self.fast):
                member.tick(now)
        for farewell in self._farewells:
            farewell.tick(now)

    # -- for channels

    def opened(self, channel: Channel) -> None:
        """A connection was made: what is the same for all its requests is computed now."""
        self.accepted += 1
        transport = channel.transport
        self._identify(channel, transport.getPeer(), transport.getHost())
        self._channels[channel] = None
        if len(self._channels) > self.limits.max_connections:
            self.refused += 1
            channel.refuse(GatewayError("overloaded", "too many connections", close=True))

    def _identify(self, channel: Channel, peer: Any, host: Any) -> None:
        channel.client = channel.peer = plain_host(peer)
        channel.trusted = self.trusts(channel.peer)
        channel.scheme = b"https" if ISSLTransport.providedBy(channel.transport) else b"http"
        channel.port = getattr(host, "port", 0)
        channel.forwarded_lines = lines_for(channel.peer, channel.scheme, channel.port) + client_certificate_line(
            _shown(channel), None
        )

    def closed(self, channel: Channel) -> None:
        """A connection is gone."""
        self._channels.pop(channel, None)
        if self.draining and not self._channels:
            waiting, self._emptied = self._emptied, []
            for deferred in waiting:
                deferred.callback(None)

    def handle(self, request: Request | Streamed) -> None:
        """Give a request to the resource tree."""
        head = request.head
        request.request_id = request_id(head.request_id, self._ids)
        if head.forwarded is not None and request.channel.trusted:
            channel = request.channel
            request.client, request.forwarded_lines, request.forwarded_host = believed(
                channel.peer, head.forwarded, channel.scheme, channel.port, self.trusts
            )
            request.forwarded_lines += client_certificate_line(
                _shown(channel), head.forwarded.get(b"x-forwarded-client-cert")
            )
        self.root.getChildWithDefault(b"", request).render(request)

    def new_request_id(self) -> bytes:
        """For errors that come before there is a request."""
        return request_id(None, self._ids)

    def random(self, count: int) -> bytes:
        """So many random bytes."""
        return bytes.fromhex(self._ids.take(2 * count).decode())

    def tunnel_opened(self, tunnel: Tunnel) -> None:
        """A WebSocket stands: it may have been asked for before the others were told to go."""
        if self.draining and self._farewells:
            self._farewells[-1].join(tunnel, self.clock())

    # -- for the process

    def leave_tunnels(self, seconds: float, port: Any = None) -> None:
        """Tell WebSocket connections (those that came by the address `port`; None: all) that they are over.

        They are ended evenly over `seconds`, less what both sides then have to hang up by themselves.
        """
        tunnels = [
            tunnel
            for channel in self._channels
            if channel.tunnels and (port is None or _came_by(channel.transport.getHost(), port))
            for tunnel in channel.tunnels
        ]
        self._farewells = [farewell for farewell in self._farewells if not farewell.over]
        self._farewells.append(Farewell(tunnels, self.clock(), max(0.0, seconds - 2 * PARTING), self.random))

    def begin_drain(self) -> None:
        """Idle connections close now, busy ones after their answers."""
        self.draining = True
        for channel in list(self._channels):
            channel.drain()

    def when_empty(self) -> Deferred[None]:
        """Fires when the last connection is gone; call after `begin_drain`."""
        if not self._channels:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        self._emptied.append(deferred)
        return deferred

    def abort_all(self) -> None:
        """The time for draining is over."""
        for channel in list(self._channels):
            channel.abort()


def _came_by(address: Any, port: Any) -> bool:
    """Whether a connection to `address` is one of a listener at `port`, which may listen on all addresses."""
    same = getattr(address, "port", None) == getattr(port, "port", None)
    host = getattr(port, "host", None)
    return same and (host in ("0.0.0.0", "::", getattr(address, "host", None)))


def _shown(channel: Channel) -> bytes | None:
    """The certificate that the client has shown, as it is forwarded."""
    tls = channel.tls
    return None if tls is None or tls.client is None else tls.client.forwarded
