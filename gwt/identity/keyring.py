"""Keyring: the keys that seal session cookies and open them.

A sealed cookie is a compact JWE (RFC 7516), `alg: dir`, `enc: A256GCM`, whose `kid` names the key. What may differ
between two readers of a JWE is refused here before the library sees it: other header fields than those that are
needed, keys that stand twice, base64url that is not canonical.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from gwt.identity.claims import BadClaims, read_claims

#: Bytes of a cookie's value: what every browser keeps (RFC 6265 6.1).
MAX_COOKIE = 4096
#: Seconds that a cookie is good for where nobody says more.
DEFAULT_TTL = 3600.0

_KEY_BYTES = 32
_B64 = rb"((?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?)"
_COMPACT = re.compile(rb"%b\.\.([\w-]{16})\.%b\.([\w-]{21}[AQgw])" % (_B64, _B64)).fullmatch
_ALLOWED = frozenset(("alg", "enc", "kid", "typ", "cty"))
_REGISTRY = jwe.JWERegistry(algorithms=["dir", "A256GCM"])
_HEADERS = 64


class Refused(ValueError):
    """A cookie that is not admitted. The message is for operators and repeats nothing of cookie or keys."""


def key_id(key: bytes) -> str:
    """`kid` of a key: the first 8 hexadecimal digits of its SHA-256."""
    return sha256(key).hexdigest()[:8]


class Keyring:
    """Keys of 32 bytes. The first one seals, all of them open; an empty one opens nothing. Immutable."""

    __slots__ = ("_by_header", "_by_id", "_first")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError(f"a key has {_KEY_BYTES} bytes")
        # The last one to say a kid is the first of the list: should two keys ever share one, the newer wins.
        self._by_id = {key_id(key): OctKey.import_key(key) for key in reversed(keys)}
        self._first = key_id(keys[0]) if keys else None
        #: Headers, as encoded, of cookies that were opened: few, as they differ by key and issuer only.
        self._by_header: dict[bytes, OctKey] = {}

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._by_id)} keys>"

    def seal(self, claims: Mapping[str, Any]) -> str:
        """A cookie's value that holds `claims`. Raises Refused: no key, or too large."""
        if self._first is None:
            raise Refused("there is no key to seal with")
        header = {"alg": "dir", "enc": "A256GCM", "kid": self._first}
        text = json.dumps(dict(claims), separators=(",", ":"))
        sealed = jwe.encrypt_compact(header, text, self._by_id[self._first], registry=_REGISTRY)
        if len(sealed) > MAX_COOKIE:
            raise Refused(f"the cookie is larger than {MAX_COOKIE} bytes")
        return sealed

    def open(self, cookie: bytes) -> dict[str, Any]:
        """The claims that a cookie's value holds, if one of the keys sealed it. Raises Refused."""
        if len(cookie) > MAX_COOKIE:
            raise Refused(f"the cookie is larger than {MAX_COOKIE} bytes")
        parts = _COMPACT(cookie)
        if parts is None:
            raise Refused("this is no sealed cookie (compact JWE, alg dir, enc A256GCM)")
        header = parts[1]
        key = self._by_header.get(header) or self._key(header)
        try:
            opened = jwe.decrypt_compact(cookie, key, registry=_REGISTRY).plaintext
        except (JoseError, InvalidTag, ValueError):
            raise Refused("the cookie was forged or damaged") from None
        if len(self._by_header) < _HEADERS:
            self._by_header[header] = key
        try:
            return read_claims(opened or b"")
        except BadClaims as error:
            raise Refused(str(error)) from None

    def _key(self, encoded: bytes) -> OctKey:
        """The key that a header asks for. Raises Refused."""
        try:
            header = read_claims(urlsafe_b64decode(encoded + b"=="))
        except ValueError:
            raise Refused("the header of the cookie is not a JSON object, each key once") from None
        if not header.keys() <= _ALLOWED or header.get("alg") != "dir" or header.get("enc") != "A256GCM":
            raise Refused("the header of the cookie asks for something else than alg dir, enc A256GCM and a kid")
        kid = header.get("kid")
        key = self._by_id.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise Refused("the cookie was sealed with a key that is not here (or not any more)")
        return key
