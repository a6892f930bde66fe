"""Questions to an etcd that is played by the test, and its watch, over real sockets."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from gwt.etcd.address import Address
from gwt.etcd.client import TIMEOUT, Client, EtcdError


class Member(Resource):
    """Answers with what `answers` have for a path; keeps the requests of watches, which it never ends itself."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[bytes, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[bytes, Any, bytes | None]] = []
        self.watches: list[Any] = []
        self.watched: Deferred[Any] = Deferred()

    def render(self, request: Any) -> Any:
        self.asked.append((request.path, json.load(request.content), request.getHeader(b"authorization")))
        if request.path == b"/v3/watch":
            request.notifyFinish().addErrback(lambda _: None)
            self.watches.append(request)
            request.write(b'{"result": {"created": true}}\n')
            return NOT_DONE_YET
        status, answer = self.answers[request.path].pop(0)
        if answer is NOT_DONE_YET:
            request.notifyFinish().addErrback(lambda _: None)
            return NOT_DONE_YET
        request.setResponseCode(status)
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class ClientTests(TestCase):
    timeout = 30

    def setUp(self) -> None:
        self.members = [Member(), Member()]
        self.ports = [reactor.listenTCP(0, Site(one), interface="127.0.0.1") for one in self.members]  # type: ignore[attr-defined]
        self.urls = tuple(f"http://127.0.0.1:{port.getHost().port}" for port in self.ports)
        self.client = Client(reactor, Address(self.urls))

    @inlineCallbacks
    def tearDown(self) -> Any:
        yield self.client.close()
        for port in self.ports:
            yield port.stopListening()

    @inlineCallbacks
    def fails(self, path: str, why: str) -> Any:
        try:
            yield self.client.ask(path, {})
        except EtcdError as error:
            self.assertIn(why, str(error))
            self.assertNotIn("\n", str(error))
        else:
            self.fail("that was answered")

    @inlineCallbacks
    def test_an_answer(self) -> Any:
        self.members[0].answers[b"/v3/kv/range"] = [(200, {"kvs": []})]
        answer = yield self.client.ask("/v3/kv/range", {"key": "YQ=="})
        self.assertEqual(answer, {"kvs": []})
        self.assertEqual(self.members[0].asked, [(b"/v3/kv/range", {"key": "YQ=="}, None)])

    @inlineCallbacks
    def test_the_next_member_is_asked_where_one_is_gone_or_silent(self) -> Any:
        self.members[0].answers[b"/x"] = [(200, NOT_DONE_YET)]
        self.members[1].answers[b"/x"] = [(200, {"n": 1}), (200, {"n": 2})]
        clock = Clock()
        self.patch(self.client, "_reactor", clock)
        asked = self.client.ask("/x", {})
        while not self.members[0].asked:
            yield deferLater(reactor, 0.01)
        clock.advance(TIMEOUT)
        self.assertEqual((yield asked), {"n": 1})
        self.assertEqual((yield self.client.ask("/x", {})), {"n": 2})
        self.assertEqual(len(self.members[0].asked), 1)
        for port in self.ports:
            yield port.stopListening()
        yield self.client.close()
        yield self.fails("/x", "127.0.0.1")

    @inlineCallbacks
    def test_refusals_and_nonsense_are_one_line(self) -> Any:
        self.members[0].answers[b"/x"] = [
            (400, {"message": "etcdserver: no"}),
            (200, b"<html>"),
            (500, b"[]x"),
            (200, b"[]"),
        ]
        yield self.fails("/x", "etcdserver: no")
        for _ in range(3):
            yield self.fails("/x", "no JSON")

    @inlineCallbacks
    def test_a_login_comes_first_and_again_when_it_has_ended(self) -> Any:
        self.client = Client(reactor, Address(self.urls, "u", "p"))
        member = self.members[0]
        member.answers[b"/v3/auth/authenticate"] = [(200, {"token": "t1"}), (200, {"token": "t2"})]
        member.answers[b"/x"] = [(200, {"n": 1}), (401, {"message": "etcdserver: invalid auth token"}), (200, {"n": 2})]
        for number in (1, 2):
            answer = yield self.client.ask("/x", {})
            self.assertEqual(answer, {"n": number})
        self.assertEqual([token for path, _, token in member.asked if path == b"/x"], [b"t1", b"t1", b"t2"])

    @inlineCallbacks
    def test_a_watch_hears_until_it_is_stopped(self) -> Any:
        heard, over, turns = [], [], [Deferred() for _ in range(3)]

        def hear(message: Any) -> None:
            heard.append(message)
            turns[len(heard) - 1].callback(None)

        watch = self.client.watch({"key": "YQ=="}, hear, over.append)
        yield turns[0]
        (request,) = self.members[0].watches
        request.write(b'{"result": {"events"')
        request.write(b': []}}\n{"result": {"n": 2}}\n')
        yield turns[2]
        self.assertEqual(heard, [{"created": True}, {"events": []}, {"n": 2}])
        self.assertEqual(self.members[0].asked[0][1], {"create_request": {"key": "YQ=="}})
        gone = request.notifyFinish()
        watch.stop()
        yield self.assertFailure(gone, Exception)
        self.assertEqual(over, [])

    @inlineCallbacks
    def test_why_a_watch_has_ended_is_told_once(self) -> Any:
        for line in (b'{"error": {"message": "no"}}\n', b"nonsense\n", None):
            over: Deferred[str] = Deferred()
            begun: Deferred[Any] = Deferred()
            self.client.watch({}, lambda message, begun=begun: begun.callback(None), over.callback)
            yield begun
            request = self.members[0].watches[-1]
            if line is None:
                request.finish()
            else:
                request.write(line)
            why = yield over
            self.assertTrue(why)

    @inlineCallbacks
    def test_a_watch_of_nobody(self) -> Any:
        yield self.ports[0].stopListening()
        over: Deferred[str] = Deferred()
        self.client.watch({}, lambda message: None, over.callback)
        why = yield over
        self.assertIn("refused", why)
