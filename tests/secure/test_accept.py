"""A factory behind TLS on a reactor that wraps its transports: when its protocols are made, and when not."""

from __future__ import annotations

from typing import Any

import pytest
from certificates import Authority
from secure.rig import Made, Notes, Secure, Wire, carry
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from gwt.model.certificate import ClientAuth, read_certificate
from gwt.secure.accept import Secured, Tally, Wrapped
from gwt.secure.bio import Creator
from gwt.tls.keychain import Keychain, Rules

CA = Authority()


class Stage:
    """A client and a server, each over TLS on a wire of its own."""

    def __init__(self, factory: Made, name: str = "a.x", client_auth: ClientAuth | None = None) -> None:
        pair, keychain, self.clock = CA.pair("a.x"), Keychain(Rules(), 0.0), Clock()
        keychain.follow({"a": read_certificate(pair.cert, pair.key, None, client_auth)}, 0.0)
        self.factory, self.tally = factory, Tally()
        self.secured = Secured(factory, keychain, 5.0, self.tally)
        self.wires = Wire(self.clock), Wire(self.clock)
        self.server = Wrapped(self.secured, self.clock).buildProtocol(None)
        context = CA.trusting()
        self.client: Any = TLSMemoryBIOFactory(Creator(lambda: context, name), True, Made(), self.clock).buildProtocol(
            None
        )
        if self.server is not None:
            self.server.makeConnection(self.wires[0])
            self.client.makeConnection(self.wires[1])

    def carry(self) -> None:
        carry((None, self.wires[0], self.client), (None, self.wires[1], self.server))

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.tally.pending, self.tally.done, self.tally.failed


@pytest.mark.parametrize("factory", [Made(), Secure()])
def test_a_protocol_is_made_when_the_handshake_is_done(factory: Made) -> None:
    stage = Stage(factory)
    assert (factory.made, stage.counts) == ([], (1, 0, 0))
    stage.client.write(b"early")
    stage.clock.advance(0)
    stage.carry()
    [made] = factory.made
    assert (made.heard, stage.counts) == (b"early", (0, 1, 0))
    assert made.transport is stage.server
    assert [told.protocol for told in factory.handshakes] == ([None] if isinstance(factory, Secure) else [])
    stage.clock.advance(60)
    assert not stage.wires[0].aborted
    stage.server.connectionLost(Failure(ConnectionLost()))
    assert made.lost.check(ConnectionLost)
    assert stage.counts == (0, 1, 0)


def test_a_handshake_that_fails_or_takes_too_long_makes_none() -> None:
    refused = Stage(Made(), "other.x")
    refused.carry()
    refused.server.connectionLost(Failure(ConnectionLost()))
    assert (refused.factory.made, refused.counts) == ([], (0, 0, 1))
    slow = Stage(Made())
    slow.clock.advance(5)
    assert slow.wires[0].aborted
    slow.server.connectionLost(Failure(ConnectionLost()))
    assert (slow.factory.made, slow.counts) == ([], (0, 0, 1))


def test_what_was_not_shown_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(Made())
    monkeypatch.setattr("gwt.secure.accept.admitted", lambda connection: False)
    stage.carry()
    assert (stage.factory.made, stage.counts, stage.wires[0].aborted) == ([], (0, 0, 1), True)


def test_handshakes_count_as_connections() -> None:
    factory = Secure()
    factory.connections = 1
    stage = Stage(factory)
    assert stage.server is None
    assert stage.counts == (0, 0, 1)


def test_the_factory_hears_of_its_port() -> None:
    heard: list[str] = []
    factory = Made()
    factory.doStart, factory.doStop = (lambda: heard.append("start")), (lambda: heard.append("stop"))  # type: ignore[method-assign]
    secured = Stage(factory).secured
    secured.doStart()
    secured.doStop()
    assert heard == ["start", "stop"]
    assert isinstance(factory.buildProtocol(None), Notes)
