"""twisted.web resources mounted by routes, and the gateway's tree under a plain Site, over real sockets."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from system.harness import GatewayProcess, Origin, Process, environment, get, request

#: Run by children only: it imports the reactor.
MOUNTED = Path(__file__).with_name("mounted.py")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    directory = tmp_path_factory.mktemp("mounts")
    shared = directory / "files"
    shared.mkdir()
    (shared / "hello.txt").write_text("hello " * 100)
    (shared / "big.bin").write_bytes(os.urandom(3_000_000))
    names = ("files", "later", "echo", "wsgi")
    services: list[dict[str, Any]] = [{"resource": name, "paths": [{"uri": f"/{name}"}]} for name in names]
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
