"""A certificate authority for tests, in files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from certificates import identifiers
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Authority:
    """A CA whose certificates hold for a day; files in `directory`: ca.pem, and NAME.pem and NAME.key."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key, self._name = _key(), person("gwt tests")
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self._write("ca.pem", _pem(_certificate(self._name, self._key, self._name, self._key, constraints)))

    @property
    def ca(self) -> bytes:
        return (self._directory / "ca.pem").read_bytes()

    def issue(self, name: str, common: x509.Name, alternatives: tuple[x509.GeneralName, ...] = ()) -> None:
        """A certificate and its key."""
        key = _key()
        more = x509.SubjectAlternativeName(alternatives) if alternatives else None
        self._write(f"{name}.pem", _pem(_certificate(common, key, self._name, self._key, more)))
        self._write(f"{name}.key", _private(key))

    def _write(self, name: str, data: bytes) -> None:
        (self._directory / name).write_bytes(data)


def person(name: str, group: str = "") -> x509.Name:
    """Whom a client certificate is of, as Kubernetes reads it."""
    groups = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name), *groups])


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _private(key: rsa.RSAPrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(
    name: x509.Name, key: rsa.RSAPrivateKey, issuer: x509.Name, by: rsa.RSAPrivateKey, more: Any
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    for extension in identifiers(key.public_key(), by.public_key()):
        builder = builder.add_extension(extension, critical=False)
    if more is not None:
        builder = builder.add_extension(more, critical=isinstance(more, x509.BasicConstraints))
    return builder.sign(by, hashes.SHA256())
