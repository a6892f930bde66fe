"""Certificates and their keys as values, read from PEM and checked: what is wrong is said without showing a key.

`read_certificate` and `read_bundle` raise ValueError with a reason for people. Nothing here knows what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from gwt.model.secret import Secret, reveal
from gwt.model.value import value

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?").fullmatch
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?-----END [A-Z0-9 ]+-----", re.S)

#: The name that stands for whatever no other certificate is for.
ANY = "*"


@value
class ClientAuth:
    """Clients show a certificate of an authority in `ca` (PEM): `optional` if they have one, or `require`."""

    mode: Literal["optional", "require"]
    ca: str


@value
class Certificate:
    """A certificate with its chain (`chain`, PEM) and its key (PEM), for `names` (exact, `*.` one label, or `*`).

    `begins` and `ends` are seconds since the epoch. `client_auth`: what its names ask of clients, None for what is
    asked everywhere.
    """

    chain: str
    key: Secret
    names: tuple[str, ...]
    begins: float
    ends: float
    client_auth: ClientAuth | None = None


def read_certificate(
    chain: str, key: str, names: Sequence[str] | None = None, client_auth: ClientAuth | None = None
) -> Certificate:
    """The certificate in `chain` with `key`; `names` takes the place of those that it bears itself."""
    leaf, *others = _certificates(chain, "certificate")
    _check_key(leaf, others, reveal(key))
    found = tuple(dict.fromkeys(map(read_name, names))) if names else _names_of(leaf)
    return Certificate(
        _only(chain, "CERTIFICATE"), Secret(_only(reveal(key), "PRIVATE KEY")), found,
        leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp(), client_auth,
    )  # fmt: skip


def read_bundle(text: str) -> str:
    """The certificates of authorities in `text`, and nothing else of it."""
    _certificates(text, "certificate of an authority")
    return _only(text, "CERTIFICATE")


def read_name(text: str) -> str:
    """A name as certificates have it, in lower case without a trailing dot."""
    name = text.lower()
    if name == ANY:
        return name
    if not _NAME(name) or len(name) > 254:
        raise ValueError(f"expected a host name, *. and a domain, or *, got {text[:40]!r}")
    return name.rstrip(".")


def check_ciphers(text: str) -> None:
    """See whether OpenSSL knows the list of ciphers of TLS 1.2."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(text)
    except ssl.SSLError:
        raise ValueError(f"OpenSSL knows no cipher of {text!r}") from None


def _certificates(text: str, what: str) -> list[Any]:
    from cryptography import x509

    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError(f"there is no {what} in PEM here (-----BEGIN CERTIFICATE-----)")
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValueError(f"the {what} can't be read: its PEM is damaged") from None


def _check_key(leaf: Any, others: Sequence[Any], key: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    if "PRIVATE KEY-----" not in key:
        raise ValueError("there is no private key in PEM here (-----BEGIN PRIVATE KEY-----)")
    try:
        # Whether an RSA key is a sound one takes 50 ms to tell; that it fits its certificate is what counts.
        loaded = load_pem_private_key(key.encode(), None, unsafe_skip_rsa_key_validation=True)
        own, *borne = (
            one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for one in (loaded, leaf, *others)
        )
    except TypeError:
        raise ValueError("the private key is encrypted; gwt takes keys without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the private key can't be read") from None
    if own != borne[0] and own in borne:
        raise ValueError("the certificate of the private key must come first, those that sign it after it")
    if own != borne[0]:
        raise ValueError("the private key is not that of the certificate")


def _names_of(leaf: Any) -> tuple[str, ...]:
    """The DNS names of a certificate, its common name where it has none."""
    from cryptography import x509

    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = found.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = [str(one.value) for one in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    except ValueError:
        raise ValueError("the names of the certificate can't be read") from None
    return tuple(dict.fromkeys(name.lower().rstrip(".") for name in names if _NAME(name.lower())))


def _only(text: str, kind: str) -> str:
    """The PEM blocks of a kind; what people write around them is left out."""
    blocks = [block for block in _PEM.findall(text) if f"{kind}-----" in block.partition("\n")[0]]
    return "\n".join(blocks) + "\n"
