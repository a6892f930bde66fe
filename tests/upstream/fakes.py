"""Connections without a network: transports, a reactor that connects when told to, a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.python.failure import Failure


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Transport:
    """The gateway's end of a connection; `written` is what it sent. `aborted`/`losing`: its end is due (`end`)."""

    def __init__(self) -> None:
        self.protocol: Any = None
        self.written = b""
        self.aborted = self.losing = self.over = False
        self.reading = True
        self.producer: Any = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        if not (self.aborted or self.losing or self.over):
            self.written += data

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def abortConnection(self) -> None:
        self.aborted = True

    def loseConnection(self) -> None:
        self.losing = True

    # -- the other end

    def says(self, data: bytes) -> None:
        """Bytes arrive, where somebody still reads."""
        if self.reading and not (self.aborted or self.losing or self.over):
            self.protocol.dataReceived(data)

    def end(self, clean: bool = True) -> None:
        """The connection is over."""
        if self.over:
            return
        self.over = True
        reason = ConnectionAborted() if self.aborted else ConnectionDone() if clean else ConnectionLost()
        if self.producer is not None:
            self.producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))


class Connector:
    """An attempt to connect: `succeed`, `fail`, or given up with `disconnect`."""

    def __init__(self, net: Net, host: str, port: int, factory: Any) -> None:
        self.net, self.host, self.port, self.factory = net, host, port, factory
        self.open = True

    def succeed(self) -> Transport:
        self._over()
        transport = Transport()
        transport.protocol = self.factory.buildProtocol(None)
        self.net.transports.append(transport)
        transport.protocol.makeConnection(transport)
        return transport

    def fail(self, reason: Exception) -> None:
        self._over()
        self.factory.clientConnectionFailed(self, Failure(reason))

    def disconnect(self) -> None:
        if self.open:
            self.fail(ConnectionAborted())

    def _over(self) -> None:
        assert self.open
        self.open = False
        self.net.connecting.remove(self)


class Net:
    """The part of a reactor that a pool needs."""

    def __init__(self) -> None:
        self.connecting: list[Connector] = []
        self.transports: list[Transport] = []

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float) -> Connector:
        connector = Connector(self, host, port, factory)
        self.connecting.append(connector)
        return connector

    def callLater(self, delay: float, call: Callable[..., None], *arguments: Any) -> None:
        """What is due in the next turn: there are none, it is done at once."""
        call(*arguments)

    @property
    def alive(self) -> list[Transport]:
        return [transport for transport in self.transports if not transport.over]


class Later:
    """A reactor whose turns are the test's."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def callLater(self, delay: float, call: Callable[..., None], *arguments: Any) -> None:
        """What is due in the next turn."""
        assert delay == 0
        self.calls.append(lambda: call(*arguments))

    def turn(self) -> None:
        """One turn."""
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    def run(self) -> None:
        """Turns, until nothing is due."""
        while self.calls:
            self.turn()
