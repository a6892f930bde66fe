"""Certificates read from PEM: what is taken, and what is said of what can't be, without showing a key."""

from __future__ import annotations

import pickle

import pytest
from certificates import Authority
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gwt.model.certificate import check_ciphers, read_bundle, read_certificate, read_name

CA = Authority()
PAIR = CA.pair("a.example.com", "*.B.example.com", "192.0.2.1")


def test_a_certificate_has_its_names_and_times() -> None:
    found = read_certificate("# said by people\n" + PAIR.cert + CA.pem, "noise\n" + PAIR.key)
    assert found.names == ("a.example.com", "*.b.example.com")
    assert 29 * 86400 < found.ends - found.begins - 60 * 86400 < 31 * 86400
    assert found.chain.count("BEGIN CERTIFICATE") == 2
    assert "people" not in found.chain
    assert found.key.reveal().startswith("-----BEGIN PRIVATE KEY")
    assert "BEGIN" not in repr(found.key)
    assert "PRIVATE" not in repr(found)
    assert pickle.loads(pickle.dumps(found)) == found


def test_names_can_be_given_and_a_common_name_will_do() -> None:
    assert read_certificate(PAIR.cert, PAIR.key, ["X.org.", "*"]).names == ("x.org", "*")
    bare = CA.pair(subject="Only.example.com")
    assert read_certificate(bare.cert, bare.key).names == ("only.example.com",)


def encrypted() -> str:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.BestAvailableEncryption(b"x")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form).decode()


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("", PAIR.key, "there is no certificate in PEM"),
        (PAIR.key, PAIR.cert, "there is no certificate in PEM"),
        (PAIR.cert[:200] + "\n-----END CERTIFICATE-----", PAIR.key, "its PEM is damaged"),
        (PAIR.cert, "", "there is no private key in PEM"),
        (PAIR.cert, PAIR.key[:60] + "\n-----END PRIVATE KEY-----", "the private key can't be read"),
        (PAIR.cert, CA.pair("a").key, "not that of the certificate"),
        (PAIR.cert, encrypted(), "is encrypted"),
    ],
)
def test_what_cannot_be_used(cert: str, key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        read_certificate(cert, key)
    assert all(line not in str(caught.value) for line in (cert + key).splitlines()[1:] if len(line) > 30)
    assert caught.value.__cause__ is None


def test_bundles_names_and_ciphers() -> None:
    assert read_bundle("x\n" + CA.pem + PAIR.key) == CA.pem
    assert read_name("A.B.") == "a.b"
    check_ciphers("ECDHE+AESGCM")
    for wrong in (lambda: read_bundle("x"), lambda: read_name("a b"), lambda: check_ciphers("NOTHING")):
        with pytest.raises(ValueError, match=r"PEM|host name|no cipher"):
            wrong()
