"""How connections begin and end: resets, timeouts, bursts, ports that close or come from elsewhere."""

from __future__ import annotations

import select
import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost, TimeoutError
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python import log
from twisted.python.failure import Failure

from gwt.reactor.stream import LOST, Stream

#: Seconds that the kernel may take.
PATIENCE = 20.0


def test_writes_after_the_end_are_silent(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        transport = client.transport
        server.transport.loseConnection()
        await client.lost
        transport.write(b"x")
        transport.writeSequence([b"x"])
        transport.loseConnection()
        transport.abortConnection()
        transport.pauseProducing()
        transport.resumeProducing()
        assert transport.getPeer().host == "127.0.0.1"

    stage.play(story)


def test_abort_resets(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.write(b"x" * 10_000_000)
        client.transport.abortConnection()
        assert await client.lost is ConnectionAborted
        assert await server.lost is ConnectionLost

    stage.play(story)


def test_abort_in_connection_made(stage: Any) -> None:
    class Rude(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            super().connectionMade()
            self.transport.write(b"never")
            self.transport.abortConnection()
            assert self.events == ["made"]

    server, client = Rude(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        assert await server.lost is ConnectionAborted
        await client.lost
        assert client.received == b""

    stage.play(story)


def test_a_failing_connection_made_loses_the_client(stage: Any) -> None:
    class Broken(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            super().connectionMade()
            raise RuntimeError("oops")

    server, client = stage.Recorder(), Broken()

    async def story() -> None:
        await stage.pair(server, client)
        assert await client.lost is RuntimeError
        assert await server.lost is ConnectionDone

    stage.play(story)


@pytest.mark.parametrize("native", [True, False])
def test_a_failing_end_is_logged_and_the_rest_goes_on(stage: Any, native: bool) -> None:
    class Broken(stage.Recorder):  # type: ignore[name-defined,misc]
        native_data_received = native

        def connectionMade(self) -> None:
            super().connectionMade()
            self.transport.registerProducer(self, True)

        def stopProducing(self) -> None:
            raise ValueError("oops")

        def connectionLost(self, reason: Failure = LOST) -> None:
            super().connectionLost(reason)
            raise RuntimeError("oops")

    server, client = stage.Recorder(), Broken()
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if event["isError"]:
            failures.append(event["failure"].type)

    async def story() -> None:
        await stage.pair(server, client)
        server.transport.loseConnection()
        assert await client.lost is ConnectionDone
        assert await server.lost is ConnectionDone

    log.addObserver(observe)
    try:
        stage.play(story)
    finally:
        log.removeObserver(observe)
    assert failures == [ValueError, RuntimeError]
    assert not stage.reactor._streams


def test_a_connect_that_nobody_answers_times_out(stage: Any) -> None:
    failed: Deferred[Any] = Deferred()

    class Attempt(ClientFactory):
        def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
            failed.callback(reason.type)

    async def story() -> None:
        with socket.socket() as full, socket.socket() as filler:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            filler.connect(full.getsockname())
            assert select.select([full], [], [], PATIENCE)[0]  # it is in the queue, where one has a place
            stage.reactor.connectTCP("127.0.0.1", full.getsockname()[1], Attempt(), timeout=0.1)
            assert await failed is TimeoutError

    stage.play(story)


def test_two_thousand_connects_and_resets(stage: Any) -> None:
    live: set[Protocol] = set()
    calm: Deferred[None] = Deferred()
    count = [0]

    class Counter(Protocol):
        def connectionMade(self) -> None:
            live.add(self)
            count[0] += 1

        def connectionLost(self, reason: Failure = LOST) -> None:
            live.discard(self)
            if count[0] >= 2000 and not live and not calm.called:
                calm.callback(None)

    async def story() -> None:
        port = stage.reactor.listenTCP(0, Factory.forProtocol(Counter), backlog=4096, interface="127.0.0.1")
        for _ in range(2000):
            peer = socket.socket()
            peer.connect(("127.0.0.1", port.getHost().port))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.close()
        await calm
        good = stage.Recorder()
        stage.connect(port, good)
        await good.made
        assert not stage.reactor._attacher._pending or len(stage.reactor._streams) <= 2

    stage.play(story)
    assert not stage.reactor._streams


def test_stop_listening_leaves_connections_alone(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        port = await stage.pair(server, client)
        await port.stopListening()
        client.transport.write(b"still")
        assert await server.seen(5) == b"still"
        assert isinstance(server.transport, Stream)

    stage.play(story)


def test_an_adopted_port_serves_native_streams(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            factory = Factory.forProtocol(lambda: server)
            port = stage.reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, factory)
        stage.connect(port, client)
        await client.made
        client.transport.write(b"hello")
        assert await server.seen(5) == b"hello"
        assert isinstance(server.transport, Stream)
        await port.stopListening()

    stage.play(story)
