"""A gateway's store over a real Redis that refuses, and over a way to it that breaks: what is in force stays, each
failure is one line, and all that has changed meanwhile is in force soon after."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import hiredis
from system.harness import free_port
from system.redis import RedisServer
from system.shared import RedisStore, document
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from gwt.delta import Delta
from gwt.redis.client import TIMEOUT
from gwt.store.base import StoreError
from gwt.store.commit import Commit
from gwt.store.open import open_reader
from gwt.store.shared import SharedStore

reactor: Any = _reactor


DROP = Commit("routes", {"routes": {"a": None}}, "me")


class Between(Factory):
    """Passes on what comes to `port`, or does what `mode` says: reset, hang, garbage, cut, slow."""

    def __init__(self, to: int) -> None:
        self.to, self.mode = to, "pass"
        self.pairs: set[Any] = set()
        self.late: list[Callable[[], None]] = []
        self.listening = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.port = self.listening.getHost().port

    def turn(self, mode: str) -> None:
        """From now on; connections break, but where nothing is to be noticed."""
        self.mode = mode
        if mode not in ("hang", "slow"):
            for one in list(self.pairs):
                one.transport.abortConnection()

    def let_through(self) -> None:
        """Where it is slow: what has come from there until now."""
        late, self.late = self.late, []
        for write in late:
            write()

    def buildProtocol(self, addr: Any) -> Any:
        return Client(self)


class Client(Protocol):
    def __init__(self, between: Between) -> None:
        self.between, self.waiting, self.server = between, b"", None

    def connectionMade(self) -> None:
        self.between.pairs.add(self)
        if self.between.mode == "reset":
            self.transport.abortConnection()
            return
        made = Factory.forProtocol(lambda: Server(self))
        reactor.connectTCP("127.0.0.1", self.between.to, _Once(made))

    def dataReceived(self, data: bytes) -> None:
        mode = self.between.mode
        if mode == "garbage":
            self.transport.write(b"\x00\xff*9999999999999999999\r\n")
        elif self.server is None:
            self.waiting += data
        elif mode != "hang":
            self.server.transport.write(data)

    def answered(self, data: bytes) -> None:
        mode = self.between.mode
        if mode == "slow":
            self.between.late.append(partial(self.transport.write, data))
        elif mode == "cut":
            self.transport.write(data[: len(data) // 2])
            reactor.callLater(0, self.transport.loseConnection)
        elif mode == "pass":
            self.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.between.pairs.discard(self)
        if self.server is not None:
            self.server.transport.abortConnection()


class Server(Protocol):
    def __init__(self, client: Client) -> None:
        self.client = client

    def connectionMade(self) -> None:
        self.client.server = self
        self.transport.write(self.client.waiting)

    def dataReceived(self, data: bytes) -> None:
        self.client.answered(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.client.transport.abortConnection()


class _Once:
    """A client factory for one connection."""

    noisy = False

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def doStart(self) -> None: ...

    def doStop(self) -> None: ...

    def startedConnecting(self, connector: Any) -> None: ...

    def buildProtocol(self, addr: Any) -> Any:
        return self._factory.buildProtocol(addr)

    def clientConnectionFailed(self, connector: Any, reason: Any) -> None: ...

    def clientConnectionLost(self, connector: Any, reason: Any) -> None: ...


class FaultTests(TestCase):
    timeout = 60

    @inlineCallbacks
    def setUp(self) -> Any:
        self.server = RedisServer()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.tool = RedisStore(self.server)
        self.tool.route("a", document("a.example.com"))
        self.between = Between(self.server.port)
        reader, name = open_reader(f"redis://127.0.0.1:{self.between.port}/0", reactor)
        self.asking = (reader._client, reader._listener)
        self.store = SharedStore(reader, reactor, name)
        self.routes: set[str] = set()
        yield self.store.start(self.take)
        self.assertEqual(self.routes, {"a"})

    @inlineCallbacks
    def tearDown(self) -> Any:
        yield self.store.stop()
        for one in list(self.between.pairs):
            one.transport.abortConnection()
        yield self.between.listening.stopListening()

    def take(self, delta: Delta) -> None:
        for name, value in delta.routes.items():
            (self.routes.discard if value is None else self.routes.add)(name)

    def pause(self) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        reactor.callLater(0.05, done.callback, None)
        return done

    @inlineCallbacks
    def fails(self, asked: Any) -> Any:
        error = yield self.assertFailure(asked, StoreError)
        self.assertNotIn("\n", str(error))
        return str(error)

    @inlineCallbacks
    def pull_fails(self) -> Any:
        """Sooner or later: what is under way may have been asked before."""
        while True:
            try:
                yield self.store.pull()
            except StoreError as error:
                self.assertNotIn("\n", str(error))
                return str(error)
            yield self.pause()

    @inlineCallbacks
    def until(self, *routes: str) -> Any:
        """In force, after as many pulls as it takes."""
        while self.routes != set(routes):
            with contextlib.suppress(StoreError):
                yield self.store.pull()
            yield self.pause()

    @inlineCallbacks
    def write(self, name: str) -> Any:
        """A commit, as often as it takes."""
        text = json.dumps(document(f"{name}.example.com"))
        while True:
            try:
                return (yield self.store.commit(Commit("routes", {"routes": {name: text}}, "me")))
            except StoreError:
                yield self.pause()

    @inlineCallbacks
    def test_the_way_there_is_cut(self) -> Any:
        for mode in ("reset", "garbage", "cut", "hang"):
            self.between.turn(mode)
            for one in self.asking if mode == "hang" else ():
                one._timeout = 0.5
            for _ in range(2):
                yield self.pull_fails()
                yield self.pause()
            self.assertIn("a", self.routes)
            self.tool.route(mode, document(f"{mode}.example.com"))
            self.assertNotIn(mode, self.routes)
            for one in self.asking:
                one._timeout = TIMEOUT
            self.between.turn("pass")
            yield self.until("a", mode)
            self.tool.route(mode, None)
            yield self.until("a")

    @inlineCallbacks
    def test_nobody_listens(self) -> Any:
        yield self.between.listening.stopListening()
        self.between.turn("refuse")
        yield self.pause()
        yield self.pull_fails()
        self.tool.route("b", document("b.example.com"))
        self.between.listening = reactor.listenTCP(self.between.port, self.between, interface="127.0.0.1")
        self.between.turn("pass")
        yield self.until("a", "b")

    @inlineCallbacks
    def test_slow_is_not_gone(self) -> Any:
        before = set(self.between.pairs)
        self.between.turn("slow")
        self.tool.route("b", document("b.example.com"))
        answers: list[Any] = []
        self.store.pull().addBoth(answers.append)
        while not (answers and "b" in self.routes):
            yield self.pause()
            self.between.let_through()
        self.assertEqual(answers, [None])
        self.assertEqual(self.between.pairs, before)

    @inlineCallbacks
    def test_keys_of_another_type(self) -> Any:
        server = self.server
        held = server.command("DUMP", "{gwt}:routes")
        for key in ("routes", "rules"):
            server.transaction([
                ("DEL", f"{{gwt}}:{key}"), ("SET", f"{{gwt}}:{key}", "x"), ("INCR", "{gwt}:rev"),
            ])  # fmt: skip
            why = yield self.pull_fails()
            self.assertIn("WRONGTYPE", why)
            server.command("DEL", f"{{gwt}}:{key}")
            if key == "routes":
                server.command("RESTORE", "{gwt}:routes", 0, held)
            yield self.until("a")
        server.command("RENAME", "{gwt}:id", "{gwt}:was")
        server.command("LPUSH", "{gwt}:id", "x")
        self.assertIn("WRONGTYPE", (yield self.pull_fails()))
        server.command("RENAME", "{gwt}:was", "{gwt}:id")
        server.command("SET", "{gwt}:rev", "many")
        self.assertIn("no number", (yield self.pull_fails()))
        server.command("DEL", "{gwt}:rev")
        server.command("LPUSH", "{gwt}:rev", "x")
        yield self.fails(self.store.commit(DROP))
        self.assertEqual(self.routes, {"a"})

    @inlineCallbacks
    def test_a_script_that_never_ends(self) -> Any:
        self.server.command("CONFIG", "SET", "busy-reply-threshold", "20")
        with socket.create_connection(("127.0.0.1", self.server.port)) as other:
            other.sendall(hiredis.pack_command(("EVAL", "while true do end", "0")))
            while "BUSY" not in str(self.server.command("GET", "x")):
                yield self.pause()
            self.assertIn("BUSY", (yield self.pull_fails()))
            self.assertIn("BUSY", (yield self.fails(self.store.commit(DROP))))
            while "BUSY" in str(self.server.command("GET", "x")):
                self.server.command("SCRIPT", "KILL")  # heard between two rounds of the script
                yield self.pause()
        self.tool.route("b", document("b.example.com"))
        yield self.until("a", "b")

    @inlineCallbacks
    def test_no_memory_left(self) -> Any:
        self.server.command("CONFIG", "SET", "maxmemory", "1")
        why = yield self.fails(self.store.commit(Commit("routes", {"routes": {"a": None, "b": "{}"}}, "me", epoch=4)))
        self.assertIn("OOM", why)
        yield self.store.pull()
        self.server.command("CONFIG", "SET", "maxmemory", "0")
        self.assertEqual(self.routes, {"a"})
        self.assertIsNone(self.tool.get("epoch"))  # nothing of it was done
        yield self.write("b")
        yield self.until("a", "b")

    @inlineCallbacks
    def test_the_master_is_a_replica_now(self) -> Any:
        self.server.command("REPLICAOF", "127.0.0.1", free_port())
        try:
            for _ in range(2):
                yield self.fails(self.store.commit(DROP))
            self.server.command("CONFIG", "SET", "replica-serve-stale-data", "no")
            yield self.pull_fails()
        finally:
            self.server.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
            self.server.command("REPLICAOF", "NO", "ONE")
        self.assertEqual(self.routes, {"a"})
        yield self.write("b")
        yield self.until("a", "b")

    @inlineCallbacks
    def test_scripts_that_are_forgotten(self) -> Any:
        self.server.command("SCRIPT", "FLUSH")
        self.tool.route("b", document("b.example.com"))
        yield self.until("a", "b")
        self.server.command("SCRIPT", "FLUSH")
        yield self.write("c")
        yield self.until("a", "b", "c")
