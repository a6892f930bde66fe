"""Asking over real sockets: answers, time limits, sizes; and the bench, off the reactor's thread."""

from __future__ import annotations

import threading
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.exceptions import DNSMismatch, IPAddressMismatch
from service_identity.hazmat import DNS_ID, IPAddress_ID
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import ResponseFailed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from gwt.asking import MAX_ANSWER, AskError, Bench, Client, reason_of


class Echo(Resource):
    isLeaf = True

    def render(self, request: Any) -> Any:
        if request.path == b"/never":
            return NOT_DONE_YET
        if request.path == b"/large":
            return b"x" * (MAX_ANSWER + 1)
        request.setResponseCode(302)
        request.setHeader(b"Location", b"/never")
        return request.method + b" " + (request.getHeader(b"X-A") or b"") + b" " + request.content.read()


class Asking(TestCase):
    def setUp(self) -> Any:
        self.port = reactor.listenTCP(0, Site(Echo()), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.client = Client(reactor)

    @inlineCallbacks
    def tearDown(self) -> Any:
        yield self.client.close()
        yield self.port.stopListening()

    @inlineCallbacks
    def test_an_answer_comes_as_it_is(self) -> Any:
        answered = yield self.client.ask("POST", self.url + "/a", [(b"X-A", b"1")], b"body", 5.0)
        self.assertEqual((answered.status, answered.body), (302, b"POST 1 body"))
        self.assertEqual(answered.headers[b"location"], b"/never")

    @inlineCallbacks
    def test_what_is_late_large_or_not_there_fails(self) -> Any:
        failure = yield self.assertFailure(self.client.ask("GET", self.url + "/never", timeout=0.1), AskError)
        self.assertIn("0.1 s", str(failure))
        failure = yield self.assertFailure(self.client.ask("GET", self.url + "/large", timeout=30.0), AskError)
        self.assertIn("larger than", str(failure))
        yield self.assertFailure(self.client.ask("GET", "http://127.0.0.1:1/", timeout=5.0), Exception)

    @inlineCallbacks
    def test_the_bench_works_elsewhere(self) -> Any:
        bench = Bench(reactor)
        thread = yield bench.call(threading.get_ident)
        self.assertNotEqual(thread, threading.get_ident())
        yield deferToThread(bench.close)


def test_reasons_are_for_people() -> None:
    def reason(error: Exception) -> str:
        return reason_of(Failure(ResponseFailed([Failure(error)])))

    name, address = DNSMismatch(DNS_ID("api.example.com")), IPAddressMismatch(IPAddress_ID("192.0.2.1"))
    assert reason(VerificationError([name])) == "its certificate is for another name: not for api.example.com"
    assert reason(VerificationError([address])).endswith("not for 192.0.2.1")
    assert reason(SSL.Error([("SSL routines", "", "certificate verify failed")])) == "TLS: certificate verify failed"
    assert reason(SSL.Error([])) == "TLS: the connection broke"
    assert reason(ValueError("x")) == "x" and reason(ValueError()) == "ValueError"
