"""Login, address lists and auth plugins in real gateways: what clients get, and what upstreams really see."""

from __future__ import annotations

import json
import signal
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from identity.issuer import KEY, OTHER, sealed
from system.harness import GatewayProcess, Origin, get, poll

HOST = "g.example"
COOKIE = sealed({"sub": "alice", "exp": time.time() + 3600}).decode()
FORGED = sealed({"sub": "alice", "exp": time.time() + 3600}, key=OTHER).decode()
SPOOFED = {"X-User-Id": "mallory", "x_user_id": "mallory", "X-User-Info": "mallory", "Connection": "X-User-Id"}
KEYS = {"identity": {"keys": [b64encode(KEY).decode()], "strip_cookie": True}}
HASH = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def documents(origin: Origin, **lists: list[str]) -> list[dict[str, Any]]:
    paths = [
        {"uri": "/"},
        {"uri": "/login", "access": {"auth_type": "login"}},
        {"uri": "/optional", "access": {"auth_type": "optional"}},
        {"uri": "/key", "plugins": {"key-auth": {"keys": {"k1": "carol"}}}},
        {"uri": "/basic", "plugins": {"basic-auth": {"users": {"dave": HASH}}}},
        {"uri": "/any", "access": {"auth_type": ["key-auth", "basic-auth"]},
         "plugins": {"key-auth": {"keys": {"k1": "carol"}}, "basic-auth": {"users": {"dave": HASH}}}},
        {"uri": "/deny", "access": {"ip_deny": ["@bad"]}},
    ]  # fmt: skip
    route = {"name": "r", "hosts": [HOST], "namespace": "n", "services": [{"name": "s", "port": 80, "paths": paths}]}
    return [route, {"upstreams": {"n/s:80": [origin.address]}}, *([{"lists": lists}] if lists else [])]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("guards"), documents(origin), KEYS) as process:
        yield process


def ask(gateway: GatewayProcess, path: str, **fields: str) -> tuple[int, str | None]:
    """The status, and whom the upstream was told of; nothing of what the client says of itself came through."""
    headers = {**SPOOFED, **{name.replace("_", "-"): value for name, value in fields.items()}}
    answer = get(gateway.proxy, path, host=HOST, headers=headers)
    assert b"mallory" not in answer.body
    if answer.status != 200:
        return answer.status, answer.json()["code"]
    seen = answer.json()["headers"]
    assert "session=" not in seen.get("cookie", "")
    return 200, seen.get("x-user-id")


DAVE = "Basic " + b64encode(b"dave:pw").decode()
EVE = "Basic " + b64encode(b"dave:no").decode()


@pytest.mark.parametrize(
    ("path", "fields", "outcome"),
    [
        ("/", {}, (200, None)),
        ("/", {"Cookie": f"session={COOKIE}"}, (200, None)),
        ("/login", {}, (401, "login")),
        ("/login", {"Cookie": f"a=1; session={COOKIE}"}, (200, "alice")),
        ("/login", {"Cookie": f"session={FORGED}"}, (401, "login")),
        ("/login", {"Cookie": f"session={COOKIE[:-2]}"}, (401, "login")),
        ("/optional", {"Cookie": f"session={FORGED}"}, (200, None)),
        ("/optional", {"Cookie": f"session={COOKIE}"}, (200, "alice")),
        ("/key", {"apikey": "k1"}, (200, "carol")),
        ("/key", {"apikey": "k2"}, (401, "auth")),
        ("/basic", {"Authorization": DAVE}, (200, "dave")),
        ("/basic", {"Authorization": EVE}, (401, "auth")),
        ("/any", {"Authorization": DAVE}, (200, "dave")),
        ("/any", {"apikey": "k1", "Authorization": EVE}, (200, "carol")),
        ("/any", {}, (401, "auth")),
        ("/deny", {}, (503, "policy")),
    ],
)
def test_who_gets_in_as_whom(gateway: GatewayProcess, path: str, fields: dict[str, str], outcome: Any) -> None:
    assert ask(gateway, path, **fields) == outcome
    assert ask(gateway, path, **fields) == outcome  # seen before


