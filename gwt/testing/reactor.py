"""FakeReactor: time that stands still until a test lets it pass, and connections that lead to scripted upstreams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IHostnameResolver, IReactorPluggableNameResolver, IReactorTCP, IReactorTime
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.testing.wire import address

#: Opens a connection for a protocol; raises LookupError where nobody listens.
Dial = Callable[[str, int, Any], Any]


class Connector:
    """One attempt to connect, which has succeeded or failed by the time that anybody sees it."""

    def __init__(self, host: str, port: int) -> None:
        self.state, self._where = "disconnected", (host, port)

    def getDestination(self) -> Any:
        return address(*self._where)

    def disconnect(self) -> None:
        """It is over already."""

    stopConnecting = disconnect


@implementer(IHostnameResolver)
class Names:
    """Every name has an address, 198.18.0.0/15; the reactor knows which."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, ip: str) -> str:
        """The name that was looked up, or the address itself."""
        return self._known.get(ip, ip)

    def resolveHostName(
        self, resolutionReceiver: Any, hostName: str, portNumber: int = 0, addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:  # fmt: skip
        """Found at once."""
        receiver, name = resolutionReceiver, hostName
        if name not in self._known.values():
            number = len(self._known) + 1
            self._known[f"198.18.{number >> 8}.{number & 255}"] = name
        receiver.resolutionBegan(self)
        receiver.addressResolved(address(next(ip for ip, known in self._known.items() if known == name), portNumber))
        receiver.resolutionComplete()
        return receiver


@implementer(IReactorTime, IReactorTCP, IReactorPluggableNameResolver)
class FakeReactor(Clock):
    """A Clock that connects; `dial` says where to. Enough for Agents, treq, deferLater, LoopingCalls and timeouts."""

    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self._dial, self.names = dial, Names()

    @property
    def nameResolver(self) -> Names:
        """What finds addresses."""
        return self.names

    def installNameResolver(self, resolver: Any) -> Any:
        raise TypeError("names are the reactor's own here")

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        raise TypeError("nothing listens in memory: give the gateway a script for the upstream")

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Any:
        """Connect at once to whoever is scripted as host:port, or fail."""
        connector: Any = Connector(host, port)
        factory.doStart()
        try:
            self._dial(self.names.of(host), port, lambda: factory.buildProtocol(address(host, port)))
        except LookupError:
            factory.clientConnectionFailed(connector, Failure(ConnectionRefusedError()))
        return connector

    def callFromThread(self, call: Callable[..., Any], *args: Any, **named: Any) -> None:
        """At the next turn."""
        self.callLater(0, call, *args, **named)
