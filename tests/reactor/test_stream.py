"""What a stream hands over, holds back and ends with."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost, TimeoutError
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python import log
from twisted.python.failure import Failure

from gwt.reactor.stream import LOST, Stream


def recorder(stage: Any, **attributes: Any) -> Any:
    """A recorder of a class of its own with these attributes."""
    return type("Own", (stage.Recorder,), attributes)()


def turn(reactor: Any) -> Deferred[None]:
    """Fires after the reactor has looked at its sockets again."""
    later: Deferred[None] = Deferred()
    reactor.callLater(0.02, later.callback, None)
    return later


def test_a_native_protocol_is_called_without_a_frame_between(stage: Any) -> None:
    server, client = recorder(stage, native_data_received=True), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        await turn(stage.reactor)
        assert server.transport.data_received == server.dataReceived
        assert server.transport.write.__self__ is server.transport._uv
        assert client.transport.data_received == client.transport._deliver
        client.transport.write(b"in")
        assert await server.seen(2) == b"in"
        server.transport.write(b"out")
        assert await client.seen(3) == b"out"

    stage.play(story)


def test_other_protocols_may_rebind_what_receives(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        rebound: Deferred[bytes] = Deferred()
        server.dataReceived = rebound.callback
        client.transport.write(b"x")
        assert await rebound == b"x"

    stage.play(story)


def test_a_transport_may_get_another_protocol(stage: Any) -> None:
    first, second, client = recorder(stage, native_data_received=True), stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(first, client)
        client.transport.write(b"1")
        await first.seen(1)
        first.transport.protocol = second
        second.makeConnection(first.transport)
        client.transport.write(b"2")
        assert await second.seen(1) == b"2"
        client.transport.loseConnection()
        assert await second.lost is ConnectionDone
        assert first.received == b"1"

    stage.play(story)


def test_early_writes_arrive_first_and_in_order(stage: Any) -> None:
    class Eager(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            self.transport.write(b"one ")
            self.transport.writeSequence([b"two ", b"three "])
            super().connectionMade()

    server, client = Eager(), Eager()

    async def story() -> None:
        await stage.pair(server, client)
        server.transport.write(b"four")
        client.transport.write(b"four")
        assert await client.seen(18) == b"one two three four"
        assert await server.seen(18) == b"one two three four"

    stage.play(story)


def test_early_writes_before_a_close_arrive(stage: Any) -> None:
    class Brief(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            self.transport.write(b"x" * 300_000)
            self.transport.loseConnection()
            super().connectionMade()

    server, client = Brief(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        assert await client.lost is ConnectionDone
        assert len(client.received) == 300_000

    stage.play(story)


@pytest.mark.parametrize("native", [True, False])
def test_a_pause_in_connection_made_holds(stage: Any, native: bool) -> None:
    class Paused(stage.Recorder):  # type: ignore[name-defined,misc]
        native_data_received = native

        def connectionMade(self) -> None:
            self.transport.pauseProducing()
            super().connectionMade()

    server = Paused()

    async def story() -> None:
        port = stage.listen(server)
        peer = socket.create_connection(("127.0.0.1", port.getHost().port))
        peer.sendall(b"early")
        await server.made
        await turn(stage.reactor)
        assert server.received == b""
        server.transport.resumeProducing()
        assert await server.seen(5) == b"early"
        server.transport.pauseProducing()
        peer.sendall(b" late")
        peer.close()
        await turn(stage.reactor)
        assert server.events == ["made"]
        server.transport.resumeProducing()
        assert await server.lost is ConnectionDone
        assert server.received == b"early late"

    stage.play(story)


def failing(stage: Any, native: bool) -> tuple[Any, list[Any]]:
    """Play a protocol whose dataReceived raises; the server's recorder and what was logged."""

    def oops(self: object, data: bytes) -> None:
        raise RuntimeError("oops")

    server, client = recorder(stage, dataReceived=oops, native_data_received=native), stage.Recorder()
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if event["isError"]:
            failures.append(event["failure"].type)

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.write(b"x")
        assert await server.lost is RuntimeError
        await client.lost

    log.addObserver(observe)
    try:
        stage.play(story)
    finally:
        log.removeObserver(observe)
    return server, failures


def test_an_exception_is_logged_and_loses_the_connection(stage: Any) -> None:
    assert failing(stage, native=False)[1] == [RuntimeError]


def test_a_native_protocol_that_breaks_its_promise_loses_the_connection(stage: Any) -> None:
    assert failing(stage, native=True)[1] == [RuntimeError]


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


def test_nodelay_is_on_and_can_be_turned_off(stage: Any) -> None:
    class Slow(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            self.transport.setTcpNoDelay(False)
            self.transport.setTcpKeepAlive(True)
            super().connectionMade()

    server, client = Slow(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        await turn(stage.reactor)
        assert client.transport.getTcpNoDelay() is True
        assert server.transport.getTcpNoDelay() is False
        assert server.transport.getTcpKeepAlive() is True
        assert server.transport.getHost() == client.transport.getPeer()
        assert server.transport.getPeer() == client.transport.getHost()

    stage.play(story)


def test_a_connect_that_nobody_answers_times_out(stage: Any) -> None:
    failed: Deferred[type[BaseException]] = Deferred()

    class Attempt(ClientFactory):
        def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
            failed.callback(reason.type)

    async def story() -> None:
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
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
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", port.getHost().port))
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
    server, client = recorder(stage, native_data_received=True), stage.Recorder()

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
