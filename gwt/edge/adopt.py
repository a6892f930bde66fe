"""The gateway's resource tree under a plain `twisted.web.server.Site`: its requests become exchanges.

A Site reads the whole body before it renders; the rest is as on the gateway's own listeners.
"""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request as WebRequest
from zope.interface import implementer

from gwt.edge.refusal import REASONS
from gwt.edge.served import Served
from gwt.errors import GatewayError
from gwt.wire.forwarded import Ids, lines_for, request_id
from gwt.wire.request import RequestHead, parse_request
from gwt.wire.response import ResponseHead

_ids = Ids(os.urandom)


def adopted(request: Any) -> SiteExchange:
    """The exchange of a Site's request, made once. Ask it `checked` before anything is decided on it."""
    exchange: SiteExchange | None = getattr(request, "_gwt_exchange", None)
    if exchange is None:
        exchange = request._gwt_exchange = SiteExchange(request)
    return exchange


@implementer(IPushProducer)
class SiteExchange(Served):
    """An exchange that is answered through a twisted.web Request."""

    def __init__(self, request: WebRequest) -> None:
        self._request = request
        self._refused: GatewayError | None = None
        try:
            head = _head_of(request)
        except GatewayError as error:  # twisted.web lets pass what the gateway does not
            head, self._refused = RequestHead(), error
        super().__init__(head)
        self._bodiless = False  # twisted.web knows what has no body
        self.tunnelled = None
        self.started = time.monotonic()
        self.client = request.getClientAddress().host
        self.request_id = request_id(self.head.request_id, _ids)
        scheme = b"https" if request.isSecure() else b"http"
        self.forwarded_lines = lines_for(self.client, scheme, getattr(request.getHost(), "port", 0))
        self._body = request.content.read() if request.content is not None else b""
        if self.head.chunked:
            self.head.chunked = False
            self.head.fields += b"Content-Length: %d\r\n" % len(self._body)
        self.head.length = len(self._body)
        self.head.upgrade = None
        self.head.expect = False
        self.body_done = not self._body
        request.notifyFinish().addErrback(self._lost)
        request.registerProducer(self, True)

    def checked(self) -> SiteExchange:
        """Itself. Raises what the gateway's own parser says against the request."""
        if self._refused is not None:
            raise self._refused
        return self

    @property
    def server_addr(self) -> str:
        return getattr(self._request.getHost(), "host", None) or ""

    def feed(self) -> None:
        """Hand the body, which is all there, to whoever answers."""
        body, self._body = self._body, b""
        if not body:
            return
        self.bytes_in = len(body)
        if self.reader is not None:
            self.reader.body(body)
        self.body_done = True
        if self.reader is not None:
            self.reader.body_end([])

    def _lost(self, reason: object) -> None:
        self.gone = True
        if self.reader is not None:
            self.reader.client_gone()
        self._over()

    # -- the answer

    def interim(self, head: ResponseHead) -> None:
        """twisted.web has no place for a 1xx."""

    def write_head(
        self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool
    ) -> None:
        request = self._request
        request.setResponseCode(status, reason or REASONS.get(status, b""))
        for line in fields.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b":")
            request.responseHeaders.addRawHeader(name, value.strip(b" \t"))
        if body:
            self.write(body)
        if done:
            self.write_end([])

    def write(self, data: bytes) -> None:
        self.bytes_out += len(data)
        self._request.write(data)

    def write_end(self, trailers: list[bytes]) -> None:
        self.answered = True
        self._request.unregisterProducer()
        self._request.finish()
        self._over()

    def break_off(self) -> None:
        self.gone = True
        self._request.loseConnection()
        self._over()

    def _over(self) -> None:
        """No listener of the gateway's hears of the end: plugins do."""
        if self.phases is not None:
            self.phases.end()

    def tunnel(self, fields: bytes) -> None:
        """Never called: upgrades are not asked for through a Site."""

    def pause_body(self) -> None:
        """The body is in memory already."""

    def resume_body(self) -> None:
        """The body is in memory already."""

    # -- IPushProducer: the client's pace

    def pauseProducing(self) -> None:
        if self.reader is not None:
            self.reader.pause_answer()

    def resumeProducing(self) -> None:
        if self.reader is not None:
            self.reader.resume_answer()

    def stopProducing(self) -> None:
        """notifyFinish tells."""


def _head_of(request: WebRequest) -> RequestHead:
    """The request as the gateway's own parser reads it: one set of rules, whatever the listener."""
    fields = [
        b"%b: %b" % (name, value) for name, values in request.requestHeaders.getAllRawHeaders() for value in values
    ]
    version = request.clientproto if request.clientproto == b"HTTP/1.0" else b"HTTP/1.1"
    return parse_request(b"\r\n".join([b"%b %b %b" % (request.method, request.uri, version), *fields]))
