"""gRPC end to end, with grpcio as judge on both sides: kinds of calls, metadata, statuses, deadlines, many streams."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

grpc = pytest.importorskip("grpc")

from certificates import Authority  # noqa: E402
from system.grpcs import LARGE, Handlers, Loop, Server, code_of  # noqa: E402
from system.harness import PATIENCE, GatewayProcess, poll  # noqa: E402
from system.raw import resident  # noqa: E402

Status = grpc.StatusCode


def service(upstream: str, protocol: str = "grpc", **more: Any) -> dict[str, Any]:
    return {"upstream": upstream, "protocol": protocol, "paths": [{"uri": "/"}], **more}


def route(name: str, host: str, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "hosts": [host], "services": list(services), **more}


@pytest.fixture(scope="module")
def loop() -> Loop:
    return Loop()


@pytest.fixture(scope="module")
def servers(loop: Loop) -> Iterator[list[Server]]:
    made = [Server(loop) for _ in range(3)] + [Server(loop, [("grpc.max_concurrent_streams", 100)])]
    yield made
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def gateway(servers: list[Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    directory = tmp_path_factory.mktemp("grpc")
    one, two, three, narrow = (server.address for server in servers)
    closed = "127.0.0.1:1"  # of a service of old; nobody is given it
    paths = [
        {"uri": "/demo.Fast/", "match": "prefix"},
        {"uri": "/demo.Fast/", "match": "prefix", "headers": {"x-canary": "1"}},
    ]
    documents = [
        route("one", "one.example", service("one")),
        route("three", "three.example", service("three")),
        route("narrow", "narrow.example", service("narrow")),
        route("sticky", "sticky.example", service("three", balance={"sticky": {"header": "x-user"}})),
        route("paths", "paths.example", service("one", paths=paths[:1]), service("two", paths=paths[1:])),
        route("slow", "slow.example", service("one", access={"timeout": 0.5})),
        route("small", "small.example", service("one", access={"max_message": 1000})),
        route("dead", "dead.example", service("dead", access={"timeout": {"connect": 1}})),
        route("empty", "empty.example", service("empty")),
        route("login", "login.example", service("one", access={"auth_type": "login"})),
        route("denied", "denied.example", service("one", access={"ip_allow": ["10.0.0.0/8"]})),
        route("limited", "limited.example", service("one", access={"rate_limits": [{"rate": 0}]})),
        {
            "upstreams": {
                "one": [one], "two": [two], "three": [one, two, three], "narrow": [narrow], "dead": [closed],
                "empty": [], "demo/web:80": [one],
            }
        },
    ]  # fmt: skip
    settings = {"limits": {"max_streams": 2000}, "identity": {"keys": ["eWFyZHN0aWNrLXlhcmRzdGljay15YXJkc3RpY2stMzI="]}}
    with GatewayProcess(directory, documents, settings) as made:
        yield made


def channel(port: int, host: str = "one.example", **options: Any) -> Any:
    named = [("grpc.default_authority", host), *LARGE, *options.items()]
    return grpc.insecure_channel(f"127.0.0.1:{port}", named)


@pytest.fixture
def one(gateway: GatewayProcess) -> Iterator[Any]:
    with channel(gateway.proxy) as made:
        yield made


def test_all_kinds_of_calls(one: Any) -> None:
    assert one.unary_unary("/demo.Any/Echo")(b"hello", timeout=PATIENCE) == b"hello"
    assert one.unary_unary("/demo.Any/Echo")(b"", timeout=PATIENCE) == b""
    assert list(one.unary_stream("/demo.Any/Count")(b"5", timeout=PATIENCE)) == [b"0", b"1", b"2", b"3", b"4"]
    assert list(one.unary_stream("/demo.Any/Count")(b"0", timeout=PATIENCE)) == []
    assert one.stream_unary("/demo.Any/Join")(iter([b"a", b"b"]), timeout=PATIENCE) == b"a,b"
    assert one.stream_unary("/demo.Any/Join")(iter([]), timeout=PATIENCE) == b""


def test_both_speak_at_the_same_time(one: Any) -> None:
    said: queue.Queue[bytes | None] = queue.Queue()
    heard = one.stream_stream("/demo.Any/Upper")(iter(said.get, None), timeout=PATIENCE)
    for word in (b"one", b"two", b"x" * 100_000):
        said.put(word)
        assert next(heard) == word.upper()  # the request goes on
    said.put(None)
    assert list(heard) == []


def test_metadata_is_not_touched(one: Any, servers: list[Server]) -> None:
    sent = (("x-text", "a, b"), ("x-raw-bin", b"\0\xfe\n"), ("x-user-id", "eve"))
    _, call = one.unary_unary("/demo.Any/Meta").with_call(b"", metadata=sent, timeout=PATIENCE)
    assert {("x-first", "1"), ("x-raw-bin", b"\0\xff\n")} <= {tuple(pair) for pair in call.initial_metadata()}
    assert {tuple(pair) for pair in call.trailing_metadata()} == {("x-last", "2"), ("x-end-bin", b"\xfe\0")}
    told = servers[0].handlers.told
    assert told["x-text"] == "a, b" and told["x-raw-bin"] == b"\0\xfe\n" and "x-user-id" not in told


def test_every_status_passes(one: Any) -> None:
    call = one.unary_unary("/demo.Any/Status")
    for status in Status:
        number = b"%d" % status.value[0]
        if status is Status.OK:
            assert call(number, timeout=PATIENCE) == b"fine"
            continue
        with pytest.raises(grpc.RpcError) as raised:
            call(number, timeout=PATIENCE)
        error = raised.value
        assert error.code() is status and error.details() == "said so: 100 % ä\n"  # type: ignore[attr-defined]
        assert ("x-why", "so") in [tuple(pair) for pair in error.trailing_metadata()]  # type: ignore[attr-defined]
    assert code_of(one.unary_unary("/demo.Any/Nothing"), b"") is Status.UNIMPLEMENTED


def test_deadlines(gateway: GatewayProcess, one: Any, servers: list[Server]) -> None:
    handlers = servers[0].handlers
    runs_out(one, handlers, timeout=0.3)
    with channel(gateway.proxy, "slow.example") as slow:  # the route's own timeout
        begun = time.monotonic()
        runs_out(slow, handlers)
        assert time.monotonic() - begun < PATIENCE / 2


def runs_out(client: Any, handlers: Handlers, **options: Any) -> None:
    """A call's time is up, and the server is told. (It may be up before the call has come as far as the server.)"""
    before, begun = handlers.cancelled, handlers.begun

    def ran_out() -> bool:
        assert code_of(client.unary_unary("/demo.Any/Sleep"), b"", **options) is Status.DEADLINE_EXCEEDED
        return handlers.begun > begun

    poll(ran_out)
    poll(lambda: handlers.cancelled - before == handlers.begun - begun)


