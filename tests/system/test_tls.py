"""A TLS listener of a real gateway, through Twisted's own wrapping: ALPN or none, keep-alive, bodies, early errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from system.harness import GatewayProcess, Origin, free_port, simple_route

HOST = {"Host": "foo.example.com"}


def certificate(directory: Path) -> None:
    """key.pem and cert.pem for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    (directory / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    directory, port = tmp_path_factory.mktemp("tls"), free_port()
    certificate(directory)
    listeners = {
        "proxy": f"ssl:{port}:interface=127.0.0.1:privateKey={directory}/key.pem:certKey={directory}/cert.pem",
        "admin": None,
    }
    with Origin() as origin:
        documents = simple_route(origin.address, access={"max_body": "1MiB"})
        with GatewayProcess(directory, documents, {"listeners": listeners}, reactor=request.param):
            yield port, directory


@contextmanager
def client(served: tuple[int, Path], *alpn: str) -> Iterator[HTTPSConnection]:
    """A connection that verifies the certificate, offering the protocols `alpn`."""
    port, directory = served
    context = ssl.create_default_context(cafile=str(directory / "cert.pem"))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    connection = HTTPSConnection("localhost", port, timeout=30, context=context)
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize("alpn", [(), ("http/1.1",), ("http/1.1", "spdy/3")])
def test_requests_on_one_connection(served: tuple[int, Path], alpn: tuple[str, ...]) -> None:
    with client(served, *alpn) as connection:
        for number in range(3):
            connection.request("GET", f"/{number}", headers=HOST)
            answer = connection.getresponse()
            seen = json.loads(answer.read())
            assert (answer.status, seen["path"]) == (200, f"/{number}")
            assert connection.sock.selected_alpn_protocol() == ("http/1.1" if alpn else None)  # type: ignore[union-attr]


def test_http2_is_preferred(served: tuple[int, Path]) -> None:
    with client(served, "http/1.1", "h2") as connection:
        connection.connect()
        assert connection.sock.selected_alpn_protocol() == "h2"  # type: ignore[union-attr]


def test_the_upstream_is_told_of_https(served: tuple[int, Path]) -> None:
    with client(served) as connection:
        connection.request("GET", "/", headers={**HOST, "X-Forwarded-Proto": "http"})
        seen = json.loads(connection.getresponse().read())
        told = {name.lower(): value for name, value in seen["headers"].items()}
        assert (told["x-forwarded-proto"], told["x-forwarded-port"]) == ("https", str(served[0]))


def test_a_large_body_and_one_that_is_too_large(served: tuple[int, Path]) -> None:
    with client(served) as connection:
        connection.request("POST", "/", body=b"x" * 1_000_000, headers=HOST)
        answer = connection.getresponse()
        assert (answer.status, b"1000000" in answer.read()) == (200, True)
    with client(served) as connection:
        connection.request("POST", "/", body=b"x" * 2_000_000, headers=HOST)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (413, "too_large")
