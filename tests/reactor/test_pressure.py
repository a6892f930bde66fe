"""Producers, buffers and closing while a peer is slow."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost

from gwt.reactor.outgoing import HIGH_WATER

CHUNK = b"x" * 16_384


class Pump:
    """A push producer that writes whenever it may, until it has written enough."""

    def __init__(self, transport: Any, chunks: int) -> None:
        self.transport = transport
        self.left = chunks
        self.running = False
        self.fullest = 0
        self.pauses = 0
        self.paused: Deferred[None] = Deferred()
        self.stopped: Deferred[None] = Deferred()

    def start(self) -> None:
        self.transport.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:
        self.running = False
        self.pauses += 1
        if not self.paused.called:
            self.paused.callback(None)

    def resumeProducing(self) -> None:
        self.running = True
        while self.running and self.left:
            self.left -= 1
            self.transport.write(CHUNK)
            if self.transport._uv is not None:
                self.fullest = max(self.fullest, self.transport._uv.get_write_buffer_size())
        if not self.left and self.running:
            self.running = False
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def stopProducing(self) -> None:
        self.running = False
        self.stopped.callback(None)


class Tap:
    """A pull producer of so many chunks."""

    def __init__(self, transport: Any, chunks: int) -> None:
        self.transport = transport
        self.left = chunks
        self.fullest = 0

    def resumeProducing(self) -> None:
        self.fullest = max(self.fullest, self.transport._uv.get_write_buffer_size() if self.transport._uv else 0)
        if self.left:
            self.left -= 1
            self.transport.write(CHUNK)
        else:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.left = 0


def test_a_push_producer_is_paused_by_a_slow_peer_and_resumed(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()
    chunks = 2_000

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.pauseProducing()
        pump = Pump(server.transport, chunks)
        pump.start()
        await pump.paused
        assert pump.left and pump.pauses == 1
        client.transport.resumeProducing()
        assert await client.lost is ConnectionDone
        assert len(client.received) == chunks * len(CHUNK)
        assert pump.fullest <= HIGH_WATER + len(CHUNK)

    stage.play(story)


def test_a_producer_registered_before_uvloop_is_there_is_paused_too(stage: Any) -> None:
    pumps: list[Pump] = []

    class Eager(stage.Recorder):  # type: ignore[name-defined,misc]
        def connectionMade(self) -> None:
            pumps.append(Pump(self.transport, 100))
            pumps[0].start()
            assert pumps[0].pauses == 1
            super().connectionMade()

    server, client = Eager(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        assert await client.lost is ConnectionDone
        assert len(client.received) == 100 * len(CHUNK)

    stage.play(story)


def test_a_producer_that_comes_to_a_full_buffer_is_paused_at_once(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.pauseProducing()
        server.transport.write(CHUNK * 1_000)
        pump = Pump(server.transport, 1)
        server.transport.registerProducer(pump, True)
        assert pump.pauses == 1
        client.transport.resumeProducing()
        assert await client.lost is ConnectionDone
        assert len(client.received) == 1_001 * len(CHUNK)

    stage.play(story)


def test_a_producer_is_stopped_when_the_peer_goes(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.pauseProducing()
        pump = Pump(server.transport, 2_000)
        pump.start()
        await pump.paused
        client.transport.abortConnection()
        await pump.stopped
        assert await server.lost is ConnectionLost

    stage.play(story)


def test_a_pull_producer_is_asked_only_when_all_is_sent(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        tap = Tap(server.transport, 500)
        server.transport.registerProducer(tap, False)
        server.transport.loseConnection()
        assert await client.lost is ConnectionDone
        assert len(client.received) == 500 * len(CHUNK)
        assert tap.fullest == 0

    stage.play(story)


def test_after_a_pull_producer_write_is_uvloops_again(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        server.transport.registerProducer(Tap(server.transport, 3), False)
        await client.seen(3 * len(CHUNK))
        while server.transport.producer is not None:
            turned: Deferred[None] = Deferred()
            stage.reactor.callLater(0, turned.callback, None)
            await turned
        assert server.transport.write.__self__ is server.transport._uv
        assert server.transport._uv.get_write_buffer_limits() == (HIGH_WATER // 4, HIGH_WATER)

    stage.play(story)


def test_what_was_written_before_a_close_arrives(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.pauseProducing()
        server.transport.write(CHUNK * 600)
        server.transport.loseConnection()
        client.transport.resumeProducing()
        assert await client.lost is ConnectionDone
        assert len(client.received) == 600 * len(CHUNK)
        assert await server.lost is ConnectionDone

    stage.play(story)


def test_a_close_waits_for_a_paused_producer(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        client.transport.pauseProducing()
        pump = Pump(server.transport, 2_000)
        pump.start()
        await pump.paused
        server.transport.loseConnection()
        client.transport.resumeProducing()
        assert await client.lost is ConnectionDone
        assert len(client.received) == 2_000 * len(CHUNK)

    stage.play(story)


def test_two_producers_are_one_too_many(stage: Any) -> None:
    server, client = stage.Recorder(), stage.Recorder()

    async def story() -> None:
        await stage.pair(server, client)
        server.transport.registerProducer(Pump(server.transport, 0), True)
        with pytest.raises(RuntimeError):
            server.transport.registerProducer(Pump(server.transport, 0), True)
        server.transport.unregisterProducer()

    stage.play(story)
