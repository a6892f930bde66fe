"""Endpoint strings of TLS listeners."""

from __future__ import annotations

import pytest

from gwt.secure.endpoint import TlsEndpoint, read_tls_endpoint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tls:9443", TlsEndpoint(9443)),
        ("ssl:0", TlsEndpoint(0)),
        ("tls:9443:interface=127.0.0.1:backlog=5", TlsEndpoint(9443, "127.0.0.1", 5)),
        (r"tls:9443:interface=\:\:1", TlsEndpoint(9443, "::1")),
        ("ssl:9443:privateKey=k.pem:certKey=c.pem", TlsEndpoint(9443, "", 0, "c.pem", "k.pem")),
        ("ssl:port=9443:privateKey=both.pem", TlsEndpoint(9443, "", 0, "both.pem", "both.pem")),
    ],
)
def test_what_is_ours(text: str, meant: TlsEndpoint) -> None:
    assert read_tls_endpoint(text) == meant


@pytest.mark.parametrize(
    "text", ["tcp:9443", "tls:/etc/certificates:port=443", "unix:/run/x", "haproxy:ssl:1", "sslx:1"]
)
def test_what_is_not_ours(text: str) -> None:
    assert read_tls_endpoint(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ssl:x", "expected ssl:PORT"),
        ("tls:70000", "expected tls:PORT"),
        ("ssl:1:2", "expected ssl:PORT"),
        ("tls:1:dhParameters=x", "takes no dhParameters"),
        ("tls:1:backlog=x", "backlog is a number"),
    ],
)
def test_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_tls_endpoint(text)
