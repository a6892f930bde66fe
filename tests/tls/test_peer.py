"""What a client has shown, as plugins and upstreams are told of it."""

from __future__ import annotations

from certificates import Authority
from hypothesis import given
from hypothesis import strategies as st
from tls.memory import Pipe

from gwt.model.certificate import ClientAuth, read_certificate
from gwt.tls.contexts import load_pair
from gwt.tls.keychain import Keychain, Rules
from gwt.tls.peer import ClientCertificate, Handshake

CA = Authority()


def handshake(shown: bool = True, demand: bool = True) -> Handshake:
    pair, keychain = CA.pair("a.x"), Keychain(Rules(), 0.0)
    client_auth = ClientAuth("optional", CA.pem) if demand else None
    keychain.follow({"a": read_certificate(pair.cert, pair.key, None, client_auth)}, 0.0)
    client = CA.trusting()
    if shown:
        mine = CA.pair("me.x", "spiffe://me", "192.0.2.1", subject="me")
        load_pair(client, mine.cert, mine.key)
    client.set_alpn_protocols(["http/1.1"])
    return Handshake(Pipe(keychain.front, client, "a.x").finish().server)


def test_a_handshake_tells_what_it_has_settled() -> None:
    told = handshake()
    assert (told.protocol, told.version, told.resumed) == ("http/1.1", "TLSv1.3", False)
    assert told.cipher.startswith("TLS_")
    assert told.client is not None
    assert (told.client.subject, told.client.dns, told.client.uris) == ("CN=me", ("me.x",), ("spiffe://me",))
    assert (told.client.ips, told.client.emails) == (("192.0.2.1",), ())
    assert len(told.client.fingerprint) == 64
    assert told.client.serial
    assert handshake(shown=False).client is None
    assert handshake(demand=False).client is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_in_a_name_ends_its_field(subject: str, name: str) -> None:
    told = {"subject": ((("commonName", subject),),), "subjectAltName": (("URI", name), ("DNS", name))}
    line = ClientCertificate(b"der", told).forwarded
    assert all(0x20 <= byte <= 0x7E for byte in line)
    inside, quoted = False, False
    ends = 0
    for char in line.decode():
        if quoted:
            quoted = False
        elif char == "\\":
            quoted = inside
        elif char == '"':
            inside = not inside
        elif char in ";," and not inside:
            ends += 1
    assert (inside, ends) == (False, 3)


def test_a_subject_is_written_as_rfc_4514_has_it() -> None:
    told = {"subject": ((("countryName", "DE"),), (("organizationName", "A, B"),), (("commonName", "#x"),))}
    assert ClientCertificate(b"", told).subject == "CN=\\#x,O=A\\, B,C=DE"
