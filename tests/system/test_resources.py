"""twisted.web resources mounted by routes, and the gateway's tree under a plain Site, over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h2.events
import pytest
from system.h2client import Client
from system.harness import GatewayProcess, Origin, Process, environment, get, poll, request

#: Run by children only: it imports the reactor.
MOUNTED = Path(__file__).with_name("mounted.py")

TIMES = {"connect": 5, "first_byte": 0.5, "read": 0.5, "total": 1.5}
REWRITES = {
    "/v1/strip": {"strip": "/v1"},
    "/prefix": {"prefix": "/v2"},
    "/regex": {"regex": ["^/regex/(.*)", "/$1/new"]},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    directory = tmp_path_factory.mktemp("mounts")
    shared = directory / "files"
    shared.mkdir()
    (shared / "hello.txt").write_text("hello " * 100)
    (shared / "big.bin").write_bytes(os.urandom(3_000_000))
    names = ("files", "later", "echo", "wsgi", "stuck", "asked")
    services: list[dict[str, Any]] = [{"resource": name, "paths": [{"uri": f"/{name}"}]} for name in names[:4]]
    services.append({"resource": "stuck", "paths": [{"uri": "/stuck", "access": {"timeout": TIMES}}]})
    rewritten = [{"uri": uri, "rewrite": rewrite} for uri, rewrite in REWRITES.items()]
    services.append({"resource": "asked", "paths": [{"uri": "/asked/as"}, *rewritten]})
    settings = {"resources": {name: f"system.mounted:{name}" for name in names}}
    here = str(MOUNTED.parent.parent)
    env = {"MOUNTED_FILES": str(shared), "PYTHONPATH": os.pathsep.join([here, environment()["PYTHONPATH"]])}
    route = {"name": "mounts", "hosts": ["m.example"], "namespace": "n", "services": services}
    with GatewayProcess(directory, [route], settings, env=env) as process:
        yield process


def test_static_files(gateway: GatewayProcess) -> None:
    answer = get(gateway.proxy, "/files/hello.txt", host="m.example")
    assert (answer.status, answer.body) == (200, b"hello " * 100)
    part = get(gateway.proxy, "/files/hello.txt", host="m.example", headers={"Range": "bytes=6-10"})
    assert (part.status, part.body) == (206, b"hello")
    assert get(gateway.proxy, "/files/none", host="m.example").status == 404
    assert request(gateway.proxy, "HEAD", "/files/hello.txt", host="m.example").headers["content-length"] == "600"


def test_a_large_file_for_a_slow_reader(gateway: GatewayProcess) -> None:
    wanted = (gateway.directory / "files" / "big.bin").read_bytes()
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=20) as client:
        client.sendall(b"GET /files/big.bin HTTP/1.1\r\nHost: m.example\r\nConnection: close\r\n\r\n")
        got = b"".join(iter(lambda: client.recv(10_000), b""))
    assert got.partition(b"\r\n\r\n")[2] == wanted


def test_an_answer_that_comes_later(gateway: GatewayProcess) -> None:
    for _ in range(3):
        assert get(gateway.proxy, "/later", host="m.example").body == b"first second"


def test_bodies(gateway: GatewayProcess) -> None:
    answer = request(gateway.proxy, "POST", "/echo", host="m.example", body=b"x" * 500_000)
    assert answer.body == b"500000 " + b"x" * 100
    assert request(gateway.proxy, "POST", "/echo", host="m.example", body=b"x" * 11_000_000).status == 413


def test_wsgi(gateway: GatewayProcess) -> None:
    answer = request(gateway.proxy, "POST", "/wsgi/a/b?c=d", host="m.example", body=b"body")
    assert answer.body == b"POST /wsgi /a/b c=d body"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/asked/as/it/is?a=b", b"asked/as|it/is|/asked/as/it/is?a=b"),
        ("/v1/strip/a?b=c", b"|strip/a|/strip/a?b=c"),
        ("/prefix/a", b"|v2/prefix/a|/v2/prefix/a"),
        ("/regex/a/b", b"|a/b/new|/a/b/new"),
    ],
)
def test_a_rewrite_is_what_the_resource_is_asked_for(gateway: GatewayProcess, path: str, wanted: bytes) -> None:
    assert get(gateway.proxy, path, host="m.example").body == wanted


def told_of(gateway: GatewayProcess, what: bytes) -> int:
    return get(gateway.proxy, "/stuck/told", host="m.example").body.split().count(what)


def test_one_that_never_answers_is_a_504_and_hears_of_it(gateway: GatewayProcess) -> None:
    before, began = told_of(gateway, b"never"), time.monotonic()
    answer = get(gateway.proxy, "/stuck/never", host="m.example")
    assert (answer.status, answer.json()["code"]) == (504, "timeout")
    assert 0.5 <= time.monotonic() - began < 1.5 + 1.0  # the second is the machine's
    assert told_of(gateway, b"never") == before + 1


@pytest.mark.parametrize(("what", "seconds"), [("begun", 0.5), ("drip", 1.5)])
def test_one_that_comes_to_no_end_is_broken_off(gateway: GatewayProcess, what: str, seconds: float) -> None:
    before, began = told_of(gateway, what.encode()), time.monotonic()
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        get(gateway.proxy, f"/stuck/{what}", host="m.example")
    assert seconds <= time.monotonic() - began < seconds + 1.0 + 1.0
    assert told_of(gateway, what.encode()) == before + 1
    line = poll(lambda: [line for line in gateway.log_lines() if f"/stuck/{what}" in line])[-1]
    assert json.loads(line)["code"] == "upstream_cut"


def test_times_hold_over_http2(gateway: GatewayProcess) -> None:
    client = Client(gateway.proxy)
    numbers = {what: client.ask("m.example", f"/stuck/{what}") for what in ("never", "begun", "drip")}
    client.ask("m.example", "/v1/strip/a")
    statuses, resets, bodies = {}, set(), b""
    while len(resets) < 2 or len(statuses) < 4:
        for event in client.events():
            if isinstance(event, h2.events.ResponseReceived):
                statuses[event.stream_id] = dict(event.headers)[b":status"]
            elif isinstance(event, h2.events.StreamReset):
                resets.add(event.stream_id)
            elif isinstance(event, h2.events.DataReceived):
                bodies += event.data
    client.sock.close()
    assert sorted(statuses.values()) == [b"200", b"200", b"200", b"504"]
    assert statuses[numbers["never"]] == b"504" and resets == {numbers["begun"], numbers["drip"]}
    assert b"|strip/a|/strip/a" in bodies


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[int, Origin]]:
    with Origin() as origin, Process([sys.executable, str(MOUNTED), origin.address]) as process:
        yield int(process.wait_line("listening on").rsplit(" ", 1)[1]), origin


def test_the_tree_under_a_plain_site(site: tuple[int, Origin]) -> None:
    port, _ = site
    answer = get(port, "/x/../y?q=1", host="a.example", headers={"X-User-Id": "root", "X-Request-Id": "mine"})
    seen = answer.json()
    assert (answer.status, seen["path"]) == (200, "/y?q=1")
    assert seen["headers"]["x-request-id"] == "mine" and seen["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert "x-user-id" not in seen["headers"]


def test_bodies_through_a_plain_site(site: tuple[int, Origin]) -> None:
    port, _ = site
    assert request(port, "POST", "/p", host="a.example", body=b"hello").json()["body"] == "hello"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(
            b"POST /p HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhi\r\n0\r\n\r\n"
        )
        got = b"".join(iter(lambda: client.recv(10_000), b""))
    assert got.startswith(b"HTTP/1.1 200") and b'"body": "hi"' in got


def test_refusals_through_a_plain_site(site: tuple[int, Origin]) -> None:
    port, origin = site
    before = origin.requests
    assert get(port, "/", host="b.example").json()["code"] == "no_route"
    assert get(port, "/a%5Cb", host="a.example").json()["code"] == "bad_request"
    assert request(port, "BREW", "/", host="a.example").status == 501
    assert get(port, "/", host="a b").status == 400
    assert origin.requests == before


def test_head_through_a_plain_site(site: tuple[int, Origin]) -> None:
    port, _ = site
    assert request(port, "HEAD", "/", host="b.example").status == 404
