"""The factory behind a listener: it makes channels, hands their requests to the resource tree, and drains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IProtocolNegotiationFactory, ISSLTransport
from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper
from twisted.web.resource import IResource
from zope.interface import implementer

from gwt.edge.channel import Channel
from gwt.edge.introduction import Introduction
from gwt.edge.request import Request
from gwt.errors import GatewayError
from gwt.model.settings import Limits
from gwt.phase.exchange import Exchange
from gwt.phase.ticker import Ticker, Ticking
from gwt.wire.forwarded import Ids, Trusts, believed, lines_for, request_id

#: The slow ticker looks at a tenth of the channels every 0.1 s.
SLOTS = 10
TICK = 0.1

Finished = Callable[[Exchange], None]


@implementer(IProtocolFactory, IProtocolNegotiationFactory)
class HttpFactory:
    """Channels for one listener. `root` decides what answers; `on_finished` hears of every exchange once.

    `connections` are open now, `refused` were too many. Drive `tick` every `TICK` seconds. `debug` says whether a
    `Gwt-Debug` holds the debug token.
    """

    __slots__ = (
        "_channels", "_emptied", "_ids", "accepted", "clock", "debug", "draining", "fast", "finished", "limits",
        "refused", "root", "slow", "trusts",
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
        self.fast: set[Ticking] = set()
        self.draining = False
        self.debug: Callable[[bytes], bool] = lambda said: False
        self.accepted = self.refused = 0
        self._channels: dict[Channel, None] = {}
        self._emptied: list[Deferred[None]] = []

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._channels)

    def acceptableProtocols(self) -> list[bytes]:
        """What ALPN may choose on a TLS listener; where a client offers it, no answer would end the handshake."""
        return [b"http/1.1"]

    def doStart(self) -> None:
        """A port listens."""

    def doStop(self) -> None:
        """It does no more."""

    def buildProtocol(self, addr: object) -> Any:
        return Channel(self)

    def tick(self) -> None:
        """Look at deadlines."""
        now = self.clock()
        self.slow.tick(now)
        if self.fast:
            for member in list(self.fast):
                member.tick(now)

    # -- for channels

    def opened(self, channel: Channel) -> None:
        """A connection was made: what is the same for all its requests is computed now."""
        self.accepted += 1
        transport = channel.transport
        self._identify(channel, transport.getPeer(), transport.getHost())
        if isinstance(transport, HAProxyProtocolWrapper):
            transport.wrappedProtocol = Introduction(channel)  # type: ignore[assignment]
        self._channels[channel] = None
        if len(self._channels) > self.limits.max_connections:
            self.refused += 1
            channel.refuse(GatewayError("overloaded", "too many connections", close=True))

    def introduced(self, channel: Channel) -> None:
        """A PROXY header has said for whom the peer speaks: believed where the peer is trusted."""
        transport = channel.transport
        if channel.trusted and getattr(transport.getPeer(), "host", None):
            self._identify(channel, transport.getPeer(), transport.getHost())

    def _identify(self, channel: Channel, peer: Any, host: Any) -> None:
        name = getattr(peer, "host", None) or "127.0.0.1"
        if name.startswith("::ffff:") and "." in name:
            name = name[7:]
        channel.client = channel.peer = name.partition("%")[0]
        channel.trusted = self.trusts(channel.peer)
        channel.scheme = b"https" if ISSLTransport.providedBy(channel.transport) else b"http"
        channel.port = getattr(host, "port", 0)
        channel.forwarded_lines = lines_for(channel.peer, channel.scheme, channel.port)

    def closed(self, channel: Channel) -> None:
        """A connection is gone."""
        self._channels.pop(channel, None)
        if self.draining and not self._channels:
            waiting, self._emptied = self._emptied, []
            for deferred in waiting:
                deferred.callback(None)

    def handle(self, request: Request) -> None:
        """Give a request to the resource tree."""
        head = request.head
        request.request_id = request_id(head.request_id, self._ids)
        if head.forwarded is not None and request.channel.trusted:
            channel = request.channel
            request.client, request.forwarded_lines, request.forwarded_host = believed(
                channel.peer, head.forwarded, channel.scheme, channel.port, self.trusts
            )
        self.root.getChildWithDefault(b"", request).render(request)

    def new_request_id(self) -> bytes:
        """For errors that come before there is a request."""
        return request_id(None, self._ids)

    # -- for the process

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
