"""What a handshake has settled, and the certificate that a client has shown."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from gwt.model.certificate import ClientAuth

#: Names of attributes as RFC 4514 has them.
_SHORT = {
    "commonName": "CN", "countryName": "C", "localityName": "L", "stateOrProvinceName": "ST", "organizationName": "O",
    "organizationalUnitName": "OU", "domainComponent": "DC", "userId": "UID", "streetAddress": "STREET",
}  # fmt: skip

#: Names of one certificate that are told: one can hold thousands.
_MANY = 32


class ClientCertificate:
    """One that was verified: `subject` (RFC 4514), `dns`, `uris`, `emails`, `ips`, `fingerprint` (SHA-256)."""

    def __init__(self, der: bytes, told: Mapping[str, Any]) -> None:
        """`told` is what `ssl` makes of it (`getpeercert()`)."""
        self.der = der
        self._told = told

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def subject(self) -> str:
        parts = [_attribute(name, text) for relative in self._told.get("subject", ()) for name, text in relative]
        return ",".join(reversed(parts))

    @property
    def serial(self) -> str:
        """The serial number in hexadecimal."""
        return str(self._told.get("serialNumber", ""))

    @cached_property
    def dns(self) -> tuple[str, ...]:
        return self._names("DNS")

    @cached_property
    def uris(self) -> tuple[str, ...]:
        return self._names("URI")

    @cached_property
    def emails(self) -> tuple[str, ...]:
        return self._names("email")

    @cached_property
    def ips(self) -> tuple[str, ...]:
        return self._names("IP Address")

    def _names(self, kind: str) -> tuple[str, ...]:
        return tuple(text for one, text in self._told.get("subjectAltName", ()) if one == kind)

    @cached_property
    def forwarded(self) -> bytes:
        """The element of `X-Forwarded-Client-Cert`, as Envoy writes it: `Hash=...;Subject="...";URI=...;DNS=...`."""
        parts = [f"Hash={self.fingerprint}", f'Subject="{_quoted(self.subject)}"']
        parts += [f'URI="{_quoted(uri)}"' for uri in self.uris[:_MANY]]
        parts += [f'DNS="{_quoted(name)}"' for name in self.dns[:_MANY]]
        return ";".join(parts).encode("ascii")


class Handshake:
    """What is settled of one connection: `protocol` by ALPN (None: none), TLS `version`, `cipher`, `resumed`.

    `demand` is what its name asks of clients; `client` their certificate, verified, None where there is none.
    """

    __slots__ = ("cipher", "client", "demand", "protocol", "resumed", "version")

    def __init__(self, connection: ssl.SSLObject) -> None:
        self.protocol = connection.selected_alpn_protocol()
        self.version = connection.version() or ""
        cipher = connection.cipher()
        self.cipher = cipher[0] if cipher else ""
        self.resumed = bool(connection.session_reused)
        self.demand: ClientAuth | None = getattr(connection.context, "demand", None)
        der = connection.getpeercert(binary_form=True) if self.demand is not None else None
        self.client = ClientCertificate(der, connection.getpeercert() or {}) if der else None


def _attribute(name: str, text: str) -> str:
    escaped = "".join(f"\\{char}" if char in ',+"\\<>;' else char for char in text)
    if escaped[:1] in ("#", " "):
        escaped = "\\" + escaped
    return f"{_SHORT.get(name, name)}={escaped}"


def _quoted(text: str) -> str:
    """As it may stand in a field within quotes: whatever is no visible ASCII is percent-encoded."""
    shown = "".join(
        char
        if " " <= char <= "~" and char != "%"
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in text
    )
    return shown.replace("\\", "\\\\").replace('"', '\\"')
