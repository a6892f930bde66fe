"""Keychains in memory: which certificate is served, what is demanded, how they are swapped."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
from certificates import Authority, Pair
from tls.memory import Pipe

from gwt.model.certificate import Certificate, ClientAuth, read_certificate
from gwt.tls import native
from gwt.tls.keychain import TICKET_PERIOD, Keychain, Rules, admitted, protocols

CA = Authority()
NOW = 1_800_000_000.0


def held(pair: Pair, *names: str, **more: object) -> Certificate:
    return replace(read_certificate(pair.cert, pair.key, names or None), ends=NOW + 1000, **more)  # type: ignore[arg-type]


def served(keychain: Keychain, name: str | None, client: ssl.SSLContext | None = None) -> bytes:
    if client is None:
        client = CA.trusting()
        client.check_hostname = False
    return Pipe(keychain.front, client, name).finish().client.getpeercert(True) or b""


def test_each_name_has_its_certificate_and_others_the_default() -> None:
    a, b = CA.pair("a.x"), CA.pair("*.b.x")
    keychain = Keychain(Rules(), NOW)
    assert keychain.follow({"a": held(a), "b": held(b)}, NOW) == {}
    assert [served(keychain, name) for name in ("a.x", "q.b.x", "b.x", None)] == [a.der, b.der, a.der, a.der]
    keychain.follow({"a": held(a), "b": held(b, "*")}, NOW)
    assert served(keychain, "other.x") == b.der
    keychain.follow({}, NOW)
    with pytest.raises(ssl.SSLError):
        served(keychain, "a.x")


def test_unknown_names_can_be_rejected() -> None:
    keychain = Keychain(Rules(reject_unknown=True), NOW)
    keychain.follow({"a": held(CA.pair("a.x"))}, NOW)
    for name in ("b.x", None):
        with pytest.raises(ssl.SSLError):
            served(keychain, name)


def test_what_has_expired_does_not_take_the_place_of_what_has_not() -> None:
    old, new = CA.pair("a.x"), CA.pair("a.x")
    keychain = Keychain(Rules(), NOW)
    assert keychain.follow({"a": held(old)}, NOW) == {}
    expired = replace(held(new), ends=NOW)
    assert keychain.follow({"a": expired}, NOW) == {
        "a": "the certificate has expired; the one before it stays in force"
    }
    assert served(keychain, "a.x") == old.der
    assert keychain.certificates["a"] == held(old)
    fresh = Keychain(Rules(), NOW)
    assert fresh.follow({"a": expired}, NOW) == {"a": "the certificate has expired"}
    assert served(fresh, "a.x") == new.der


def test_who_has_begun_with_one_certificate_ends_with_it() -> None:
    old, new = CA.pair("a.x"), CA.pair("a.x")
    keychain = Keychain(Rules(), NOW)
    keychain.follow({"a": held(old)}, NOW)
    pipe = Pipe(keychain.front, CA.trusting(), "a.x")
    for step in (pipe.client.do_handshake, pipe.server.do_handshake):
        with pytest.raises(ssl.SSLWantReadError):
            step()
    keychain.follow({"a": held(new)}, NOW)
    assert pipe.finish().client.getpeercert(True) == old.der
    assert served(keychain, "a.x") == new.der


def test_demands_are_those_of_the_name_and_else_of_all() -> None:
    mine, all_ = ClientAuth("require", CA.pem), ClientAuth("optional", CA.pem)
    keychain = Keychain(Rules(client_auth=all_), NOW)
    assert (keychain.demanding, keychain.demand("a.x")) == (False, None)
    keychain.follow({"a": held(CA.pair("a.x"), client_auth=mine), "b": held(CA.pair("b.x"))}, NOW)
    assert keychain.demanding
    assert [keychain.demand(name) for name in ("a.x", "b.x", "c.x")] == [mine, all_, mine]


def test_only_who_has_shown_what_is_demanded_is_admitted() -> None:
    keychain = Keychain(Rules(secret=b"s"), NOW)
    demand = ClientAuth("require", CA.pem)
    keychain.follow({"a": held(CA.pair("a.x"), client_auth=demand), "b": held(CA.pair("b.x"))}, NOW)
    client = CA.trusting()
    first = Pipe(keychain.front, client, "b.x").finish()
    assert admitted(first.server)
    stolen = Pipe(keychain.front, client, "a.x", session=first.client.session).finish()
    assert stolen.server.session_reused
    assert not admitted(stolen.server)


@pytest.mark.skipif(not native.AVAILABLE, reason="another ssl module")
def test_tickets_are_good_for_all_who_know_the_secret_for_a_time_and_for_these_demands() -> None:
    def keychain(now: float = NOW, secret: bytes = b"s", **more: object) -> Keychain:
        made = Keychain(Rules(secret=secret), now)
        made.follow({"a": held(CA.pair("a.x")), "b": held(CA.pair("b.x"), **more)}, now)
        return made

    def resumes(other: Keychain) -> bool:
        client = CA.trusting()
        session = Pipe(keychain().front, client, "a.x").finish().client.session
        return bool(Pipe(other.front, client, "a.x", session=session).finish().client.session_reused)

    assert resumes(keychain())
    assert not resumes(keychain(secret=b"t"))
    assert not resumes(keychain(now=NOW + TICKET_PERIOD))
    assert not resumes(keychain(client_auth=ClientAuth("optional", CA.pem)))
    ticked = keychain()
    ticked.tick(NOW + TICKET_PERIOD)
    assert not resumes(ticked)


def test_alpn_chooses_what_is_offered() -> None:
    keychain = Keychain(Rules(alpn=protocols([b"h2", b"http/1.1"])), NOW)
    keychain.follow({"a": held(CA.pair("a.x"))}, NOW)
    client = CA.trusting()
    client.set_alpn_protocols(["http/1.1"])
    assert Pipe(keychain.front, client, "a.x").finish().server.selected_alpn_protocol() == "http/1.1"


def test_what_openssl_refuses_fails_the_handshake_only() -> None:
    keychain = Keychain(Rules(), NOW)
    refused: list[tuple[str, ...]] = []
    keychain.refused = lambda certificate, error: refused.append(certificate.names)
    keychain.follow({"a": replace(held(CA.pair("a.x")), chain="nothing")}, NOW)
    with pytest.raises(ssl.SSLError):
        served(keychain, "a.x")
    assert refused == [("a.x",)]


def test_without_the_means_no_client_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "AVAILABLE", False)
    with pytest.raises(ValueError, match="client certificates"):
        Keychain(Rules(client_auth=ClientAuth("require", CA.pem)), NOW)
    keychain = Keychain(Rules(), NOW)
    keychain.tick(NOW)
    demanding = held(CA.pair("a.x"), client_auth=ClientAuth("optional", CA.pem))
    problems = keychain.follow({"a": demanding, "b": held(CA.pair("b.x"))}, NOW)
    assert list(problems) == ["a"] and "client certificates" in problems["a"]
    assert keychain.demand("a.x") is not None and served(keychain, "b.x")
    with pytest.raises(ssl.SSLError):
        served(keychain, "a.x")
