"""What one exchange costs in Python alone: channel, routing, balancing, connection, answer; transports are fakes.

    python bench/exchange.py [ROUNDS]

Prints microseconds for each exchange, the least of many short runs: a figure to compare before and after a change
on one machine, not a promise about any other.
"""

from __future__ import annotations

import os
import random
import sys
import time
import timeit
from typing import Any

from twisted.internet.address import IPv4Address

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.edge.channel import Channel
from gwt.edge.listener import HttpFactory
from gwt.edge.resource import GatewayResource
from gwt.model.route import EndpointSpec, Path, Route, Service, ServiceSpec
from gwt.model.settings import Limits
from gwt.phase.ticker import Ticker
from gwt.proxy import Proxy
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids

REQUEST = (
    b"GET /api/v1/users/12 HTTP/1.1\r\nHost: h7.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    b"Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\nCache-Control: no-cache\r\n"
    b"Cookie: theme=dark; session=abcdefgh; lang=en\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
    b"Sec-Fetch-Site: none\r\nUpgrade-Insecure-Requests: 1\r\nReferer: https://www.example.com/page/12\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 39\r\nConnection: keep-alive\r\n\r\nhello from an origin that is always up\n"
)


class Wire:
    """A transport that keeps the last write."""

    def __init__(self) -> None:
        self.last = b""

    def write(self, data: bytes) -> None:
        self.last = data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Nothing is ever full here."""

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 4711)

    getHost = getPeer

    def fileno(self) -> int:
        return -1


class Net:
    """A reactor whose connections stand at once."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float) -> Any:
        protocol = factory.buildProtocol(None)
        self.made.append(protocol)
        protocol.makeConnection(Wire())

    def callLater(self, delay: float, call: Any, *arguments: Any) -> None:
        """What is due in the next turn is done at once."""
        call(*arguments)


def gateway() -> tuple[Channel, Any]:
    """A channel of a gateway with 2,000 routes, and the upstream connection that it will use."""
    routes = {
        f"h{i}": Route(
            name=f"h{i}",
            hosts=(f"h{i}.example.com",),
            namespace="foo",
            services=(Service(name="s", port=80, paths=(Path("/headers"), Path("/"))),),
        )
        for i in range(2000)
    }
    surroundings = Surroundings(Registry(time.monotonic, random.random))
    services = {"foo/s:80": ServiceSpec("foo/s:80", (EndpointSpec("127.0.0.1:80"),))}
    current = Current(compile_now(empty_snapshot(surroundings), Delta(1, routes, services), surroundings))
    net = Net()
    proxy = Proxy(Pools(net, time.monotonic), Ticker(), time.monotonic, Ids(os.urandom))
    root = GatewayResource(current, proxy, {})
    factory = HttpFactory(root, Limits(), time.monotonic, lambda peer: False, Ids(os.urandom), lambda exchange: None)
    channel = factory.buildProtocol(None)
    channel.makeConnection(Wire())
    channel.dataReceived(REQUEST)
    net.made[0].dataReceived(ANSWER)
    assert channel.transport.last.startswith(b"HTTP/1.1 200 OK"), channel.transport.last
    return channel, net.made[0]


def main() -> None:
    """Measure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    channel, connection = gateway()

    def exchange() -> None:
        channel.dataReceived(REQUEST)
        connection.dataReceived(ANSWER)

    runs = timeit.repeat(exchange, number=500, repeat=rounds)
    print(f"{min(runs) / 500 * 1e6:.1f} us an exchange (median {sorted(runs)[len(runs) // 2] / 500 * 1e6:.1f})")


if __name__ == "__main__":
    main()
