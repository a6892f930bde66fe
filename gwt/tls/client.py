"""Contexts for connections to upstreams: whom to believe, and what to show."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from gwt.model.certificate import Certificate
from gwt.model.route import ServiceTls
from gwt.tls.contexts import harden, load_pair

#: What ALPN calls what is spoken to upstreams.
HTTP11, HTTP2 = "http/1.1", "h2"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a service says nothing. `ca`: PEM, None for the authorities that this system trusts."""

    verify: bool = True
    ca: str | None = None
    certificate: Certificate | None = None


class ClientContexts:
    """One context for each way of knowing and being known, made when it is first needed."""

    def __init__(self, defaults: Defaults = Defaults()) -> None:
        self._defaults = defaults
        self._certificates: Mapping[str, Certificate] = {}
        self._contexts: dict[tuple[bool, str | None, str | None, str], ssl.SSLContext] = {}

    def follow(self, certificates: Mapping[str, Certificate]) -> None:
        """These are the documents' by name: what was made from one that has changed is made anew."""
        before, self._certificates = self._certificates, certificates
        for key in list(self._contexts):
            if key[2] is not None and before.get(key[2]) != certificates.get(key[2]):
                del self._contexts[key]

    def configure(self, defaults: Defaults) -> None:
        """Other defaults."""
        if defaults != self._defaults:
            self._defaults = defaults
            self._contexts.clear()

    def get(self, tls: ServiceTls, protocol: str = HTTP11) -> ssl.SSLContext:
        """The context for connections to who is known so, to speak `protocol`, an id of ALPN.

        ValueError, for people, where that can't be done.
        """
        verify = self._defaults.verify if tls.verify is None else tls.verify
        key = verify, tls.ca, tls.certificate, protocol
        context = self._contexts.get(key)
        if context is None:
            try:
                context = self._contexts[key] = self._make(*key)
            except (ssl.SSLError, OSError) as error:
                raise ValueError(f"no TLS with these certificates: {error}") from None
        return context

    def _make(self, verify: bool, ca: str | None, name: str | None, protocol: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        harden(context, "1.2", None, (protocol,))
        ca = self._defaults.ca if ca is None else ca
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=ca)
        own = self._certificates.get(name) if name is not None else self._defaults.certificate
        if own is None and name is not None:
            raise ValueError(f"certificate {name!r} is not defined")
        if own is not None:
            load_pair(context, own.chain, own.key)
        return context


def explain(error: BaseException) -> tuple[str, str] | None:
    """Why a handshake with an upstream failed, for people, and the error type of RFC 9209; None: it was not TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}", "tls_certificate_error"
    if not isinstance(error, ssl.SSLError):
        return None
    reason = (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
    if "alert" in reason:
        return f"it has refused the handshake: {reason}", "tls_alert_received"
    return f"the handshake failed: {reason}", "tls_protocol_error"
