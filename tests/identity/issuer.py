"""An issuer of cookies that knows no JOSE library: what it makes is authentic, and as wrong as it is told to be."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = 1_800_000_000.0
CLAIMS = {"sub": "alice", "exp": NOW + 60}


def b64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def header(**more: Any) -> dict[str, Any]:
    """The header that the contract asks for, with `more` (None takes a field out)."""
    said = {"alg": "dir", "enc": "A256GCM", "kid": sha256(KEY).hexdigest()[:8], **more}
    return {name: value for name, value in said.items() if value is not None}


def sealed(
    claims: Mapping[str, Any] | bytes = CLAIMS,
    head: Mapping[str, Any] | bytes | None = None,
    key: bytes = KEY,
    iv: bytes | None = None,
    encrypted_key: bytes = b"",
) -> bytes:
    """A compact JWE of A256GCM, whatever its header says; bytes are taken as they are."""
    head = header() if head is None else head
    first = b64(head if isinstance(head, bytes) else json.dumps(head).encode())
    text = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    iv = os.urandom(12) if iv is None else iv
    sealed_text = AESGCM(key).encrypt(iv, text, first)
    return b".".join((first, b64(encrypted_key), b64(iv), b64(sealed_text[:-16]), b64(sealed_text[-16:])))
