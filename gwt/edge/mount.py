"""A twisted.web resource as the target of a route: it gets a genuine `twisted.web.server.Request`.

What the resource writes becomes the exchange's answer; what the client sends becomes its `content`.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, getChildForRequest
from twisted.web.server import Site

from gwt.bounded import Bounded
from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.proxy import Proxy
from gwt.wire.response import go_on

_log = Logger()

_FRAMING = (b"transfer-encoding", b"connection")
_PORT = re.compile(rb"X-Forwarded-Port: ([0-9]+)").search


class Below(Site):
    """A Site whose resource stands below the path of a route: what leads there is `prepath` already."""

    noisy = False

    def getResourceFor(self, request: Any) -> Any:
        request.site = self
        depth = request.channel.depth
        request.prepath, request.postpath = request.postpath[:depth], request.postpath[depth:]
        request.sitepath = list(request.prepath)
        return getChildForRequest(self.resource, request)


class Mount:
    """One resource of gateway.yaml. It sees the path below the route's `uri` prefix as `postpath`, as under a Site.

    Where the path is rewritten, all of what comes of that is `postpath`. `proxy` has the time.
    """

    def __init__(self, resource: IResource, proxy: Proxy) -> None:
        self._site, self._proxy = Below(resource), proxy

    def answer(self, exchange: Exchange, leaf: Leaf) -> None:
        """Read the request's body, then let the resource render it."""
        try:
            path = leaf.asked(exchange.path)
        except GatewayError as error:
            exchange.fail(error)
            return
        _Mounted(self._proxy, exchange, leaf, self._site, path).start()


class _Mounted(Bounded):
    """Stands where a twisted.web Request expects its HTTPChannel, and where an exchange expects its reader."""

    who = "the mounted resource"

    def __init__(self, proxy: Proxy, exchange: Exchange, leaf: Leaf, site: Site, path: bytes) -> None:
        self._proxy, self._exchange, self._leaf = proxy, exchange, leaf
        self._paused = self._started = self._tunnel = self._pull = False
        self._due = exchange.started + leaf.first_byte
        self._slot = None
        self.site, self.depth, self._path = site, leaf.depth, path
        self._producer: Any = None
        self._request: Any = None

    def start(self) -> None:
        """Hand the head over; the body follows, or is complete and the resource renders."""
        head, exchange = self._exchange.head, self._exchange
        if head.length > self._leaf.max_body:
            exchange.fail(self._too_large())
            return
        request = self._request = self.site.requestFactory(self)  # type: ignore[misc,call-arg,unused-ignore]
        request.site = self.site
        headers = request.requestHeaders
        headers.addRawHeader(b"host", head.authority or head.host or b"")
        for line in (head.fields + exchange.forwarded_lines).split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon:
                headers.addRawHeader(name, value.strip(b" \t"))
        headers.addRawHeader(b"x-request-id", exchange.request_id)
        request.parseCookies()
        request.gotLength(head.length if not head.chunked else None)
        exchange.reader = self
        self._slot = self._proxy.ticker.join(self)
        if head.expect:
            exchange.interim(go_on())
        if exchange.body_done:
            self._render()

    def _render(self) -> None:
        head, path = self._exchange.head, self._path
        target = path if head.query is None else b"%b?%b" % (path, head.query)
        try:
            self._request.requestReceived(head.method, target, b"HTTP/1.1" if head.http11 else b"HTTP/1.0")
        except Exception:
            _log.failure("a mounted resource failed")
            self._fail(GatewayError("internal", "the mounted resource failed"))

    def _fail(self, error: GatewayError) -> None:
        self._exchange.reader = None
        self.client_gone()
        self._exchange.fail(error)

    _expire = _fail

    def _waits_for_client(self) -> bool:
        return not self._exchange.body_done

    # -- Reader

    connecting = False

    def body(self, data: bytes) -> None:
        if self._exchange.bytes_in > self._leaf.max_body:
            self._fail(self._too_large())
        else:
            self._fed()
            self._request.handleContentChunk(data)

    def body_end(self, trailers: list[bytes]) -> None:
        self._fed()
        self._render()

    def client_gone(self) -> None:
        self._part()
        request = self._request
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.stopProducing()
            except Exception:  # whoever calls, a ticker or a plugin, has others to look after
                _log.failure("what a mounted resource sends could not be stopped")
        if not request.finished:
            request.connectionLost(Failure(ConnectionLost()))

    def pause_answer(self) -> None:
        super().pause_answer()
        if self._producer is not None and not self._pull:
            self._producer.pauseProducing()

    def resume_answer(self) -> None:
        super().resume_answer()
        if self._pull:
            self._pull_some()
        elif self._producer is not None:
            self._producer.resumeProducing()

    # -- what a Request asks of its channel

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        if self._slot is None:
            return
        pairs = headers.getAllRawHeaders() if hasattr(headers, "getAllRawHeaders") else ((n, [v]) for n, v in headers)
        self._request.chunked = 0  # framing is the exchange's business
        fields: list[bytes] = []
        length = None
        for name, values in pairs:
            if name.lower() == b"content-length":
                length = int(values[0])
            if name.lower() not in _FRAMING:
                fields.extend(b"%b: %b\r\n" % (name, value) for value in values)
        self._started = True
        self._heard()
        self._exchange.respond(int(code), reason, b"".join(fields), length, b"", False)

    def write(self, data: bytes) -> None:
        if data and self._slot is not None:
            self._heard()
            self._exchange.send(data)

    def writeSequence(self, iovec: Any) -> None:
        self.write(b"".join(iovec))

    def requestDone(self, request: Any) -> None:
        if self._part():
            self._exchange.finish([])

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer, self._pull = producer, not streaming
        if self._pull:
            self._pull_some()
        elif self._paused:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        self._producer = None

    def _pull_some(self) -> None:
        """Ask a pull producer for as long as the client takes what comes."""
        while self._producer is not None and not self._paused:
            self._producer.resumeProducing()

    def loseConnection(self) -> None:
        if self._slot is not None:
            self._fail(GatewayError("internal", "the mounted resource closed the connection"))

    abortConnection = forceAbortClient = loseConnection

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._fail(GatewayError("bad_request", "the form in the request's body can't be read", close=True))

    def getPeer(self) -> Any:
        kind = IPv6Address if ":" in self._exchange.client else IPv4Address
        return kind("TCP", self._exchange.client, 0)

    def getHost(self) -> Any:
        port = _PORT(self._exchange.forwarded_lines)
        return IPv4Address("TCP", "127.0.0.1", 0 if port is None else int(port[1]))

    def isSecure(self) -> bool:
        return b"X-Forwarded-Proto: https" in self._exchange.forwarded_lines

    @property
    def transport(self) -> _Mounted:
        return self

    def isTransport(self) -> bool:
        return True