def test_cancelling_both_ways(one: Any, servers: list[Server]) -> None:
    handlers = servers[0].handlers
    before, begun = handlers.cancelled, handlers.begun
    call = one.unary_unary("/demo.Any/Sleep").future(b"")
    poll(lambda: handlers.begun == begun + 1)
    call.cancel()
    poll(lambda: handlers.cancelled == before + 1)
    heard = one.unary_stream("/demo.Any/Cancel")(b"", timeout=PATIENCE)
    assert next(heard) == b"one"
    with pytest.raises(grpc.RpcError) as raised:
        next(heard)
    assert raised.value.code() is Status.CANCELLED  # type: ignore[attr-defined]


def test_a_message_of_64_mib(gateway: GatewayProcess, one: Any) -> None:
    one.unary_unary("/demo.Any/Echo")(b"warm", timeout=PATIENCE)
    size, before = 64 << 20, resident(gateway.popen.pid)
    call, most = one.unary_unary("/demo.Any/Echo").future(bytes(size), timeout=2 * PATIENCE), 0
    while not call.done():
        most = max(most, resident(gateway.popen.pid))
    assert len(call.result()) == size
    assert most - before < size // 3


def test_messages_may_have_a_limit(gateway: GatewayProcess) -> None:
    with channel(gateway.proxy, "small.example") as small:
        assert code_of(small.unary_unary("/demo.Any/Echo"), bytes(1000)) is Status.OK
        assert code_of(small.unary_unary("/demo.Any/Echo"), bytes(1001)) is Status.INTERNAL
        many = [bytes(900)] * 50
        assert len(small.stream_unary("/demo.Any/Join")(iter(many), timeout=PATIENCE)) == 50 * 901 - 1


