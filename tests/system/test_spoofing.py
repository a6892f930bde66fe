"""Identity, forwarded fields and paths over real sockets: what an upstream really gets, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from system.harness import GatewayProcess
from system.raw import OK, RawOrigin, talk

IDENTITY = (b"X-User-Id", b"x_user_id", b"X.User.Id", b"X-User-Info", b"X_USER_INFO", b"x-user.info", b"X~User!Id",
            b"X-USER-ID", b"X-User_Info", b"x|user-info", b"X-User'Id", b"X*User+Info")  # fmt: skip
FORWARDED = (b"X-Forwarded-For", b"X_Forwarded_For", b"X-Real-IP", b"X_Real_IP", b"X-Forwarded-Host",
             b"X-Forwarded-User", b"Forwarded", b"Gwt-Debug", b"X-Original-URL")  # fmt: skip


@pytest.fixture(scope="module")
def origin() -> Iterator[RawOrigin]:
    with RawOrigin() as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, origin: RawOrigin) -> Iterator[GatewayProcess]:
    paths = [{"uri": "/"}, {"uri": "/guarded", "access": {"auth_type": "login"}}]
    services = [{"name": "s", "port": 80, "paths": paths}]
    route = {"name": "r", "hosts": ["g.example"], "namespace": "n", "services": services}
    upstreams = {"upstreams": {"n/s:80": [origin.address]}}
    with GatewayProcess(tmp_path_factory.mktemp("spoof"), [route, upstreams]) as process:
        yield process


def asked(gateway: GatewayProcess, origin: RawOrigin, raw: bytes) -> tuple[bytes, int]:
    """The answer, and how many bytes came to the upstream for it."""
    before = len(origin.everything)
    got = talk(gateway.proxy, raw)
    return got, len(origin.everything) - before


@pytest.mark.parametrize("name", [*IDENTITY, *FORWARDED])
@pytest.mark.parametrize("port", ["proxy", "service_proxy"])
def test_no_spelling_reaches_an_upstream(gateway: GatewayProcess, origin: RawOrigin, name: bytes, port: str) -> None:
    path = b"/x" if port == "proxy" else b"/__s.n.80__/x"
    head = b"POST %b HTTP/1.1\r\nHost: g.example\r\n%b: evil\r\nConnection: %b\r\n" % (path, name, name)
    body = b"Transfer-Encoding: chunked\r\n\r\n0\r\n%b: evil\r\n\r\n" % name
    assert talk(getattr(gateway, port), head + body).startswith(b"HTTP/1.1 200")
    assert b"evil" not in origin.everything


@pytest.mark.parametrize("port", ["proxy", "service_proxy"])
@pytest.mark.parametrize("kind", ["repeated", "HTTP/1.0", "WebSocket", "named twice", "HEAD", "with a body"])
def test_no_kind_of_request_carries_one(gateway: GatewayProcess, origin: RawOrigin, port: str, kind: str) -> None:
    path = b"/kind" if port == "proxy" else b"/__s.n.80__/kind"
    evil = b"".join(b"%b: evil\r\n" % name for name in IDENTITY)
    first = {
        "HTTP/1.0": b"GET %b HTTP/1.0\r\n",
        "HEAD": b"HEAD %b HTTP/1.1\r\n",
        "with a body": b"POST %b HTTP/1.1\r\n",
    }
    more = {
        "repeated": evil * 3,
        "WebSocket": b"Connection: Upgrade, X-User-Id\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "named twice": b"Connection: X-User-Id\r\nConnection: close, x_user_info\r\n",
        "with a body": b"Content-Length: 4\r\n",
    }
    head = first.get(kind, b"GET %b HTTP/1.1\r\n") % path + b"Host: g.example\r\nX-Kept: %b\r\n" % kind.encode()
    body = b"body" if kind == "with a body" else b""
    talk(getattr(gateway, port), head + evil + more.get(kind, b"") + b"\r\n" + body)
    assert b"X-Kept: %b\r\n" % kind.encode() in origin.everything
    assert b"evil" not in origin.everything


GUARDED = (
    b"/guarded", b"/guarded/", b"/guarded/x", b"/guarded?x", b"//guarded", b"/./guarded", b"/x/../guarded",
    b"/%67uarded", b"/guarded;x", b"/guarded;x/y",
    b"/;x/guarded", b"/%2e/guarded", b"/x/%2e%2e/guarded", b"/x/..//guarded",
    b"/guarded%3Bx", b"http://g.example/guarded", b"http://g.example//guarded", b"/x/./../guarded/y",
)  # fmt: skip
REFUSED = (
    b"/x/..;/guarded", b"/x/..%2fguarded", b"/x%2f..%2fguarded", b"/%2fguarded", b"/x/..%5cguarded", b"/x\\..\\guarded",
    b"/x/%252e%252e/guarded", b"/../guarded", b"/guarded%00", b"/x#/../guarded", b"/%c0%ae%c0%ae/guarded",
    b"/guarded%2fx", b"/x/%2e%2e;y/guarded", b"/..%3b/guarded", b"/.;/guarded", b"/guarded%0a", b"/%zz/guarded",
)  # fmt: skip


@pytest.mark.parametrize("target", GUARDED)
def test_a_guarded_path_is_guarded_in_every_spelling(gateway: GatewayProcess, origin: RawOrigin, target: bytes) -> None:
    got, seen = asked(gateway, origin, b"GET %b HTTP/1.1\r\nHost: g.example\r\n\r\n" % target)
    assert got.split(b" ", 2)[1] in (b"503", b"401", b"302") and not seen, got


@pytest.mark.parametrize("target", REFUSED)
def test_a_doubtful_spelling_is_refused(gateway: GatewayProcess, origin: RawOrigin, target: bytes) -> None:
    got, seen = asked(gateway, origin, b"GET %b HTTP/1.1\r\nHost: g.example\r\n\r\n" % target)
    assert got.startswith(b"HTTP/1.1 400") and not seen, got


def test_what_is_matched_is_forwarded(gateway: GatewayProcess, origin: RawOrigin) -> None:
    got = talk(gateway.proxy, b"GET /a/%2e%2e//b/./%63;x=1?y=/../z HTTP/1.1\r\nHost: G.Example.:80\r\n\r\n")
    assert got.startswith(OK) and b"GET /b/c;x=1?y=/../z HTTP/1.1\r\nHost: G.Example.:80\r\n" in origin.everything