def test_lists_change_at_run_time(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, documents(origin)) as gateway:
        assert ask(gateway, "/deny") == (503, "policy")
        for lists, outcome in (({"bad": ["10.0.0.0/8"]}, (200, None)), ({"bad": ["127.0.0.0/8"]}, (403, "ip")),
                               ({"bad": []}, (200, None)), ({}, (503, "policy"))):  # fmt: skip
            gateway.write(documents(origin, **lists))
            poll(lambda outcome=outcome: ask(gateway, "/deny") == outcome)


def test_an_auth_type_that_means_nothing_closes_an_open_path_and_no_other(tmp_path: Path, origin: Origin) -> None:
    before = documents(origin)
    before[0]["services"][0]["paths"].append({"uri": "/open"})
    with GatewayProcess(tmp_path, before) as gateway:
        assert ask(gateway, "/open") == (200, None)
        before[0]["services"][0]["paths"][-1]["access"] = {"auth_type": "sso"}
        gateway.write(before)
        poll(lambda: ask(gateway, "/open") == (503, "policy"))
        assert ask(gateway, "/") == (200, None)
        assert ask(gateway, "/key", apikey="k1") == (200, "carol")
        told = get(gateway.admin, "/v1/problems").json()
        assert told["quarantined"] == []
        assert [one["severity"] for one in told["problems"] if "unknown auth_type 'sso'" in one["message"]] == ["error"]


def test_the_service_proxy_is_guarded_by_gateway_yaml(tmp_path: Path, origin: Origin) -> None:
    settings = {**KEYS, "access": {"auth_type": "login"}}
    with GatewayProcess(tmp_path, documents(origin), settings) as gateway:
        assert get(gateway.service_proxy, "/__s.n.80__/").status == 401
        headers = {**SPOOFED, "Cookie": f"a=1; session={COOKIE}"}
        seen = get(gateway.service_proxy, "/__s.n.80__/", headers=headers).json()["headers"]
        assert (seen["x-user-id"], seen["cookie"]) == ("alice", "a=1")


def test_a_removed_key_counts_from_the_reload_on(tmp_path: Path, origin: Origin) -> None:
    with GatewayProcess(tmp_path, documents(origin), KEYS) as gateway:
        assert ask(gateway, "/login", Cookie=f"session={COOKIE}") == (200, "alice")
        gateway.configure({"identity": {"keys": [b64encode(OTHER).decode()]}})
        gateway.signal(signal.SIGHUP)
        poll(lambda: ask(gateway, "/login", Cookie=f"session={COOKIE}")[0] == 401)


class Users:
    """A user system: knows `u-NAME`; `slow` holds answers back; `dead` answers 500."""

    def __init__(self) -> None:
        self.go, self.dead = threading.Event(), False
        self.go.set()
        users = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                users.go.wait(30)
                name = (self.headers.get("Cookie") or "").partition("=u-")[2]
                body = json.dumps({"sub": name}).encode()
                self.send_response(500 if users.dead else 200 if name else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the test output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/session"

    def __enter__(self) -> Users:
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


def test_a_user_system_that_is_slow_or_dead(tmp_path: Path, origin: Origin) -> None:
    with Users() as users:
        exchange = {"url": users.url, "timeout": 5, "ttl": 0.2, "grace": 600}
        with GatewayProcess(tmp_path, documents(origin), {"identity": {"mode": "exchange", "exchange": exchange,
                                                                       "strip_cookie": True}}) as gateway:  # fmt: skip
            assert ask(gateway, "/login", Cookie="session=u-bob") == (200, "bob")
            assert ask(gateway, "/login", Cookie="session=nobody") == (401, "login")
            users.go.clear()  # slow: only who has to be asked for waits
            waiting: list[Any] = []
            one = threading.Thread(target=lambda: waiting.append(ask(gateway, "/login", Cookie="session=u-eve")))
            one.start()
            assert ask(gateway, "/") == (200, None) and waiting == []
            users.go.set()
            one.join(30)
            assert waiting == [(200, "eve")]
            users.dead = True
            assert ask(gateway, "/login", Cookie="session=u-new") == (503, "identity")
            assert ask(gateway, "/login", Cookie="session=u-bob") == (200, "bob")  # stands in
            assert ask(gateway, "/login") == (401, "login")
            users.dead = False
            poll(lambda: ask(gateway, "/login", Cookie="session=u-new") == (200, "new"))
