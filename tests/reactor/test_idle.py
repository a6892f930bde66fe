"""What a connection costs while nothing happens on it."""

from __future__ import annotations

import gc
import socket
import tracemalloc
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

#: Bytes, for both objects of Twisted's, uvloop's transport, and the peer's socket object in this process.
AFFORDABLE = 4 * 1024


def test_an_idle_connection_is_small(stage: Any) -> None:
    class Idle(Protocol):
        native_data_received = True
        made = 0
        awaited: tuple[int, Deferred[None]]

        def connectionMade(self) -> None:
            Idle.made += 1
            if Idle.made == Idle.awaited[0]:
                Idle.awaited[1].callback(None)

    peers: list[socket.socket] = []

    async def connect(port: Any, until: int) -> None:
        Idle.awaited = until, Deferred()
        peers.extend(socket.create_connection(("127.0.0.1", port.getHost().port)) for _ in range(until - Idle.made))
        await Idle.awaited[1]
        await stage.round()
        gc.collect()

    async def story() -> float:
        port = stage.reactor.listenTCP(0, Factory.forProtocol(Idle), backlog=1024, interface="127.0.0.1")
        await connect(port, 100)
        tracemalloc.start()
        await connect(port, 500)
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        for peer in peers:
            peer.close()
        return used / 400

    assert stage.play(story) < AFFORDABLE
