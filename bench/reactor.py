"""What a round trip costs on each reactor, in CPU time of the process under test.

    python bench/reactor.py [--seconds 2] [--connections 32] [--size 200]

An echo server and a proxy in front of an echo server run in a process of their own on each reactor;
clients in plain asyncio (on uvloop) keep one request in flight on each connection. Printed are microseconds of
CPU (user + system) for each round trip and the ratio to the epoll reactor: compare columns, not machines.
The proxy's clients arrive by `listenTCP` and its origin is reached by `connectTCP`, so both are in its figure.
The last column is the memory of the process for an idle client connection of the echo server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

REACTORS = ("epoll", "asyncio on uvloop", "gwt.reactor", "gwt.reactor, native")
IDLE = 1_000


def install(name: str) -> None:
    """Install one of `REACTORS`."""
    if name == "epoll":
        from twisted.internet import epollreactor

        epollreactor.install()
    elif name == "asyncio on uvloop":
        import uvloop
        from twisted.internet import asyncioreactor

        asyncioreactor.install(uvloop.new_event_loop())
    else:
        import gwt.reactor

        gwt.reactor.install()


def serve(name: str, origin: int) -> None:
    """Echo (origin 0) or forward to `origin` on a free port, which is printed, until killed."""
    install(name)
    from twisted.internet import reactor as installed
    from twisted.internet.protocol import ClientFactory, Factory, Protocol

    reactor: Any = installed
    native = name.endswith("native")

    class Echo(Protocol):
        native_data_received = native

        def connectionMade(self) -> None:
            self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]

        def dataReceived(self, data: bytes) -> None:
            self.transport.write(data)  # type: ignore[union-attr]

    class Upstream(Echo):
        def __init__(self, client: Protocol) -> None:
            self.client = client

        def connectionMade(self) -> None:
            super().connectionMade()
            self.client.transport.resumeProducing()  # type: ignore[union-attr]

        def dataReceived(self, data: bytes) -> None:
            self.client.transport.write(data)  # type: ignore[union-attr]

    class Proxy(Echo):
        def connectionMade(self) -> None:
            super().connectionMade()
            self.transport.pauseProducing()  # type: ignore[union-attr]
            self.upstream = Upstream(self)
            reactor.connectTCP("127.0.0.1", origin, ClientFactory.forProtocol(lambda: self.upstream))

        def dataReceived(self, data: bytes) -> None:
            self.upstream.transport.write(data)  # type: ignore[union-attr]

    factory = Factory.forProtocol(Proxy if origin else Echo)
    factory.noisy = ClientFactory.noisy = False
    print(reactor.listenTCP(0, factory, backlog=1024).getHost().port, flush=True)
    reactor.run()


class Server:
    """A process that runs `serve`."""

    def __init__(self, name: str, origin: int = 0) -> None:
        command = [sys.executable, __file__, "--serve", name, "--origin", str(origin)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Bytes of private memory."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


class Client(asyncio.Protocol):
    """One request in flight, always."""

    transport: asyncio.Transport
    trips = 0

    def __init__(self, size: int) -> None:
        self.message, self.missing = b"x" * size, size

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self.missing = len(self.message)
        self.transport.write(self.message)

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if not self.missing:
            Client.trips += 1
            self.missing = len(self.message)
            self.transport.write(self.message)


async def load(server: Server, seconds: float, connections: int, size: int) -> float:
    """Microseconds of the server's CPU for each round trip."""
    loop = asyncio.get_running_loop()
    clients = [await loop.create_connection(lambda: Client(size), "127.0.0.1", server.port) for _ in range(connections)]
    await asyncio.sleep(0.3)
    trips, cpu, began = Client.trips, server.cpu(), time.monotonic()
    while time.monotonic() - began < seconds:
        await asyncio.sleep(0.05)
    used, done = server.cpu() - cpu, Client.trips - trips
    for transport, _ in clients:
        transport.close()
    return used / done * 1e6


async def idle(server: Server) -> float:
    """Bytes of the server's memory for an idle connection."""
    loop = asyncio.get_running_loop()
    transports = [(await loop.create_connection(asyncio.Protocol, "127.0.0.1", server.port))[0] for _ in range(50)]
    await asyncio.sleep(0.2)
    before = server.memory()
    transports += [(await loop.create_connection(asyncio.Protocol, "127.0.0.1", server.port))[0] for _ in range(IDLE)]
    await asyncio.sleep(0.5)
    return (server.memory() - before) / IDLE


async def compare(options: argparse.Namespace) -> None:
    """Print the table."""
    print(f"{'':22} {'echo':>8} {'ratio':>6} {'proxy':>8} {'ratio':>6} {'idle':>9}")
    base: tuple[float, float] | None = None
    with Server(REACTORS[-1]) as origin:
        for name in REACTORS:
            with Server(name) as echo, Server(name, origin.port) as proxy:
                bytes_idle = await idle(echo)
                figures = [await load(s, options.seconds, options.connections, options.size) for s in (echo, proxy)]
            base = base or (figures[0], figures[1])
            ratios = [figure / first for figure, first in zip(figures, base, strict=True)]
            cells = " ".join(f"{f:6.1f}us {r:6.2f}" for f, r in zip(figures, ratios, strict=True))
            print(f"{name:22} {cells} {bytes_idle / 1024:5.1f}KiB", flush=True)


def main() -> None:
    """Serve, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each load lasts")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--size", type=int, default=200, help="bytes of a message")
    parser.add_argument("--serve", choices=REACTORS, help=argparse.SUPPRESS)
    parser.add_argument("--origin", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.origin)
    else:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(compare(options))


if __name__ == "__main__":
    main()