ERRORS = {
    "no.example": Status.UNIMPLEMENTED, "dead.example": Status.UNAVAILABLE, "empty.example": Status.UNAVAILABLE,
    "login.example": Status.UNAUTHENTICATED, "denied.example": Status.PERMISSION_DENIED,
    "limited.example": Status.RESOURCE_EXHAUSTED,
}  # fmt: skip


@pytest.mark.parametrize("host", ERRORS)
def test_errors_of_the_gateway(gateway: GatewayProcess, host: str) -> None:
    with channel(gateway.proxy, host) as made:
        assert code_of(made.unary_unary("/demo.Any/Echo"), b"") is ERRORS[host]
        assert (
            code_of(lambda *a, **o: list(made.stream_stream("/demo.Any/Upper")(*a, **o)), iter([b"a"])) is ERRORS[host]
        )


@pytest.mark.parametrize("host", ["one.example", "narrow.example"])
def test_a_thousand_streams_at_once(gateway: GatewayProcess, servers: list[Server], loop: Loop, host: str) -> None:
    """None is answered before all are here. An endpoint that takes 100 streams a connection gets more connections."""
    handlers = servers[0 if host == "one.example" else 3].handlers
    handlers.here = 0
    handlers.all_here.clear()

    async def meet() -> set[bytes]:
        options = [("grpc.default_authority", host)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.proxy}", options=options) as many:
            call = many.unary_unary("/demo.Any/Meet")
            return set(await asyncio.gather(*[call(b"1000", timeout=2 * PATIENCE) for _ in range(1000)]))

    assert loop.run(meet()) == {b"met"} and handlers.here == 1000


def test_all_kinds_and_every_status_at_the_same_time(gateway: GatewayProcess, loop: Loop) -> None:
    """A thousand streams are open, of which each does something else, until all have said something."""
    together = 250

    async def talk() -> list[Any]:
        options = [("grpc.default_authority", "one.example")]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.proxy}", options=options) as many:
            open_streams = [many.stream_stream("/demo.Any/Upper")(timeout=2 * PATIENCE) for _ in range(together)]
            for number, one in enumerate(open_streams):
                await one.write(b"first %d" % number)
            calls, counts, joined = await asyncio.gather(
                asyncio.gather(*[ended(many, number) for number in range(together)]),
                asyncio.gather(*[counted(many, number % 7) for number in range(together)]),
                asyncio.gather(*[joins(many) for _ in range(together)]),
            )
            heard = []
            for one in open_streams:
                heard.append(await one.read())
                await one.write(b"last")
                await one.done_writing()
                assert [await one.read(), await one.read()] == [b"LAST", grpc.aio.EOF]
            return [calls, counts, joined, heard]

    async def ended(many: Any, number: int) -> int:
        try:
            await many.unary_unary("/demo.Any/Status")(b"%d" % (number % 17), timeout=2 * PATIENCE)
        except grpc.aio.AioRpcError as error:
            return int(error.code().value[0])
        return 0

    async def counted(many: Any, number: int) -> int:
        return len([one async for one in many.unary_stream("/demo.Any/Count")(b"%d" % number, timeout=2 * PATIENCE)])

    async def joins(many: Any) -> bytes:
        return bytes(await many.stream_unary("/demo.Any/Join")(iter([b"a", b"b"]), timeout=2 * PATIENCE))

    calls, counts, joined, heard = loop.run(talk())
    assert calls == [number % 17 for number in range(together)]
    assert counts == [number % 7 for number in range(together)] and set(joined) == {b"a,b"}
    assert heard == [b"FIRST %d" % number for number in range(together)]


def test_calls_of_one_connection_are_spread_evenly(gateway: GatewayProcess, servers: list[Server]) -> None:
    before = [server.handlers.calls for server in servers[:3]]
    with channel(gateway.proxy, "three.example") as made:
        call = made.unary_unary("/demo.Any/Echo")
        for at in range(0, 1000, 50):
            for one in [call.future(b"%d" % at) for _ in range(50)]:
                assert one.result(PATIENCE)
    counts = [server.handlers.calls - was for server, was in zip(servers[:3], before, strict=True)]
    assert sum(counts) == 1000 and max(counts) - min(counts) <= 10


