"""Clients behind the PROXY protocol: on a `haproxy:` listener a connection begins with a header that says who it is.

This stands before everything else, TLS too: where a socket is accepted, the header is taken off, and the transport goes
on to whoever serves it, with the addresses that the header gave. So nobody above knows of it, nothing stands between
afterwards, and listeners without it pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from gwt.wire.forwarded import Trusts
from gwt.wire.proxyprotocol import Address, BadHeader, Header, read_header


class Believing:
    """Whose headers are believed (`trusts` an address), for how many seconds one may take, who hears of refusals.

    `refused` gets `untrusted` (it is served, with its own address), `malformed` or `timeout` (it is cut off).
    `reactor` is IReactorTime.
    """

    def __init__(self, reactor: Any, trusts: Trusts, timeout: float, refused: Callable[[str], None]) -> None:
        self.reactor, self.trusts, self.timeout, self.refused = reactor, trusts, timeout, refused

    def before(self, factory: Any) -> Introducing:
        """What stands before `factory` on a `haproxy:` listener."""
        return Introducing(self, factory)


class Introducing:
    """The factory of connections that begin with a PROXY header; `factory` makes what comes after it."""

    noisy = False

    def __init__(self, believing: Believing, factory: Any) -> None:
        self.believing, self.factory = believing, factory

    def doStart(self) -> None:
        """A port listens."""
        self.factory.doStart()

    def doStop(self) -> None:
        """It does no more."""
        self.factory.doStop()

    def buildProtocol(self, addr: object) -> Protocol:
        return Introduction(self.believing, self.factory)


class Introduction(Protocol):
    """Reads the header, and steps aside. Who says anything else, or nothing in time, is cut off."""

    transport: Any

    def __init__(self, believing: Believing, factory: Any) -> None:
        self._believing, self._factory = believing, factory
        self._buffer = b""
        self._timeout: Any = None

    def connectionMade(self) -> None:
        believing = self._believing
        self._timeout = believing.reactor.callLater(believing.timeout, self._refuse, "timeout")

    def dataReceived(self, data: bytes) -> None:
        if self._timeout is None:
            return  # refused, and not yet gone
        self._buffer += data
        try:
            found = read_header(self._buffer)
        except BadHeader:
            self._refuse("malformed")
            return
        if found is not None:
            self._stop()
            self._hand_over(found[0], self._buffer[found[1] :])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop()

    def _stop(self) -> None:
        timeout, self._timeout = self._timeout, None
        if timeout is not None and timeout.active():
            timeout.cancel()

    def _refuse(self, why: str) -> None:
        self._stop()
        self._believing.refused(why)
        self.transport.abortConnection()

    def _hand_over(self, header: Header, rest: bytes) -> None:
        transport, believing = self.transport, self._believing
        if not believing.trusts(plain_host(transport.getPeer())):
            believing.refused("untrusted")
        elif header.source is not None and header.destination is not None:
            peer, host = _address(header.source), _address(header.destination)
            transport.getPeer, transport.getHost = lambda: peer, lambda: host
        protocol = self._factory.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.loseConnection()
            return
        transport.protocol = protocol
        protocol.makeConnection(transport)
        if rest:
            protocol.dataReceived(rest)


def plain_host(peer: Any) -> str:
    """The IP address of a peer as text, IPv4 in its own form; who has none (a UNIX socket) is on this machine."""
    name: str = getattr(peer, "host", None) or "127.0.0.1"
    if name.startswith("::ffff:") and "." in name:
        name = name[7:]
    return name.partition("%")[0]


def _address(address: Address) -> IPv4Address | IPv6Address:
    return (IPv6Address if ":" in address[0] else IPv4Address)("TCP", *address)
