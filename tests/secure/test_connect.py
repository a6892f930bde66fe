"""Connecting over TLS on a reactor that wraps its transports, in memory; and on one that does it by itself."""

from __future__ import annotations

import ssl
from typing import Any

from certificates import Authority
from secure.rig import Made, Wire, carry
from twisted.internet.error import ConnectionLost, TimeoutError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from gwt.secure.bio import Creator
from gwt.secure.connect import connect_securely
from gwt.tls.contexts import load_pair

CA = Authority()


class Client(Made):
    """Notes failures too."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: list[Any] = []
        self.lost = 0

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.failed.append(reason.value)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        self.lost += 1


class Stage:
    def __init__(self, name: str = "a.x") -> None:
        self.reactor, self.factory = MemoryReactorClock(), Client()
        connect_securely(self.reactor, "192.0.2.1", 443, self.factory, 5.0, CA.trusting(), name)
        host, port, self.outer, timeout, _ = self.reactor.tcpClients[0]
        assert (host, port, timeout) == ("192.0.2.1", 443, 5.0)
        self.reactor.advance(1)
        self.client = self.outer.buildProtocol(None)
        self.wires = Wire(Clock()), Wire(Clock())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = CA.pair("a.x")
        load_pair(context, pair.cert, pair.key)
        self.server: Any = TLSMemoryBIOFactory(Creator(lambda: context), False, Made(), Clock()).buildProtocol(None)
        self.server.makeConnection(self.wires[1])
        self.client.makeConnection(self.wires[0])

    def carry(self) -> None:
        carry((None, self.wires[0], self.server), (None, self.wires[1], self.client))

    def end(self) -> None:
        reason = Failure(ConnectionLost())
        self.client.connectionLost(reason)
        self.outer.clientConnectionLost(None, reason)


def test_a_protocol_is_made_when_the_handshake_is_done() -> None:
    stage = Stage()
    assert stage.factory.made == []
    stage.carry()
    [made] = stage.factory.made
    made.transport.write(b"hello")
    stage.reactor.advance(60)
    stage.carry()
    assert stage.server.wrappedProtocol.heard == b"hello"
    stage.end()
    assert (stage.factory.failed, stage.factory.lost) == ([], 1)


def test_why_there_is_none_is_told() -> None:
    refused = Stage("b.x")
    refused.carry()
    refused.end()
    assert isinstance(refused.factory.failed[0], ssl.SSLCertVerificationError)
    slow = Stage()
    slow.reactor.advance(4)
    assert slow.wires[0].aborted
    slow.end()
    assert isinstance(slow.factory.failed[0], TimeoutError)
    gone = Stage()
    gone.end()
    assert [type(error) for error in gone.factory.failed] == [ConnectionLost]
    unheard = Stage()
    unheard.outer.clientConnectionFailed(None, Failure(ConnectionLost()))
    assert len(unheard.factory.failed) == 1
    for stage in (refused, slow, gone):
        assert (stage.factory.made, stage.factory.lost, stage.reactor.getDelayedCalls()) == ([], 0, [])


def test_a_reactor_that_encrypts_is_asked_to() -> None:
    class Own:
        def connectSecurely(self, *arguments: Any) -> Any:
            return arguments

    context = CA.trusting()
    assert connect_securely(Own(), "h", 1, None, 2.0, context, "a.x") == ("h", 1, None, 2.0, context, "a.x")
