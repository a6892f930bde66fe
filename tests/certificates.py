"""Authorities and certificates made on the spot, for tests of TLS."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

#: What an authority's key is for: a strict client (Python 3.13's default) wants to be told.
_SIGNS = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """A certificate (with its chain) and its key, PEM."""

    cert: str
    key: str

    def write(self, directory: Path, name: str) -> None:
        """NAME.crt and NAME.key, each swapped in whole."""
        for suffix, text in (("crt", self.cert), ("key", self.key)):
            new = directory / f".{name}.{suffix}"
            new.write_text(text)
            new.replace(directory / f"{name}.{suffix}")

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.cert)


class Authority:
    """Signs certificates."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._cert = self._signed(self._name, self._key.public_key(), [], 3650, True)

    @cached_property
    def pem(self) -> str:
        return self._cert.public_bytes(serialization.Encoding.PEM).decode()

    def pair(
        self, *names: str, subject: str = "", days: float = 30, key: ec.EllipticCurvePrivateKey | None = None
    ) -> Pair:
        """A certificate for `names` (DNS, addresses or URIs) that is good for so many days, counted from now."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject or (names[0] if names else "nobody"))]
        signed = self._signed(x509.Name(attributes), key.public_key(), [_general(name) for name in names], days, False)
        return Pair(signed.public_bytes(serialization.Encoding.PEM).decode(), _pem(key))

    def trusting(self, *pairs: Pair, directory: Path | None = None) -> ssl.SSLContext:
        """A client's context that trusts this authority, and shows the first of `pairs`."""
        context = ssl.create_default_context(cadata=self.pem)
        if pairs and directory is not None:
            pairs[0].write(directory, "shown")
            context.load_cert_chain(directory / "shown.crt", directory / "shown.key")
        return context

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, names: list[x509.GeneralName], days: float,
                authority: bool) -> x509.Certificate:  # fmt: skip
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=60))
        builder = builder.not_valid_after(now + timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
        if authority:
            builder = builder.add_extension(_SIGNS, critical=True)
        for extension in identifiers(key, self._key.public_key()):
            builder = builder.add_extension(extension, critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def identifiers(key: PublicKey, issuer: PublicKey) -> list[x509.ExtensionType]:
    """Whose key it is and who has signed it, which a strict client wants to be told too."""
    return [
        x509.SubjectKeyIdentifier.from_public_key(key), x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer),
    ]  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
