"""gwt.admin.site: limits, and errors as JSON."""

from __future__ import annotations

import socket
from typing import Any

from admin.serving import AdminCase
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.threads import deferToThread

from gwt.admin.answers import Reply
from gwt.admin.guard import OPEN
from gwt.admin.site import MAX_BODY
from gwt.admin.tree import Entry


def raw(port: int, data: bytes) -> bytes:
    """What comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(data)
        got = b""
        while piece := sock.recv(65536):
            got += piece
        return got


class SiteTests(AdminCase):
    @inlineCallbacks
    def test_bodies_are_bounded(self) -> Any:
        status, _, told = yield self.ask("/v1/routes/x", "PUT", b"x" * (MAX_BODY + 1))
        assert (status, told["code"]) == (413, "too_large")
        chunks = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        head = b"PUT /v1/routes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        got = yield deferToThread(raw, self.port, head + chunks * 20 + b"0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 413 ")

    @inlineCallbacks
    def test_what_goes_wrong_is_told_in_the_log_and_not_to_the_client(self) -> Any:
        def broken(*_: Any) -> Any:
            raise KeyError("inside")

        self.admin.site.resource._entries["healthz"] = Entry("healthz", "", broken, OPEN)
        status, _, told = yield self.ask("/healthz")
        assert (status, told) == (500, {"error_msg": "the gateway failed to answer", "code": "internal"})
        assert len(self.flushLoggedErrors(KeyError)) == 1

    @inlineCallbacks
    def test_nonsense_is_refused(self) -> Any:
        got = yield deferToThread(raw, self.port, b"nonsense\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 400 ")

    @inlineCallbacks
    def test_who_has_asked_is_waited_for_within_limits(self) -> Any:
        site = self.admin.site
        assert site.answered(30).called
        later, arrived = Deferred[Reply](), Deferred[None]()

        def slow(_: Any) -> Deferred[Reply]:
            arrived.callback(None)
            return later

        site.resource._entries["healthz"] = Entry("healthz", "", slow, OPEN)
        asked = self.ask("/healthz")
        yield arrived
        assert site.open == 1
        assert site.answered(0).called
        yield site.answered(0.01)
        answered = site.answered(30)
        assert not answered.called
        later.callback(Reply({"status": "late"}))
        yield answered
        status, _, told = yield asked
        assert (status, told, site.open) == (200, {"status": "late"}, 0)

    @inlineCallbacks
    def test_who_goes_before_the_answer_is_waited_for_no_more(self) -> Any:
        arrived = Deferred[None]()

        def never(_: Any) -> Deferred[Reply]:
            arrived.callback(None)
            return Deferred()

        site = self.admin.site
        site.resource._entries["healthz"] = Entry("healthz", "", never, OPEN)
        with socket.create_connection(("127.0.0.1", self.port), 30) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            yield arrived
            answered = site.answered(30)
        yield answered
        assert site.open == 0
