"""gwt.usersystem over real sockets: a server that tells the truth, lies, dawdles, talks garbage or is not there."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults, inlineCallbacks
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from gwt.asking import MAX_ANSWER
from gwt.identities import Exchanged
from gwt.identity.cookie import SessionCookie
from gwt.model.options import Exchange
from gwt.usersystem import UserSystem, UserSystemError

net: Any = reactor


def answer(status: bytes, body: bytes = b"", *fields: bytes, length: int | None = None) -> bytes:
    size = b"Content-Length: %d" % (len(body) if length is None else length)
    return b"\r\n".join((b"HTTP/1.1 " + status, size, *fields, b"", body))


def says(claims: object) -> bytes:
    return answer(b"200 OK", json.dumps(claims).encode(), b"Content-Type: application/json")


BIG = says({"sub": "a", "fill": "x" * MAX_ANSWER})
SMALL_BOMB = gzip.compress(b" " * 50_000_000)


class Server(Protocol):
    """Answers each head by what stands in the session cookie: a key of `factory.script`."""

    def connectionMade(self) -> None:
        self.factory.connections.add(self)
        self.factory.count += 1
        self.held = b""

    def dataReceived(self, data: bytes) -> None:
        self.held += data
        while b"\r\n\r\n" in self.held:
            head, _, self.held = self.held.partition(b"\r\n\r\n")
            self.factory.heads.append(head)
            cookie = head.partition(b"Cookie: session=")[2].partition(b"\r\n")[0]
            for piece in self.factory.script.get(cookie.decode(), [b""]):
                if piece is None:
                    self.transport.loseConnection()
                else:
                    self.transport.write(piece)

    def connectionLost(self, reason: object = None) -> None:
        self.factory.connections.discard(self)
        if not self.factory.connections:
            waiting, self.factory.waiting = self.factory.waiting, []
            for one in waiting:
                one.callback(None)


class Origin(Factory):
    protocol = Server

    def __init__(self) -> None:
        self.script: dict[str, list[bytes | None]] = {}
        self.heads: list[bytes] = []
        self.connections: set[Server] = set()
        self.waiting: list[Deferred[None]] = []
        self.count = 0

    def empty(self) -> Deferred[None]:
        """Fires when no connection is open."""
        done: Deferred[None] = Deferred()
        if self.connections:
            self.waiting.append(done)
        else:
            done.callback(None)
        return done


class UserSystemTests(TestCase):
    timeout = 30

    def setUp(self) -> None:
        self.origin = Origin()
        self.port = net.listenTCP(0, self.origin, interface="127.0.0.1")
        self.system = self.make()
        self.logged: list[str] = []
        globalLogPublisher.addObserver(self.observe)

    def observe(self, event: dict[str, Any]) -> None:
        if event["log_namespace"].startswith("gwt.usersystem"):
            self.logged.append(event["log_format"].format(**event))

    def make(self, timeout: float = 10.0, path: str = "/session?x=1", port: int | None = None) -> UserSystem:
        url = f"http://127.0.0.1:{port or self.port.getHost().port}{path}"
        return UserSystem(net, Exchange(url, timeout=timeout), "session")

    @inlineCallbacks
    def tearDown(self) -> Any:
        globalLogPublisher.removeObserver(self.observe)
        yield self.closed(self.system)
        yield self.port.stopListening()
        for connection in list(self.origin.connections):
            connection.transport.abortConnection()
        yield self.origin.empty()

    @inlineCallbacks
    def closed(self, system: UserSystem) -> Any:
        yield deferLater(net, 0)  # what was in use is idle then
        yield system.close()

    @inlineCallbacks
    def refused(self, *pieces: bytes | None, timeout: float = 10.0) -> Any:
        """Why an answer of these pieces is none."""
        self.origin.script["x"] = list(pieces)
        system = self.make(timeout)
        try:
            found = yield system.ask(b"x")
        except UserSystemError as error:
            return str(error)
        finally:
            yield self.closed(system)
        raise AssertionError(f"it passed: {found}")

    @inlineCallbacks
    def test_what_is_sent_and_what_comes(self) -> Any:
        self.origin.script["a=b.c"] = [says({"sub": "alice", "roles": ["x"], "exp": 5})]
        found = yield self.system.ask(b"a=b.c")
        self.assertEqual(found, {"sub": "alice", "roles": ["x"], "exp": 5})
        line, *fields = self.origin.heads[0].split(b"\r\n")
        self.assertEqual(line, b"GET /session?x=1 HTTP/1.1")
        names = {field.partition(b":")[0].lower() for field in fields}
        self.assertLessEqual(names, {b"host", b"cookie", b"accept", b"connection"})
        self.assertEqual([field for field in fields if field.lower().startswith(b"cookie")], [b"Cookie: session=a=b.c"])

    @inlineCallbacks
    def test_not_known(self) -> Any:
        for status in (b"401 Unauthorized", b"403 Forbidden"):
            for pieces in ([answer(status, b"no")], [answer(status, b"x" * 99_999)], [answer(status, length=5), None]):
                self.origin.script["x"] = pieces
                found = yield self.system.ask(b"x")
                self.assertIsNone(found)

    @inlineCallbacks
    def test_one_pool_of_connections(self) -> Any:
        self.origin.script["a"] = [says({"sub": "a"})]
        self.origin.script["b"] = [answer(b"401 No", b"no")]
        for _ in range(5):
            yield self.system.ask(b"a")
            yield self.system.ask(b"b")
        self.assertEqual((len(self.origin.heads), self.origin.count), (10, 1))

    @inlineCallbacks
    def test_cookies_that_it_sets_go_nowhere(self) -> Any:
        setting = b"Set-Cookie: session=root; Path=/\r\nSet-Cookie: other=1; Path=/"
        self.origin.script["a"] = [answer(b"200 OK", b'{"sub":"a"}', setting)]
        for _ in range(3):
            yield self.system.ask(b"a")
        self.assertTrue(all(head.count(b"ookie:") == 1 and b"root" not in head for head in self.origin.heads))

    @inlineCallbacks
    def test_other_statuses_are_failures(self) -> Any:
        for status in (b"500 No", b"503 No", b"404 No", b"204 None", b"206 Part", b"400 Bad", b"429 Slow", b"201 New"):
            why = yield self.refused(answer(status, b"" if status[:3] == b"204" else b'{"sub":"a"}'))
            self.assertEqual(why, f"it answers {status[:3].decode()}")

    @inlineCallbacks
    def test_redirects_are_not_followed(self) -> Any:
        for status in (b"301 Moved", b"302 Found", b"307 There", b"308 There"):
            why = yield self.refused(answer(status, b"", b"Location: /elsewhere"))
            self.assertEqual(why, f"it answers {status[:3].decode()}")
        self.assertEqual(len(self.origin.heads), 4)

    @inlineCallbacks
    def test_bodies_that_are_no_claims(self) -> Any:
        bodies = (b"", b"null", b"[]", b"<html>", b'{"sub":"a"', b'{"sub":"a","sub":"b"}', b"{}", b'{"sub":5}',
                  b'{"sub":"a b"}', b'{"sub":"a","exp":"x"}', b"\xff", b"[" * 9000, b'{"sub":"a","n":NaN}')  # fmt: skip
        for body in bodies:
            why = yield self.refused(answer(b"200 OK", body))
            self.assertNotIn('sub":', why)

    @inlineCallbacks
    def test_answers_too_large(self) -> Any:
        whole = answer(b"200 OK", b'{"sub":"a"}'.ljust(MAX_ANSWER))
        self.origin.script["fits"] = [whole]
        found = yield self.system.ask(b"fits")
        self.assertEqual(found, {"sub": "a"})
        endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"fff\r\n" + b" " * 4095 + b"\r\n"
        for pieces in ([BIG], [endless + b"fff\r\n" + b" " * 4095 + b"\r\n"] + [b"fff\r\n" + b" " * 4095 + b"\r\n"] * 9,
                       [b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 99_999]):  # fmt: skip
            why = yield self.refused(*pieces)
            self.assertEqual(why, f"its answer is larger than {MAX_ANSWER} bytes")

    @inlineCallbacks
    def test_a_small_answer_does_not_become_a_large_one(self) -> Any:
        for coding in (b"gzip", b"identity", b"br"):
            why = yield self.refused(answer(b"200 OK", SMALL_BOMB, b"Content-Encoding: " + coding))
            self.assertIn("compressed", why)
        self.assertNotIn(b"accept-encoding", b"".join(self.origin.heads).lower())

    @inlineCallbacks
    def test_garbage(self) -> Any:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        lies: list[list[bytes | None]] = [
            [b"garbage\r\n\r\n"], [b"\0" * 100_000], [b"HTTP/1.1 abc\r\n\r\n"], [None], [b"HTTP/1.1 200 OK\r\n", None],
            [answer(b"200 OK", b'{"sub":"a"}', length=99), None], [answer(b"200 OK", b"", b"Content-Length: 5")],
            [chunked + b"zz\r\n"], [chunked + b"5\r\n{", None],
        ]  # fmt: skip
        for pieces in lies:
            yield self.refused(*pieces, timeout=2.0)

    @inlineCallbacks
    def test_too_late(self) -> Any:
        for pieces in ([b""], [b"HTTP/1.1 100 Continue\r\n\r\n"], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"],
                       [answer(b"200 OK", b'{"sub"', length=11)]):  # fmt: skip
            why = yield self.refused(*pieces, timeout=0.5)
            self.assertEqual(why, "no answer within 0.5 s")
        yield self.origin.empty()

    @inlineCallbacks
    def test_a_refusal_counts_however_slow_the_rest_is(self) -> Any:
        self.origin.script["x"] = [answer(b"401 No", b"n", length=9)]
        system = self.make(timeout=1.0)
        found = yield system.ask(b"x")
        self.assertIsNone(found)
        yield self.origin.empty()
        yield self.closed(system)

    @inlineCallbacks
    def test_nobody_there(self) -> Any:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            system = self.make(port=bound.getsockname()[1])
            with self.assertRaisesRegex(UserSystemError, "(?i)refused"):
                yield system.ask(b"x")

    @inlineCallbacks
    def test_a_failure_is_logged_when_it_begins_and_when_it_ends(self) -> Any:
        self.origin.script.update({"x": [answer(b"500 No")], "secret": [says({"sub": "alice"})]})
        yield DeferredList([self.system.ask(b"x") for _ in range(3)], consumeErrors=True)
        yield gatherResults([self.system.ask(b"secret") for _ in range(3)])
        began, ended = self.logged
        self.assertIn("fails: it answers 500", began)
        self.assertIn("answers again", ended)
        self.assertNotIn("secret", began + ended)
        self.assertNotIn("alice", began + ended)

    @inlineCallbacks
    def test_many_at_once_through_the_front(self) -> Any:
        front = Exchanged(SessionCookie("session"), self.system.ask, 30.0, 60.0)
        self.origin.script.update({f"u{n}": [says({"sub": f"user-{n}"})] for n in range(100)})
        asked = [front.of(b"session=u%d" % (n % 100)) for n in range(400)]
        found = yield gatherResults(asked)
        self.assertEqual([one.sub for one in found], [f"user-{n % 100}" for n in range(400)])
        self.assertEqual(len(self.origin.heads), 100)
        self.assertEqual(front.of(b"session=u7").sub, "user-7")
