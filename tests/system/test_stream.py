"""Streams through real gateways: thousands of connections, TLS by name, endpoints that come, go and fail, attackers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from system.echoes import Echo, Loop, contexts, ended, exchanged, reset
from system.harness import PATIENCE, GatewayProcess, free_port, get, poll

LOOPBACK = "interface=127.0.0.1"
NAMES = ("a.example.com", "b.example.com", "x.wild.example.com")

#: All names of metrics stand there: tests/system/test_admin.py compares them.
METRICS = (Path(__file__).resolve().parents[2] / "docs/metrics.md").read_text()

#: `header_timeout` where nothing is to wait for it, in seconds: clients of a test may have to wait for a processor.
UNHURRIED = 10.0


def stream(listener: str, upstream: str, *hosts: str, **more: Any) -> dict[str, Any]:
    named = {"hosts": list(hosts)} if hosts else {}
    balance = {"balance": more.pop("balance")} if "balance" in more else {}
    services = [{"upstream": upstream, **balance}]
    return {"name": f"{listener}-{upstream}", "stream": listener, **named, **more, "services": services}


class World:
    """A gateway with listeners `tcp`, `tls` and `other`, upstreams in `loop`."""

    def __init__(self, directory: Path, reactor: str, loop: Loop) -> None:
        self.loop = loop
        self.server, self.client = contexts(directory, *NAMES)
        pem = directory / f"{NAMES[0]}.pem"
        self.ports = {name: free_port() for name in ("tcp", "tls", "other", "proxied", "web", "secure")}
        self.tcp = [Echo(loop, f"tcp{n}") for n in range(3)]
        self.tls = [Echo(loop, f"tls{n}", self.server) for n in range(3)]
        self.gateway = GatewayProcess(
            directory, self.documents(),
            {
                "listeners": {
                    "proxy": [
                        f"haproxy:tcp:{self.ports['web']}:{LOOPBACK}",
                        f"haproxy:ssl:{self.ports['secure']}:{LOOPBACK}:privateKey={pem}:certKey={pem}",
                    ],
                    "admin": f"tcp:{(admin := free_port())}:{LOOPBACK}",
                    "stream": {
                        **{name: f"tcp:{self.ports[name]}:{LOOPBACK}" for name in ("tcp", "tls", "other")},
                        "proxied": f"haproxy:tcp:{self.ports['proxied']}:{LOOPBACK}",
                    },
                },
                "trusted_proxies": ["127.0.0.1"],
                "limits": {"header_timeout": UNHURRIED},
                "drain": 10,
            },
            reactor=reactor,
        )  # fmt: skip
        self.admin = admin

    def documents(self, tcp: list[str] | None = None, *more: dict[str, Any], **upstreams: list[str]) -> list[Any]:
        named = {f"tls{n}": [one.address] for n, one in enumerate(self.tls)}
        addresses = [one.address for one in self.tcp] if tcp is None else tcp
        return [
            stream("tcp", "echo"),
            *(stream("tls", f"tls{n}", name) for n, name in enumerate((*NAMES[:2], "*.wild.example.com"))),
            stream("proxied", "echo", access={"ip_allow": ["203.0.113.0/24"]}, proxy_protocol="v1"),
            *more,
            {"upstreams": {"echo": addresses, **named, **upstreams}},
        ]

    def put(self, *documents: dict[str, Any], tcp: list[str] | None = None, **upstreams: list[str]) -> None:
        """Have these in force beside what is always there."""
        before = self.revision()
        self.gateway.write(self.documents(tcp, *documents, **upstreams))
        poll(lambda: self.revision() > before)

    @contextmanager
    def hurried(self, seconds: float) -> Iterator[None]:
        """In there it waits no longer than this for what a client has to say first."""
        self._reload(seconds)
        try:
            yield
        finally:
            self._reload(UNHURRIED)

    def _reload(self, header_timeout: float) -> None:
        seen = len(self.gateway.lines)
        self.gateway.configure({"limits": {"header_timeout": header_timeout}})
        self.gateway.signal(signal.SIGHUP)
        self.gateway.wait_line("is in force", seen)

    def revision(self) -> int:
        return int(get(self.admin, "/v1/routes").headers["etag"].strip('"'))

    def logged(self, start: int, count: int = 1) -> list[dict[str, Any]]:
        """The lines of the access log from `start` on, once there are `count`."""
        lines = poll(lambda: found if len(found := self.gateway.log_lines()[start:]) >= count else None)
        return [json.loads(line) for line in lines]

    @property
    def lines(self) -> int:
        """Lines of the access log, once all connections are over and all lines are written."""
        poll(self._settled)
        return len(self.gateway.log_lines())

    def _settled(self) -> bool:
        ended = self.metric("gwt_stream_connections_total") + self.metric("gwt_requests_total")
        return not self.metric("gwt_stream_connections_active") and self.metric("gwt_access_log_lines_total") == ended

    def metric(self, start: str) -> float:
        """The sum of the lines of /metrics that begin so: 0 where nothing has happened, not where the name is wrong."""
        assert f"`{start.partition('{')[0]}`" in METRICS
        text = get(self.admin, "/metrics").body.decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Loop() as loop:
        world = World(tmp_path_factory.mktemp("stream"), request.param, loop)
        with world.gateway:
            yield world
            assert world.gateway.stop() == 0
            assert "Traceback" not in world.gateway.output


async def many(port: int, count: int, at_once: int, **options: Any) -> Counter[str]:
    """So many clients, all with other bytes, `at_once` of them at a time: who served how many."""
    gate, data = asyncio.Semaphore(at_once), os.urandom(1 << 18)

    async def one(number: int) -> str:
        sent = data[number : number + 1 + number * 37 % (1 << 17)]
        async with gate:
            name, back = await exchanged(port, sent, **options)
        assert back == sent
        return name

    return Counter(await asyncio.gather(*map(one, range(count))))


def test_a_thousand_connections_over_three_endpoints(world: World) -> None:
    served = world.loop.run(many(world.ports["tcp"], 1000, 1000))
    assert sorted(served.values()) == [333, 333, 334]


@pytest.mark.parametrize("number", range(3))
def test_tls_goes_by_name_and_is_not_opened(world: World, number: int) -> None:
    """The certificate is the upstream's: the client verifies it."""
    options = {"ssl": world.client, "server_hostname": NAMES[number]}
    served = world.loop.run(many(world.ports["tls"], 60, 20, **options))
    assert served == {f"tls{number}": 60}


