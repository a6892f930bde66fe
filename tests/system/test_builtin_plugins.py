"""Built-in plugins in a real gateway, over real sockets; body-crypto by the client of the documentation."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest
from system.harness import GatewayProcess, Origin, get, request, simple_route

HOST = "foo.example.com"
KEY = bytes(range(32))
PAGE = Path(__file__).resolve().parent.parent.parent / "docs/plugins-builtin.md"
SET = {"set": {"X-A": "$host"}}
PATHS = {
    "/cors": {"cors": {"allow_origins": "https://a.example", "allow_methods": "PUT"}},
    "/rewritten": {
        "proxy-rewrite": {"regex_uri": ["^/rewritten/(.*)", "/new/$1"], "headers": {"set": {"X-A": "$host"}}}
    },
    "/moved": {"redirect": {"uri": "https://$host/new$is_args$args", "ret_code": 301}},
    "/blocked": {"uri-blocker": {"block_rules": ["secret"]}},
    "/slow": {"fault-injection": {"delay": {"duration": "50ms"}, "abort": {"http_status": 418, "body": "a teapot"}}},
    "/counted": {"limit-count": {"count": 5, "time_window": 3600, "key": "remote_addr", "rejected_code": 429}},
    "/paced": {"limit-req": {"rate": 0.01, "burst": 2, "key": "remote_addr", "nodelay": True}},
    "/crowded": {"limit-conn": {"conn": 2, "burst": 0, "default_conn_delay": 0.1, "key": "remote_addr"}},
    "/sealed": {"body-crypto": {"keys": [b64encode(KEY).decode()]}},
}


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "two workers"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[int]:
    documents: list[dict[str, Any]] = simple_route(origin.address)
    documents[0]["services"][0]["paths"] += [{"uri": uri, "plugins": named} for uri, named in PATHS.items()]
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), documents, {"workers": request.param}) as gateway:
        yield gateway.proxy
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.output


def test_cors(port: int) -> None:
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}
    answer = request(port, "OPTIONS", "/cors", host=HOST, headers=headers)
    assert answer.status == 200 and answer.headers["access-control-allow-methods"] == "PUT"
    assert get(port, "/cors", host=HOST, headers=headers).headers["access-control-allow-origin"] == "https://a.example"


def test_proxy_rewrite_and_redirect(port: int) -> None:
    seen = get(port, "/rewritten/x?y=1", host=HOST).json()
    assert (seen["path"], seen["headers"]["x-a"]) == ("/new/x?y=1", HOST)
    answer = get(port, "/moved?y=1", host=HOST)
    assert (answer.status, answer.headers["location"]) == (301, f"https://{HOST}/new?y=1")


def test_uri_blocker_and_fault_injection(port: int) -> None:
    assert [get(port, f"/blocked/{name}", host=HOST).status for name in ("s%65cret", "open")] == [403, 200]
    answer = get(port, "/slow", host=HOST)
    assert (answer.status, answer.body) == (418, b"a teapot")


def statuses(port: int, path: str, count: int) -> list[int]:
    """Of so many requests, each on its own connection."""
    return [get(port, path, host=HOST).status for _ in range(count)]


def test_limit_count(port: int) -> None:
    first = get(port, "/counted", host=HOST).headers
    assert (first["x-ratelimit-limit"], first["x-ratelimit-remaining"]) == ("5", "4")
    assert statuses(port, "/counted", 8) == [200] * 4 + [429] * 4


def test_limit_req(port: int) -> None:
    assert statuses(port, "/paced", 8) == [200] * 3 + [429] * 5


def test_limit_conn(port: int, origin: Origin) -> None:
    for _ in range(2):  # what was there the first time has been counted out
        origin.hold.clear()
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(get, port, "/crowded", host=HOST) for _ in range(6)]
            done = as_completed(asked)
            refused = [next(done).result().status for _ in range(4)]
            origin.hold.set()
        assert refused == [429] * 4 and sorted(one.result().status for one in asked) == [200] * 2 + [429] * 4


def test_body_crypto_with_the_client_of_the_page(port: int) -> None:
    found = re.search(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    client: dict[str, Any] = {}
    exec(found[1] if found else "", client)
    plain = os.urandom(100_000).hex().encode()
    body, salt = client["encrypt"](KEY, plain)
    coded = {"Content-Encoding": "gwt-aes256gcm"}
    answer = request(port, "POST", "/sealed", host=HOST, headers=coded, body=body)
    assert answer.status == 200 and answer.headers["content-encoding"] == "gwt-aes256gcm"
    assert plain in client["decrypt"](KEY, answer.body, salt) and plain not in answer.body
    spoilt = body[:-1] + bytes([body[-1] ^ 1])
    assert request(port, "POST", "/sealed", host=HOST, headers=coded, body=spoilt).status == 400
    assert request(port, "POST", "/sealed", host=HOST, body=plain).status == 415