def test_what_is_sticky_by_metadata(gateway: GatewayProcess, servers: list[Server]) -> None:
    with channel(gateway.proxy, "sticky.example") as made:
        call = made.unary_unary("/demo.Any/Echo")
        for user in ("alice", "bob"):
            before = [server.handlers.calls for server in servers[:3]]
            for _ in range(9):
                call(b"", metadata=(("x-user", user),), timeout=PATIENCE)
            counts = [server.handlers.calls - was for server, was in zip(servers[:3], before, strict=True)]
            assert sorted(counts) == [0, 0, 9]


def test_host_path_and_metadata_choose(gateway: GatewayProcess, servers: list[Server]) -> None:
    with channel(gateway.proxy, "paths.example") as made:
        assert code_of(made.unary_unary("/demo.Other/Echo"), b"") is Status.UNIMPLEMENTED
        call = made.unary_unary("/demo.Fast/Echo")
        for canary, server in ((), servers[0]), ((("x-canary", "1"),), servers[1]):
            before = server.handlers.calls
            call(b"", metadata=canary, timeout=PATIENCE)
            assert server.handlers.calls == before + 1


def test_health_checks_pass(one: Any) -> None:
    assert one.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=PATIENCE) == b"\x08\x01"


def test_the_service_proxy(gateway: GatewayProcess, servers: list[Server]) -> None:
    with channel(gateway.service_proxy, "any.example") as made:
        call = made.unary_unary("/demo.Any/Echo")
        chosen = (("x-gwt-service", "web.demo.80"),)
        assert call(b"hi", metadata=chosen, timeout=PATIENCE) == b"hi"
        assert "x-gwt-service" not in servers[0].handlers.told
        assert code_of(call, b"", metadata=(("x-gwt-service", "dns.kube-system.53"),)) is Status.PERMISSION_DENIED
        assert code_of(call, b"", metadata=(("x-gwt-service", "nobody.demo.80"),)) is Status.UNIMPLEMENTED
        assert code_of(call, b"") is Status.UNIMPLEMENTED


def test_endpoints_come_and_go_and_no_call_fails(loop: Loop, tmp_path: Path) -> None:
    def documents(*servers: Server) -> list[dict[str, Any]]:
        addresses = [server.address for server in servers]
        return [route("all", "*", service("all")), {"upstreams": {"all": addresses}}]

    options = [("grpc.max_connection_age_ms", 200), ("grpc.max_connection_age_grace_ms", 20_000)]
    with Server(loop, options) as first, Server(loop, options) as second, Server(loop) as third:
        with GatewayProcess(tmp_path, documents(first, second)) as gateway, channel(gateway.proxy, "all") as made:
            call = made.unary_unary("/demo.Any/Echo")

            def calls_until(what: Any) -> None:
                """Calls that all must succeed: old connections are sent away all the while (max age)."""
                deadline = time.monotonic() + PATIENCE
                while not what():
                    for one in [call.future(b"x") for _ in range(20)]:
                        assert one.result(PATIENCE) == b"x"
                    assert time.monotonic() < deadline

            calls_until(lambda: first.handlers.calls > 200 and second.handlers.calls > 200)
            gateway.write(documents(second, third))
            calls_until(lambda: third.handlers.calls > 50)
            before = first.handlers.calls
            first.stop(grace=PATIENCE)
            calls_until(lambda: third.handlers.calls > 200)
            assert first.handlers.calls == before


def test_over_tls(loop: Loop, tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.pair("grpc.internal")
    credentials = grpc.ssl_server_credentials([(pair.key.encode(), pair.cert.encode())])
    with Server(loop, credentials=credentials) as server:
        tls = {"ca": authority.pem, "server_name": "grpc.internal"}
        documents = [
            route("good", "good.example", service("s", "grpcs", tls=tls)),
            route("h2", "h2.example", service("s", "h2", tls=tls)),
            route("other", "other.example", service("s", "grpcs", tls={**tls, "server_name": "other.internal"})),
            {"upstreams": {"s": [server.address]}},
        ]
        with GatewayProcess(tmp_path, documents) as gateway:
            for host, code in (
                ("good.example", Status.OK),
                ("h2.example", Status.OK),
                ("other.example", Status.UNAVAILABLE),
            ):
                with channel(gateway.proxy, host) as made:
                    assert code_of(made.unary_unary("/demo.Any/Echo"), b"hi") is code
