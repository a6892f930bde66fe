"""A reactor for each test, run until a story about it has been told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import twisted.internet
import uvloop
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python.failure import Failure

from gwt.reactor.reactor import UVLoopReactor
from gwt.reactor.stream import LOST

#: Seconds that a story may take.
PATIENCE = 20.0


class Recorder(Protocol):
    """Remembers what happened to it; `made`, `lost` and `seen(n)` can be awaited."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.events: list[str] = []
        self.made: Deferred[Recorder] = Deferred()
        self.lost: Deferred[type[BaseException]] = Deferred()
        self._waiting: list[tuple[int, Deferred[bytes]]] = []

    def connectionMade(self) -> None:
        self.events.append("made")
        self.made.callback(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        for entry in self._waiting[:]:
            if len(self.received) >= entry[0]:
                self._waiting.remove(entry)
                entry[1].callback(bytes(self.received))

    def connectionLost(self, reason: Failure = LOST) -> None:
        self.events.append(reason.type.__name__)
        self.lost.callback(reason.type)

    def seen(self, size: int) -> Deferred[bytes]:
        """Fires once so many bytes have come."""
        waiter: Deferred[bytes] = Deferred()
        if len(self.received) >= size:
            waiter.callback(bytes(self.received))
        else:
            self._waiting.append((size, waiter))
        return waiter


class Stage:
    """The reactor under test, and what tests do with it again and again."""

    Recorder = Recorder

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.reactor = UVLoopReactor(self.loop)

    def play(self, story: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run the reactor until the story ends; returns or raises what it did."""
        result: list[Any] = []

        def ended(value: Any) -> None:
            result.append(value)
            if self.reactor.running:
                self.reactor.stop()

        self.reactor.callWhenRunning(lambda: Deferred.fromCoroutine(story()).addBoth(ended))
        patience = self.reactor.callLater(PATIENCE, self.reactor.stop)
        self.reactor.run(installSignalHandlers=False)
        assert result, "the story never came to an end"
        patience.cancel()
        if isinstance(result[0], Failure):
            result[0].raiseException()
        return result[0]

    def listen(self, protocol: Protocol) -> Any:
        """Serve one protocol on a free port."""
        return self.reactor.listenTCP(0, Factory.forProtocol(lambda: protocol), interface="127.0.0.1")

    def connect(self, port: Any, protocol: Protocol) -> Any:
        """Connect a protocol to a port of `listen`."""
        factory = ClientFactory.forProtocol(lambda: protocol)
        return self.reactor.connectTCP("127.0.0.1", port.getHost().port, factory)

    async def pair(self, server: Recorder, client: Recorder) -> Any:
        """Connect two recorders; returns the port."""
        port = self.listen(server)
        self.connect(port, client)
        await server.made
        await client.made
        return port

    def round(self) -> Deferred[None]:
        """Fires once the loop has looked at all sockets again, and what was due has been done."""
        later: Deferred[None] = Deferred()
        soon = self.loop.call_soon
        # Timers come before sockets: only what is called soon of what was called soon comes after them for certain.
        self.reactor.callLater(0.02, soon, soon, later.callback, None)
        return later

    def close(self) -> None:
        """Let uvloop close its handles."""
        self.reactor.disconnectAll()
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        self.loop.close()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage whose reactor is also the one that Twisted's TLS finds for its timers."""
    stage = Stage()
    monkeypatch.setitem(sys.modules, "twisted.internet.reactor", stage.reactor)
    monkeypatch.setattr(twisted.internet, "reactor", stage.reactor, raising=False)
    yield stage
    stage.close()
