from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gwt.edge.channel import Channel
from gwt.edge.introduction import Believing
from gwt.edge.listener import HttpFactory
from gwt.errors import GatewayError
from gwt.model.settings import Limits
from gwt.wire.forwarded import Ids

BALANCER = "10.0.0.9"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEADER = b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 443\r\n"
#: Version 2.
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n" + b"\x20\x00\x00\x00"


class Root:
    """Answers everything with an error, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def getChildWithDefault(self, name: bytes, request: Any) -> Root:
        self.requests.append(request)
        return self

    def render(self, request: Any) -> None:
        request.fail(GatewayError("no_route", "none"))


class Line:
    """A connection from `peer` to a `haproxy:` listener."""

    def __init__(self, peer: Any, trusted: str = BALANCER) -> None:
        self.root = Root()
        self.clock = Clock()
        self.refused: list[str] = []
        ids = Ids(random.Random(1).randbytes)
        root: Any = self.root
        self.factory = HttpFactory(root, Limits(), lambda: 0.0, trusted.__eq__, ids, lambda _: None)
        believing = Believing(self.clock, trusted.__eq__, 10.0, self.refused.append)
        self.transport: Any = StringTransport(IPv4Address("TCP", BALANCER, 9080), peer)
        self.transport.protocol = believing.before(self.factory).buildProtocol(peer)
        self.transport.protocol.makeConnection(self.transport)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.transport.protocol.dataReceived(piece)

    def client(self, *pieces: bytes) -> tuple[str, bytes]:
        """Who the last request that came in `pieces` is from: address, lines."""
        self.send(*pieces)
        request = self.root.requests[-1]
        return request.client, request.forwarded_lines


def tcp(host: str) -> IPv4Address:
    return IPv4Address("TCP", host, 1)


@pytest.mark.parametrize(
    "pieces", [[HEADER + REQUEST], [HEADER, REQUEST], [HEADER[:9], HEADER[9:] + REQUEST[:5], REQUEST[5:]]]
)
def test_a_trusted_balancer_is_believed(pieces: list[bytes]) -> None:
    client, lines = Line(tcp(BALANCER)).client(*pieces)
    assert client == "203.0.113.7"
    assert lines.startswith(b"X-Forwarded-For: 203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\n")
    assert b"X-Forwarded-Port: 443\r\n" in lines


@pytest.mark.parametrize(
    "header", [HEADER, HEADER.replace(b"203.0.113.7", BALANCER.encode()), LOCAL, b"PROXY UNKNOWN ffff::1 ::2 1 2\r\n"]
)
def test_anybody_else_is_served_as_who_he_is(header: bytes) -> None:
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
    line = Line(tcp("192.0.2.66"))
    client, lines = line.client(header[:9], header[9:] + request)
    assert client == "192.0.2.66"
    assert lines.startswith(b"X-Forwarded-For: 192.0.2.66\r\nX-Real-IP: 192.0.2.66\r\n")
    assert b"X-Forwarded-Port: 9080\r\n" in lines
    assert line.refused == ["untrusted"]


def test_anybody_else_has_to_begin_with_a_header_too() -> None:
    line = Line(tcp("192.0.2.66"))
    line.send(REQUEST)
    assert line.transport.disconnecting and line.root.requests == []
    line.send(HEADER + REQUEST)
    assert line.refused == ["malformed"] and line.root.requests == []
    late = Line(tcp("192.0.2.66"))
    late.send(HEADER[:20])
    late.clock.advance(10.1)
    assert late.transport.disconnecting and late.refused == ["timeout"]
    assert line.factory.connections == late.factory.connections == 0


def test_what_is_no_header_is_cut_off() -> None:
    line = Line(tcp(BALANCER))
    line.send(REQUEST, HEADER)
    assert line.transport.disconnecting
    assert line.root.requests == []
    assert line.refused == ["malformed"]


def test_a_header_that_does_not_come_is_not_waited_for() -> None:
    line = Line(tcp(BALANCER))
    line.send(HEADER[:20])
    line.clock.advance(9.9)
    assert not line.transport.disconnecting
    line.clock.advance(0.2)
    assert line.transport.disconnecting
    assert line.refused == ["timeout"]


def test_once_it_has_come_the_connection_may_be_quiet() -> None:
    line = Line(tcp(BALANCER))
    line.send(HEADER)
    line.clock.advance(11)
    assert line.refused == []
    assert line.clock.getDelayedCalls() == []


def test_whom_the_header_names_is_not_trusted_for_it() -> None:
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
    assert Line(tcp(BALANCER)).client(HEADER + request)[0] == "203.0.113.7"


def test_a_balancer_that_speaks_for_itself_or_for_nobody_it_can_name() -> None:
    for header in (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", LOCAL):
        assert Line(tcp(BALANCER)).client(header + REQUEST)[0] == BALANCER


def test_a_balancer_on_a_unix_socket_counts_as_this_machine() -> None:
    assert Line(UNIXAddress(b""), "127.0.0.1").client(HEADER + REQUEST)[0] == "203.0.113.7"
    other = Line(UNIXAddress(b""))
    assert other.client(HEADER + REQUEST)[0] == "127.0.0.1" and other.refused == ["untrusted"]


def test_nothing_stands_before_the_channel_afterwards() -> None:
    line = Line(tcp(BALANCER))
    line.client(HEADER + REQUEST)
    assert isinstance(line.transport.protocol, Channel)
    assert line.client(REQUEST)[0] == "203.0.113.7"


def test_what_goes_before_its_header_is_forgotten() -> None:
    line = Line(tcp(BALANCER))
    line.transport.protocol.connectionLost()
    assert line.clock.getDelayedCalls() == []
    assert line.factory.connections == 0
    assert line.refused == []
