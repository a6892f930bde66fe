"""Ends that come one at a time."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer


def halves(stage: Any) -> Any:
    """A recorder that wants to know of half-closes."""

    @implementer(IHalfCloseableProtocol)
    class Halves(stage.Recorder):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.read_lost: Deferred[None] = Deferred()
            self.write_lost: Deferred[None] = Deferred()

        def readConnectionLost(self) -> None:
            self.events.append("read")
            self.read_lost.callback(None)

        def writeConnectionLost(self) -> None:
            self.events.append("write")
            self.write_lost.callback(None)

    return Halves()


def test_a_client_that_has_said_all_still_listens(stage: Any) -> None:
    server, client = halves(stage), halves(stage)

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.write(b"question " * 100_000)
        client.transport.loseWriteConnection()
        await client.write_lost
        client.transport.write(b"dropped")
        await server.read_lost
        assert server.received == b"question " * 100_000
        server.transport.write(b"answer " * 100_000)
        server.transport.loseConnection()
        assert await client.seen(700_000) == b"answer " * 100_000
        await client.read_lost
        client.transport.loseConnection()
        assert await client.lost is ConnectionDone
        assert await server.lost is ConnectionDone
        assert client.events == ["made", "write", "read", "ConnectionDone"]

    stage.play(story)


def test_a_half_close_before_uvloop_is_there(stage: Any) -> None:
    server, client = halves(stage), halves(stage)
    made = type(client).connectionMade

    def connection_made(self: Any) -> None:
        self.transport.write(b"all")
        self.transport.loseWriteConnection()
        made(self)

    type(client).connectionMade = connection_made

    async def story() -> None:
        await stage.pair(server, client)
        await server.read_lost
        assert server.received == b"all"
        server.transport.write(b"fine")
        assert await client.seen(4) == b"fine"
        server.transport.loseConnection()
        await client.read_lost

    stage.play(story)


def test_a_half_close_ends_a_protocol_that_knows_no_halves(stage: Any) -> None:
    server, client = stage.Recorder(), halves(stage)

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.loseWriteConnection()
        assert await server.lost is ConnectionDone
        await client.read_lost

    stage.play(story)
