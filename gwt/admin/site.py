"""The admin listener as twisted.web serves it: limits, headers that every answer has, errors as JSON."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

#: Bytes of a request's body, and seconds that a connection may be idle or a request may take to come.
MAX_BODY = 1024 * 1024
PATIENCE = 60

#: Nothing here is for browsers to keep, to guess about, or to show in a page of somebody else's.
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"server", b"gwt"),
)

_log = Logger("gwt.admin")


class AdminRequest(Request):
    """A request whose body is bounded before it is read."""

    too_large = False
    _received = 0

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > MAX_BODY:
            self.too_large = True
            length = None  # no file for what is not kept
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_BODY:
            self.too_large = True
        if not self.too_large:
            super().handleContentChunk(data)
        elif self._received > 16 * MAX_BODY:
            self.loseConnection()

    def render(self, resrc: IResource) -> None:
        assert isinstance(self.site, AdminSite)
        self.site.asked(self)
        for name, value in HEADERS:
            self.responseHeaders.setRawHeaders(name, [value])
        super().render(resrc)

    def processingFailed(self, reason: Any) -> Any:
        """An error of ours: told in the log, and shortly to the client."""
        _log.failure("a request to the admin listener failed", reason)
        body = b'{"error_msg": "the gateway failed to answer", "code": "internal"}\n'
        if not self.startedWriting:
            self.setResponseCode(500)
            self.setHeader(b"content-type", b"application/json")
            self.setHeader(b"content-length", b"%d" % len(body))
            self.write(body)
        if not self.finished and not self._disconnected:
            self.finish()
        return reason


class AdminSite(Site):
    """The factory for the admin listener. `open` counts requests that wait for their answer or for the rest of it."""

    displayTracebacks = False
    noisy = False

    def __init__(self, root: IResource, reactor: Any) -> None:
        super().__init__(root, requestFactory=AdminRequest, timeout=PATIENCE, reactor=reactor)
        self.open = 0
        self._waiting: Deferred[None] | None = None

    def asked(self, request: AdminRequest) -> None:
        """`request` is here."""
        self.open += 1
        request.notifyFinish().addBoth(self._over)

    def _over(self, _: Any) -> None:
        self.open -= 1
        if not self.open:
            self._stop_waiting()

    def answered(self, limit: float) -> Deferred[None]:
        """Fires once no request is open, or `limit` seconds have passed."""
        if not self.open or limit <= 0:
            return succeed(None)
        self._stop_waiting()
        waiting = self._waiting = Deferred()
        overdue = self.reactor.callLater(limit, self._stop_waiting)

        def over(_: None) -> None:
            if overdue.active():
                overdue.cancel()

        return waiting.addCallback(over)

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
