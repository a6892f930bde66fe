"""Contexts for upstreams: whom they believe and what they show."""

from __future__ import annotations

import ssl

import pytest
from certificates import Authority, Pair
from tls.memory import Pipe

from gwt.model.certificate import read_certificate
from gwt.model.route import ServiceTls
from gwt.tls.client import ClientContexts, Defaults, explain
from gwt.tls.contexts import load_pair

CA = Authority()


def server(pair: Pair | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = pair or CA.pair("a.x", "192.0.2.1")
    load_pair(context, pair.cert, pair.key)
    return context


def test_who_is_not_known_is_refused_unless_that_is_asked_for() -> None:
    contexts = ClientContexts()
    with pytest.raises(ssl.SSLCertVerificationError):
        Pipe(server(), contexts.get(ServiceTls()), "a.x").finish()
    known = contexts.get(ServiceTls(ca=CA.pem))
    for name in ("a.x", "192.0.2.1"):
        Pipe(server(), known, name).finish()
    for name in ("b.x", "192.0.2.2"):
        with pytest.raises(ssl.SSLCertVerificationError):
            Pipe(server(), known, name).finish()
    Pipe(server(), contexts.get(ServiceTls(verify=False)), "b.x").finish()


def test_defaults_hold_where_nothing_is_said() -> None:
    contexts = ClientContexts(Defaults(ca=CA.pem))
    first = contexts.get(ServiceTls(server_name="a.x"))
    assert contexts.get(ServiceTls(server_name="b.x")) is first
    Pipe(server(), first, "a.x").finish()
    contexts.configure(Defaults(ca=CA.pem))
    assert contexts.get(ServiceTls()) is first
    contexts.configure(Defaults(verify=False))
    Pipe(server(), contexts.get(ServiceTls()), "b.x").finish()
    with pytest.raises(ssl.SSLCertVerificationError):
        Pipe(server(), contexts.get(ServiceTls(verify=True)), "a.x").finish()


def test_a_certificate_is_shown_by_name_and_swapped() -> None:
    demanding = server()
    demanding.load_verify_locations(cadata=CA.pem)
    demanding.verify_mode = ssl.CERT_REQUIRED
    contexts, tls = ClientContexts(Defaults(ca=CA.pem)), ServiceTls(certificate="me")
    with pytest.raises(ValueError, match="'me' is not defined"):
        contexts.get(tls)
    for pair in (CA.pair("me"), CA.pair("me")):
        contexts.follow({"me": read_certificate(pair.cert, pair.key)})
        assert contexts.get(tls) is contexts.get(tls)
        assert Pipe(demanding, contexts.get(tls), "a.x").finish().server.getpeercert(True) == pair.der
    with pytest.raises(ssl.SSLError):
        Pipe(demanding, contexts.get(ServiceTls()), "a.x").finish()


def test_what_openssl_refuses_is_told() -> None:
    with pytest.raises(ValueError, match="no TLS with these certificates"):
        ClientContexts().get(ServiceTls(ca="-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"))


def test_failures_are_explained() -> None:
    with pytest.raises(ssl.SSLError) as caught:
        Pipe(server(CA.pair("a.x", days=-1)), ClientContexts().get(ServiceTls(ca=CA.pem)), "a.x").finish()
    assert explain(caught.value) == ("its certificate is not trusted: certificate has expired", "tls_certificate_error")
    alert = ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca")
    alert.reason = "TLSV1_ALERT_UNKNOWN_CA"
    assert explain(alert) == ("it has refused the handshake: tlsv1 alert unknown ca", "tls_alert_received")
    assert explain(ssl.SSLError(1, "x"))[1] == "tls_protocol_error"  # type: ignore[index]
    assert explain(OSError()) is None
