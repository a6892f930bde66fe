"""Contexts of OpenSSL with what is asked of every connection: TLS 1.2 and 1.3, AEAD suites, no renegotiation."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from gwt.model.secret import reveal

#: Of TLS 1.2; those of 1.3 are all sound.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

#: That an end without a goodbye is as good as one with it: some builds of Python begin so. A cut answer would be whole.
_RAGGED: Final = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def harden(context: ssl.SSLContext, min_version: str, ciphers: str | None, alpn: Sequence[str]) -> None:
    """Set what holds on both sides. ssl.SSLError where OpenSSL knows none of `ciphers`."""
    context.minimum_version = VERSIONS[min_version]
    context.options = (context.options | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION) & ~_RAGGED
    context.set_ciphers(ciphers or CIPHERS)
    if alpn:
        context.set_alpn_protocols(list(alpn))


def load_pair(context: ssl.SSLContext, chain: str, key: str) -> None:
    """Give `context` a certificate and its key, which `ssl` takes from files only: from one that has no name."""
    with _nameless((chain + "\n" + reveal(key)).encode()) as path:
        context.load_cert_chain(path)


@contextmanager
def _nameless(data: bytes) -> Iterator[str]:
    """A path to `data` that no other user can open and that is gone afterwards; in memory where that can be."""
    if hasattr(os, "memfd_create") and os.path.exists("/proc/self/fd"):
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            yield file.name
