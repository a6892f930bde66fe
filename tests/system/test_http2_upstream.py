"""HTTP/2 towards upstreams, in the whole gateway: TLS and ALPN, clients of both versions, large bodies, SIGTERM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Authority
from system.h2client import Client
from system.harness import GatewayProcess, get, poll, request
from system.programs import curl_with_http2
from upstream.framed import Server, echo, serve
from upstream.secure import SecureOrigin
from upstream.stage import Origin

AUTHORITY = Authority()
NAME = "framed.internal"


@pytest.fixture(scope="module")
def plain() -> Iterator[Origin]:
    with Origin(serve(echo)) as origin:
        yield origin


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureOrigin]:
    with SecureOrigin(serve(echo), AUTHORITY.pair(NAME), tmp_path_factory.mktemp("secure")) as origin:
        yield origin


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureOrigin]:
    pair, directory = AUTHORITY.pair(NAME), tmp_path_factory.mktemp("old")
    with SecureOrigin(lambda visit: None, pair, directory, ("http/1.1",)) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(
    plain: Origin, secure: SecureOrigin, old: SecureOrigin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    tls = {"ca": AUTHORITY.pem, "server_name": NAME}

    def route(name: str, upstream: str, **service: object) -> dict[str, object]:
        service = {"upstream": upstream, "paths": [{"uri": "/"}], **service}
        return {"name": name, "hosts": [f"{name}.example"], "access": {"max_body": "64MiB"}, "services": [service]}

    documents = [
        route("plain", "plain", protocol="h2c"),
        route("secure", "secure", protocol="h2", tls=tls),
        route("old", "old", protocol="h2", tls=tls),
        route("wrong", "secure", protocol="h2", tls={**tls, "server_name": "other.internal"}),
        route("unknown", "secure", protocol="h2"),
        {"upstreams": {"plain": [plain.address], "secure": [secure.address], "old": [old.address]}},
    ]
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), documents) as made:
        yield made


@pytest.mark.parametrize("host", ["plain.example", "secure.example"])
def test_a_client_of_http11(gateway: GatewayProcess, host: str) -> None:
    assert get(gateway.proxy, "/", host=host).body == b"hi"
    body = bytes(range(256)) * 20_000
    assert request(gateway.proxy, "POST", "/", host=host, body=body).body == body
    assert request(gateway.proxy, "HEAD", "/", host=host).status == 200


@pytest.mark.parametrize("host", ["plain.example", "secure.example"])
def test_a_client_of_http2(gateway: GatewayProcess, host: str) -> None:
    body = bytes(3_000_000)
    with Client(gateway.proxy) as client:
        assert client.request(host, method="POST", body=body) == (200, body)


@pytest.mark.parametrize("host", ["plain.example", "secure.example"])
def test_curl_as_a_client_of_http2(gateway: GatewayProcess, host: str) -> None:
    body, url = bytes(3_000_000), f"http://127.0.0.1:{gateway.proxy}/"
    command = ("--http2-prior-knowledge", "-H", f"Host: {host}", "--data-binary", "@-", url)
    assert curl_with_http2(*command, data=body) == body.decode() + "\n2 200"


def test_alpn_is_h2_and_the_scheme_https(gateway: GatewayProcess, secure: SecureOrigin) -> None:
    assert get(gateway.proxy, "/", host="secure.example").status == 200
    assert set(secure.chosen) == {"h2"}
    assert (b":scheme", b"https") in secure.seen[-1].fields  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("host", "told", "detail"),
    [
        ("old.example", "does not speak HTTP/2", "http_protocol_error"),
        ("wrong.example", "not trusted", "tls_certificate_error"),
        ("unknown.example", "not trusted", "tls_certificate_error"),
    ],
)
def test_who_is_not_known_or_speaks_no_http2(gateway: GatewayProcess, host: str, told: str, detail: str) -> None:
    answer = get(gateway.proxy, "/", host=host)
    said = json.loads(answer.body)
    assert (answer.status, said["code"]) == (502, "connect_failed") and told in said["error_msg"]
    assert detail in answer.headers["proxy-status"]


def test_sigterm_says_goodbye(tmp_path: Path) -> None:
    gone: list[int | None] = []

    def play(server: Server) -> None:
        echo(server)
        gone.append(server.gone)

    with Origin(serve(play)) as origin:
        documents = [
            {"name": "r", "hosts": ["*"], "services": [{"upstream": "u", "protocol": "h2c", "paths": [{"uri": "/"}]}]},
            {"upstreams": {"u": [origin.address]}},
        ]
        with GatewayProcess(tmp_path, documents) as gateway:
            assert get(gateway.proxy, "/", host="a.example").status == 200
            assert gateway.stop() == 0
        assert poll(lambda: gone) == [0]
