from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from gwt.edge.channel import Channel
from gwt.edge.listener import HttpFactory
from gwt.errors import GatewayError
from gwt.model.settings import Limits
from gwt.wire.forwarded import Ids

BALANCER = "10.0.0.9"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEADER = b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 443\r\n"


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
        ids = Ids(random.Random(1).randbytes)
        root: Any = self.root
        self.factory = HttpFactory(root, Limits(), lambda: 0.0, trusted.__eq__, ids, lambda _: None)
        self.transport = StringTransport(IPv4Address("TCP", BALANCER, 9080), peer)
        self.protocol = HAProxyWrappingFactory(self.factory).buildProtocol(peer)
        assert self.protocol is not None
        self.protocol.makeConnection(self.transport)

    def client(self, *pieces: bytes) -> tuple[str, bytes]:
        """Who the last request that came in `pieces` is from: address, lines."""
        for piece in pieces:
            self.protocol.dataReceived(piece)
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


def test_anybody_else_is_not() -> None:
    client, lines = Line(tcp("192.0.2.66")).client(HEADER + REQUEST)
    assert client == "192.0.2.66"
    assert b"203.0.113.7" not in lines
    assert b"X-Forwarded-Port: 9080\r\n" in lines


def test_whom_the_header_names_is_not_trusted_for_it() -> None:
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
    assert Line(tcp(BALANCER)).client(HEADER + request)[0] == "203.0.113.7"


def test_a_balancer_that_speaks_for_itself_or_for_nobody_it_can_name() -> None:
    local = b"\r\n\r\n\x00\r\nQUIT\n" + b"\x20\x00\x00\x00"  # version 2, LOCAL
    for header in (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", local):
        assert Line(tcp(BALANCER)).client(header + REQUEST)[0] == BALANCER


def test_a_balancer_on_a_unix_socket_counts_as_this_machine() -> None:
    assert Line(UNIXAddress(b""), "127.0.0.1").client(HEADER + REQUEST)[0] == "203.0.113.7"
    assert Line(UNIXAddress(b"")).client(HEADER + REQUEST)[0] == "127.0.0.1"


def test_nothing_stands_before_the_channel_afterwards() -> None:
    line = Line(tcp(BALANCER))
    line.client(HEADER + REQUEST)
    assert isinstance(line.protocol.wrappedProtocol, Channel)
    assert line.client(REQUEST)[0] == "203.0.113.7"


def test_what_goes_before_its_header_is_forgotten() -> None:
    line = Line(tcp(BALANCER))
    assert line.factory.connections == 1
    line.protocol.connectionLost(None)
    assert line.factory.connections == 0