def test_names_that_nobody_has_are_let_go(world: World) -> None:
    begin = world.lines
    for options in ({"server_hostname": "nobody.example.com", "ssl": world.client},):
        with pytest.raises((OSError, ssl.SSLError)):
            world.loop.run(exchanged(world.ports["tls"], b"x", **options))
    assert world.loop.run(ended(world.ports["tls"], b"GET / HTTP/1.1\r\n\r\n")) in (b"", b"cut")
    assert world.loop.run(ended(world.ports["tls"], b"\x16\x03\x01\x00\x00")) in (b"", b"cut")
    lines = world.logged(begin, 3)
    assert [line["code"] for line in lines] == ["no_route", "no_route", "bad_request"]
    assert lines[0]["host"] == "nobody.example.com"


def test_the_log_line_and_the_metrics_of_a_connection(world: World) -> None:
    begin, before = world.lines, world.metric('gwt_stream_received_bytes_total{route="tcp-echo"')
    name, back = world.loop.run(exchanged(world.ports["tcp"], b"hello"))
    (line,) = world.logged(begin)
    assert back == b"hello"
    assert {key: line[key] for key in ("client", "protocol", "status", "route", "service", "tries", "code")} == {
        "client": "127.0.0.1", "protocol": "TCP", "status": 200, "route": "tcp-echo", "service": "echo", "tries": 1,
        "code": None,
    }  # fmt: skip
    assert (line["bytes_in"], line["bytes_out"]) == (5, 5 + len(name) + 1)
    assert line["upstream"] in [one.address for one in world.tcp]
    poll(lambda: world.metric('gwt_stream_received_bytes_total{route="tcp-echo"') == before + 5)
    assert world.metric('gwt_stream_connections_total{route="tcp-echo",service="echo",code="ok"}') >= 1
    poll(lambda: world.metric("gwt_stream_connections_active") == 0)


def test_an_endpoint_that_leaves_gets_no_new_connection_and_keeps_those_it_has(world: World) -> None:
    async def story() -> None:
        held = [await asyncio.open_connection("127.0.0.1", world.ports["tcp"]) for _ in range(3)]
        names = {(await reader.readline()).strip().decode() for reader, _ in held}
        assert names == {"tcp0", "tcp1", "tcp2"}
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, lambda: world.put(tcp=[one.address for one in world.tcp[1:]]))
        assert set(await many(world.ports["tcp"], 30, 10)) == {"tcp1", "tcp2"}
        for reader, writer in held:
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            writer.close()
        await loop.run_in_executor(None, world.put)
        assert set(await many(world.ports["tcp"], 30, 10)) == {"tcp0", "tcp1", "tcp2"}

    world.loop.run(story())


