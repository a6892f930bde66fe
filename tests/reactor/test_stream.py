"""What a stream hands over and holds back."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python import log


def recorder(stage: Any, **attributes: Any) -> Any:
    """A recorder of a class of its own with these attributes."""
    return type("Own", (stage.Recorder,), attributes)()


def test_a_native_protocol_is_called_without_a_frame_between(stage: Any) -> None:
    server, client = recorder(stage, native_data_received=True), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        await stage.round()
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


def test_a_write_kept_from_connection_made_still_writes(stage: Any) -> None:
    kept: list[Any] = []

    class Keeper(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            kept.append(self.transport.write)
            super().connectionMade()

    server, client = Keeper(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        await stage.round()
        kept[0](b"later")
        assert await client.seen(5) == b"later"
        client.transport.loseConnection()
        await server.lost
        kept[0](b"too late")

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
        await stage.round()
        assert server.received == b""
        server.transport.resumeProducing()
        assert await server.seen(5) == b"early"
        server.transport.pauseProducing()
        peer.sendall(b" late")
        peer.close()
        await stage.round()
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


def test_nodelay_is_on_and_can_be_turned_off(stage: Any) -> None:
    class Slow(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            self.transport.setTcpNoDelay(False)
            self.transport.setTcpKeepAlive(True)
            super().connectionMade()

    server, client = Slow(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        await stage.round()
        assert client.transport.getTcpNoDelay() is True
        assert server.transport.getTcpNoDelay() is False
        assert server.transport.getTcpKeepAlive() is True
        assert server.transport.getHost() == client.transport.getPeer()
        assert server.transport.getPeer() == client.transport.getHost()

    stage.play(story)
