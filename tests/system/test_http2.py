"""HTTP/2 over real sockets: the h2 package, curl, nghttp and h2load as judges; back-pressure, SIGTERM."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import h2.events
import pytest
from system.h2client import Client
from system.harness import PATIENCE, GatewayProcess, free_port, poll, simple_route
from system.programs import curl_with_http2, tool
from system.raw import RawOrigin, read_until, resident
from system.test_tls import certificate

HOST = "foo.example.com"
SIZE = 48 * 1024 * 1024


def serve(origin: RawOrigin, sock: socket.socket, number: int) -> None:
    """/large: SIZE bytes; a POST: how many bytes came; /wait: nothing until `held`; others: ok."""
    buffer = b""
    while data := sock.recv(65536):
        origin.received[number] += data[:65536] if len(origin.received[number]) < 1 << 20 else b""
        buffer += data
        while b"\r\n\r\n" in buffer:
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            body = b"ok"
            if head.startswith(b"POST"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                seen = len(buffer)
                while seen < length:
                    more = sock.recv(65536)
                    if not more:
                        return  # the gateway went in the middle
                    seen += len(more)
                buffer, body = b"", b"%d" % seen
            if head.startswith(b"GET /wait"):
                HELD.wait(PATIENCE)
            if head.startswith(b"GET /large"):
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
                for _ in range(SIZE // 65536):
                    sock.sendall(bytes(65536))
            else:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


HELD = threading.Event()


@pytest.fixture(scope="module")
def origin() -> RawOrigin:
    made = RawOrigin(lambda sock, number: serve(made, sock, number))
    return made


@pytest.fixture(scope="module")
def gateway(origin: RawOrigin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    directory, port = tmp_path_factory.mktemp("http2"), free_port()
    certificate(directory)
    documents = simple_route(origin.address, access={"max_body": "64MiB"})
    with GatewayProcess(directory, documents, {"drain": 20}) as gateway:
        secure = f"ssl:{port}:interface=127.0.0.1:privateKey={directory}/key.pem:certKey={directory}/cert.pem"
        listeners = {**gateway.settings["listeners"], "proxy": [gateway.settings["listeners"]["proxy"], secure]}
        gateway.configure({"listeners": listeners})
        seen = len(gateway.lines)
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("in force", seen)
        gateway.secure = port  # type: ignore[attr-defined]
        yield gateway


def curl(*arguments: str, data: bytes | None = None) -> str:
    return curl_with_http2("-H", f"Host: {HOST}", *arguments, data=data)


def test_the_h2_package(gateway: GatewayProcess) -> None:
    with Client(gateway.proxy) as client:
        assert client.request(HOST) == (200, b"ok")
        assert client.request(HOST, method="POST", body=bytes(3_000_000)) == (200, b"3000000")
    with Client(gateway.secure, unverified(), "localhost") as client:  # type: ignore[attr-defined]
        assert client.request(HOST, method="POST", body=bytes(300_000)) == (200, b"300000")
    with Client(gateway.service_proxy) as client:
        assert client.request("any", "/__foo-service.foo.8080__/x") == (200, b"ok")
    line = poll(lambda: [line for line in gateway.log_lines() if '"protocol":"HTTP/2.0"' in line])[0]
    assert json.loads(line)["route"] == "simple"


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_curl(gateway: GatewayProcess) -> None:
    url = f"http://127.0.0.1:{gateway.proxy}/"
    assert curl("--http2-prior-knowledge", url) == "ok\n2 200"
    body = bytes(3_000_000)
    assert curl("--http2-prior-knowledge", "--data-binary", "@-", url, data=body) == "3000000\n2 200"
    assert curl("--http2", url) == "ok\n1.1 200"  # the upgrade by HTTP/1.1 is not done


def test_alpn(gateway: GatewayProcess) -> None:
    url = f"https://127.0.0.1:{gateway.secure}/"  # type: ignore[attr-defined]
    assert curl("-k", "--http2", url) == "ok\n2 200"
    assert curl("-k", "--http1.1", url) == "ok\n1.1 200"
    assert curl("-k", "--http2", "--data-binary", "@-", url, data=bytes(300_000)) == "300000\n2 200"


def test_nghttp(gateway: GatewayProcess) -> None:
    said = tool("nghttp", "-nv", "-H", f":authority: {HOST}", f"http://127.0.0.1:{gateway.proxy}/")
    assert ":status: 200" in said


def test_h2load(gateway: GatewayProcess) -> None:
    url = f"http://127.0.0.1:{gateway.proxy}/"
    said = tool("h2load", "-n", "1000", "-c", "2", "-m", "50", "-H", f":authority: {HOST}", url)
    assert "1000 succeeded, 0 failed, 0 errored" in said


def test_the_service_proxy(gateway: GatewayProcess) -> None:
    url = f"http://127.0.0.1:{gateway.service_proxy}/__foo-service.foo.8080__/x"
    assert curl("--http2-prior-knowledge", url) == "ok\n2 200"


def test_a_client_that_reads_slowly_stops_the_upstream(gateway: GatewayProcess) -> None:
    before = resident(gateway.popen.pid)
    client = Client(gateway.proxy)
    number, body, most = client.ask(HOST, "/large"), 0, 0
    while True:
        events = client.events()
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                body += len(event.data)
                client.h2.acknowledge_received_data(event.flow_controlled_length, number)
        client.flush()
        most = max(most, resident(gateway.popen.pid))
        if any(isinstance(event, h2.events.StreamEnded) for event in events):
            break
    assert body == SIZE and most - before < SIZE // 3
    client.sock.close()


def test_sigterm_answers_what_was_asked(origin: RawOrigin, tmp_path: Path) -> None:
    HELD.clear()
    with (
        contextlib.ExitStack() as stack,
        GatewayProcess(tmp_path, simple_route(origin.address), {"drain": 20}) as gateway,
    ):
        client, idle = Client(gateway.proxy), Client(gateway.proxy)
        stack.callback(client.sock.close)
        stack.callback(idle.sock.close)
        number = client.ask(HOST, "/wait")
        poll(lambda: b"GET /wait" in origin.everything)
        gateway.signal(signal.SIGTERM)
        while idle.sock.recv(65536):
            pass
        raw = read_until(client.sock, b"gwt-bye\0")
        HELD.set()
        client.sock.sendall(b"\0\0\x08\x06\x01\0\0\0\0gwt-bye\0")
        while data := client.sock.recv(65536):
            raw += data
        assert b"\0\0\x02\0\x01" + number.to_bytes(4) + b"ok" in raw
        assert gateway.wait() == 0