def test_an_upstream_that_refuses_is_passed_over(world: World) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    world.put(stream("other", "half", access={"retries": 1}), half=[nobody, world.tcp[0].address])
    assert world.loop.run(many(world.ports["other"], 20, 5)) == {"tcp0": 20}
    begin = world.lines
    world.put(stream("other", "none"), none=[nobody, f"127.0.0.1:{free_port()}"])
    assert world.loop.run(ended(world.ports["other"], b"x")) in (b"", b"cut")
    (line,) = world.logged(begin)
    assert (line["code"], line["tries"], line["status"]) == ("connect_failed", 2, 502)


def test_an_upstream_that_hangs_resets_or_ends_its_side(world: World) -> None:
    release = asyncio.Event()

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        seen.append(await reader.read())
        writer.close()

    async def half_closed(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b"bye"
        writer.write(b"and so do I" * 20000)
        writer.write_eof()
        await writer.drain()
        return await reader.read()

    seen: list[bytes] = []
    ports = [world.loop.serve(serve) for serve in (hangs, resets, ends)]
    codes = []
    for port in ports:
        timeout = {"timeout": {"read": 0.5}} if port == ports[0] else {}
        world.put(stream("other", f"at{port}", access=timeout), **{f"at{port}": [f"127.0.0.1:{port}"]})
        begin = world.lines
        if port == ports[2]:
            assert world.loop.run(half_closed(world.ports["other"])) == b""
        else:
            assert world.loop.run(ended(world.ports["other"], b"hello")) in (b"", b"cut")
        codes.append(world.logged(begin)[0]["code"])
    assert codes == ["timeout", "upstream_cut", None]
    assert seen == [b"and so do I" * 20000]
    world.loop.loop.call_soon_threadsafe(release.set)


def test_a_slow_reader_holds_up_its_sender_and_not_the_memory(world: World) -> None:
    """An upstream that floods a client who reads nothing: the gateway takes no more than its buffers hold."""
    sent = [0]

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(1000):
                writer.write(bytes(1 << 16))
                await writer.drain()
                sent[0] += 1 << 16
        except OSError:
            pass
        finally:
            writer.close()

    port = world.loop.serve(floods)
    world.put(stream("other", "flood"), flood=[f"127.0.0.1:{port}"])
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", world.ports["other"]))
        before = -1
        while before != sent[0]:  # until it stands still
            before = sent[0]
            pass_time(0.4)
        assert 0 < sent[0] < 24 << 20
        taken = 0
        client.settimeout(PATIENCE)
        while taken < sent[0]:
            data = client.recv(1 << 20)
            assert data, f"it ended after {taken} of {sent[0]} bytes"
            taken += len(data)
    assert taken >= before


def pass_time(seconds: float) -> None:
    """Let that much time pass: nothing announces that a flood has come to a halt."""
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(seconds)
        with pytest.raises(TimeoutError):
            one.recv(1)


def test_who_says_nothing_or_a_byte_at_a_time_is_cut_off(world: World) -> None:
    async def drips(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.ensure_future(reader.read())
        for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500):
            if reading.done():
                break
            writer.write(bytes([byte]))
            await asyncio.wait([reading], timeout=0.1)
        try:
            return await reading
        except ConnectionError:
            return b"cut"

    async def story() -> list[bytes]:
        port = world.ports["tls"]
        silent = [ended(port) for _ in range(200)]
        good = many(port, 20, 5, ssl=world.client, server_hostname=NAMES[0])
        *ends, served = await asyncio.gather(drips(port), *silent, good)
        assert served == {"tls0": 20}
        return ends

    begin = world.lines
    with world.hurried(3.0):
        assert set(world.loop.run(story())) <= {b"", b"cut"}
    codes = Counter(line["code"] for line in world.logged(begin, 221))
    assert codes == {"slow_request": 201, None: 20}


def test_who_may_not_come_and_who_comes_too_many(world: World) -> None:
    async def third() -> bytes:
        two = [await asyncio.open_connection("127.0.0.1", world.ports["other"]) for _ in range(2)]
        for reader, _ in two:
            await reader.readline()
        found = await ended(world.ports["other"])
        for _, writer in two:
            writer.close()
        return found

    world.put(stream("other", "echo", access={"ip_deny": ["127.0.0.0/8"]}))
    begin = world.lines
    assert world.loop.run(ended(world.ports["other"])) in (b"", b"cut")
    assert world.logged(begin)[0]["code"] == "ip"
    world.put(stream("other", "echo", max_connections=2))
    begin = world.lines
    assert world.loop.run(third()) in (b"", b"cut")
    assert "overloaded" in [line["code"] for line in world.logged(begin, 3)]


def test_the_proxy_protocol_from_a_balancer_and_to_the_endpoint(world: World) -> None:
    async def story(client: str, peer: str = "127.0.0.1") -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.ports["proxied"], local_addr=(peer, 0))
        writer.write(f"PROXY TCP4 {client} 198.51.100.1 4321 443\r\nhello".encode())
        writer.write_eof()
        try:
            return (await reader.read()).partition(b"\n")[2]
        except ConnectionError:
            return b""

    begin = world.lines
    assert world.loop.run(story("203.0.113.7")) == b"PROXY TCP4 203.0.113.7 198.51.100.1 4321 443\r\nhello"
    assert world.loop.run(story("192.0.2.1")) == b""
    assert world.loop.run(story("203.0.113.7", "127.0.0.2")) == b"", "this one is not believed"
    assert [(line["client"], line["code"]) for line in world.logged(begin, 3)] == [
        ("203.0.113.7", None),
        ("192.0.2.1", "ip"),
        ("127.0.0.2", "ip"),
    ]
    refused = world.metric("gwt_proxy_header_refused_total")
    assert world.loop.run(ended(world.ports["web"], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")) in (b"", b"cut")
    with world.hurried(1.5):
        assert world.loop.run(ended(world.ports["web"])) in (b"", b"cut")
    poll(lambda: world.metric("gwt_proxy_header_refused_total") == refused + 2)
    request = b"PROXY TCP4 203.0.113.9 198.51.100.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    begin = world.lines
    assert world.loop.run(ended(world.ports["web"], request)).startswith(b"HTTP/1.1 404")
    assert world.logged(begin)[0]["client"] == "203.0.113.9"
    before = world.metric('gwt_proxy_header_refused_total{reason="untrusted"}')
    address = ("127.0.0.1", world.ports["web"])
    with socket.create_connection(address, timeout=30, source_address=("127.0.0.2", 0)) as plain:
        plain.sendall(request)
        assert plain.recv(1 << 16).startswith(b"HTTP/1.1 404")
    assert world.logged(begin, 2)[1]["client"] == "127.0.0.2"
    poll(lambda: world.metric('gwt_proxy_header_refused_total{reason="untrusted"}') == before + 1)


def test_the_proxy_protocol_comes_before_tls(world: World) -> None:
    begin = world.lines
    with socket.create_connection(("127.0.0.1", world.ports["secure"]), timeout=30) as plain:
        plain.sendall(b"PROXY TCP4 203.0.113.10 198.51.100.1 1 443\r\n")
        with world.client.wrap_socket(plain, server_hostname=NAMES[0]) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 404")
    assert world.logged(begin)[0]["client"] == "203.0.113.10"


def test_a_broken_document_closes_its_names_and_no_others(world: World) -> None:
    broken = {**stream("other", "echo", "a.example.com"), "name": "broken", "colour": "red"}
    world.gateway.write([broken], "broken.yaml")
    poll(lambda: b"colour" in get(world.admin, "/v1/problems").body)
    world.put(stream("other", "tls1"))
    options = {"ssl": world.client, "server_hostname": "a.example.com"}
    begin = world.lines
    with pytest.raises((OSError, ssl.SSLError)):
        world.loop.run(exchanged(world.ports["other"], b"x", **options))
    assert world.logged(begin)[0]["code"] == "policy"
    served = world.loop.run(many(world.ports["other"], 3, 1, **{**options, "server_hostname": "b.example.com"}))
    assert served == {"tls1": 3}


def test_what_runs_goes_on_while_the_gateway_drains(tmp_path: Path) -> None:
    """For as long as the window is; new connections are refused."""
    with Loop() as loop:
        world = World(tmp_path, "uvloop", loop)

        async def story() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.ports["tcp"])
            await reader.readline()
            world.gateway.signal(15)
            await asyncio.get_running_loop().run_in_executor(None, poll, refused)
            writer.write(b"still here")
            found = await reader.readexactly(10)
            writer.close()
            return found

        def refused() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", world.ports["tcp"])) != 0

        with world.gateway:
            assert loop.run(story()) == b"still here"
            assert world.gateway.wait() == 0
