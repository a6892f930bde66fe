"""WebSocket through a real gateway: a real client and a real server at its ends, and servers that lie."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from system.harness import PATIENCE, GatewayProcess, poll, simple_route
from upstream.stage import Client, Origin, Visit
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

ECHO, LIAR = "echo.example.com", "liar.example.com"
#: To the same server as ECHO, which has the default: host -> `timeout`, in seconds.
SHORT: dict[str, Any] = {"idle.example.com": {"read": 1}, "busy.example.com": 4}


def echo(connection: Any) -> None:
    for message in connection:
        if message == "close":
            connection.close(4001, "as you wish")
        elif message == "path":
            connection.send(json.dumps([connection.request.path, dict(connection.request.headers.raw_items())]))
        else:
            connection.send(message)


def liar(visit: Visit) -> None:
    """Answers a handshake as its path asks for."""
    seen = visit.request()
    if seen is None:
        return
    key = seen.values(b"sec-websocket-key")[0]
    good = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    upgrade, connection, accept, rest = b"websocket", b"Upgrade", good, b""
    match seen.line.split(b" ")[1]:
        case b"/bad-key":
            accept = b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="
        case b"/no-key":
            accept = b""
        case b"/h2c":
            upgrade = b"h2c"
        case b"/not-upgraded":
            connection = b"keep-alive"
        case b"/two-keys":
            accept = good + b"\r\nSec-WebSocket-Accept: " + good
        case b"/refused":
            visit.send(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
            return
        case b"/at-once":
            rest = b"\x81\x02hi"
        case b"/silent":
            rest = b""
    visit.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: %b\r\nUpgrade: %b\r\nSec-WebSocket-Accept: %b\r\n\r\n%b"
        % (connection, upgrade, accept, rest)
    )
    while visit.more():
        visit.origin.got = visit.buffer  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    directory: Path = tmp_path_factory.mktemp("websocket")
    with serve(echo, "127.0.0.1", 0, max_size=None) as server, Origin(liar) as lying:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.socket.getsockname()[1]
        documents = simple_route(f"127.0.0.1:{port}", ECHO)
        for host, timeout in SHORT.items():
            route, _ = simple_route(f"127.0.0.1:{port}", host, timeout=timeout)
            documents.append({**route, "name": host})
        other = simple_route(lying.address, LIAR)
        other[0]["name"], other[0]["services"][0]["name"] = "liar", "liar"
        other[1] = {"upstreams": {"foo/liar:8080": [lying.address]}}
        with GatewayProcess(directory, [*documents, *other]) as process:
            process.lying = lying  # type: ignore[attr-defined]
            yield process
        server.shutdown()
        thread.join(PATIENCE)


def dial(gateway: GatewayProcess, path: str = "/", host: str = ECHO, **options: Any) -> Any:
    sock = socket.create_connection(("127.0.0.1", gateway.proxy))
    return connect(f"ws://{host}{path}", sock=sock, max_size=None, proxy=None, **options)


def handshake(path: bytes, key: bytes = b"dGhlIHNhbXBsZSBub25jZQ==", extra: bytes = b"") -> bytes:
    return (
        b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: %b\r\n%b\r\n" % (path, LIAR.encode(), key, extra)
    )


def test_messages_both_ways(gateway: GatewayProcess) -> None:
    with dial(gateway) as connection:
        for message in ("hello", b"\0\1\2", "", "ü" * 1000):
            connection.send(message)
            assert connection.recv(PATIENCE) == message


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_big_messages(gateway: GatewayProcess, compression: Any) -> None:
    big = bytes(range(256)) * 32768  # 8 MiB
    with dial(gateway, compression=compression) as connection:
        connection.send(big)
        assert connection.recv(PATIENCE) == big


def test_many_at_once(gateway: GatewayProcess) -> None:
    connections = [dial(gateway) for _ in range(30)]
    for number, connection in enumerate(connections):
        connection.send(str(number))
    assert [connection.recv(PATIENCE) for connection in connections] == [str(n) for n in range(30)]
    for connection in connections:
        connection.close()


def test_the_server_sees_the_request(gateway: GatewayProcess) -> None:
    headers = {"X-User-Id": "root", "Cookie": "a=1", "X-Forwarded-For": "6.6.6.6"}
    with dial(gateway, "/chat/../room?x=1", additional_headers=headers, subprotocols=None) as connection:
        connection.send("path")
        path, seen = json.loads(connection.recv(PATIENCE))
        assert path == "/room?x=1" and seen["X-Forwarded-For"] == "127.0.0.1" and seen["Cookie"] == "a=1"
        assert "X-User-Id" not in seen and seen["Host"] == ECHO


def test_ping_and_close_travel(gateway: GatewayProcess) -> None:
    with dial(gateway) as connection:
        assert connection.ping().wait(PATIENCE)
        connection.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4001


def test_an_idle_tunnel_ends_after_read(gateway: GatewayProcess) -> None:
    began = time.monotonic()  # the gateway counts from its 101, before we have read that
    with dial(gateway, host="idle.example.com", ping_interval=None) as connection:
        with pytest.raises(ConnectionClosed):
            connection.recv(PATIENCE)
        assert 1.0 <= time.monotonic() - began < 5.0


def test_a_tunnel_in_use_outlives_every_timeout(gateway: GatewayProcess) -> None:
    with dial(gateway, host="busy.example.com") as connection:
        pause = threading.Event()
        for number in range(12):  # 4.8 s in all
            pause.wait(0.4)
            connection.send(str(number))
            assert connection.recv(PATIENCE) == str(number)


def test_the_end_is_logged_once_with_101(gateway: GatewayProcess) -> None:
    with dial(gateway, "/logged") as connection:
        connection.send("x")
        connection.recv(PATIENCE)

    def logged() -> list[dict[str, Any]]:
        return [line for line in map(json.loads, gateway.log_lines()) if line["uri"] == "/logged"]

    lines = poll(logged)
    assert [line["status"] for line in lines] == [101] and lines[0]["bytes_in"] > 0 < lines[0]["bytes_out"]


def ask(gateway: GatewayProcess, request: bytes) -> Any:
    client = Client(gateway.proxy)
    client.send(request)
    return client, client.answer()


@pytest.mark.parametrize("path", [b"/bad-key", b"/no-key", b"/h2c", b"/not-upgraded", b"/two-keys"])
def test_an_answer_that_is_none_to_the_handshake_is_a_502(gateway: GatewayProcess, path: bytes) -> None:
    client, answer = ask(gateway, handshake(path))
    assert (answer.status, b"bad_answer" in answer.body) == (502, True)
    client.close()


def test_a_refusal_is_passed_on(gateway: GatewayProcess) -> None:
    with pytest.raises(InvalidStatus) as refused:
        dial(gateway, "/refused", LIAR)
    assert refused.value.response.status_code == 403


def test_bytes_behind_a_refused_handshake_are_a_request_like_any_other(gateway: GatewayProcess) -> None:
    """No tunnel is open before the 101 (CVE-2026-2833): what follows is routed, not passed through."""
    behind = b"GET /secret HTTP/1.1\r\nHost: nowhere.example.com\r\n\r\n"
    client, answer = ask(gateway, handshake(b"/refused") + behind)
    assert answer.status == 403
    assert client.answer().status == 404, "the host has no route"
    client.close()
    assert not any(b"/secret" in seen.line for seen in gateway.lying.seen)  # type: ignore[attr-defined]


def test_bytes_sent_with_the_handshake_wait_for_the_101(gateway: GatewayProcess) -> None:
    client, answer = ask(gateway, handshake(b"/at-once") + b"\x81\x82\0\0\0\0yo")
    assert answer.status == 101 and answer.values(b"upgrade") == [b"websocket"]
    assert client.take(4) == b"\x81\x02hi"
    lying = gateway.lying  # type: ignore[attr-defined]
    assert poll(lambda: getattr(lying, "got", b"")) == b"\x81\x82\0\0\0\0yo"
    client.close()


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n"),
        (b"Connection: Upgrade\r\n", b"Connection: keep-alive\r\n"),
        (b"GET ", b"POST "),
        (b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
def test_what_is_no_handshake_asks_for_no_upgrade(gateway: GatewayProcess, change: bytes, to: bytes) -> None:
    """The server says 101 all the same: nobody asked."""
    client, answer = ask(gateway, handshake(b"/silent").replace(change, to, 1))
    assert answer.status == 502
    client.close()
    assert not gateway.lying.seen[-1].values(b"upgrade")  # type: ignore[attr-defined]


def test_a_client_that_leaves_ends_the_tunnel(gateway: GatewayProcess) -> None:
    client, answer = ask(gateway, handshake(b"/silent"))
    assert answer.status == 101
    client.send(b"last words")
    client.close()
    lying = gateway.lying  # type: ignore[attr-defined]
    poll(lambda: getattr(lying, "got", b"") == b"last words")
