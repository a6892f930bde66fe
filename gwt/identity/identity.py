"""Identity: who sent a request, as far as the gateway vouches for it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, eq=False, slots=True)
class Identity:
    """A user.

    `sub` is 1 to 256 visible ASCII characters; `claims` all that is said of the user, `sub` included; `exp` seconds
    since the epoch (infinity where the claims set no end). `until`, on the clock of whoever made this, is when it has
    to be asked for again. `lines` are the fields for the upstream, X-User-Id and X-User-Info, each with its CRLF.
    """

    sub: str
    claims: Mapping[str, Any] = field(repr=False)
    exp: float
    until: float
    lines: bytes = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", MappingProxyType(self.claims))


def header_lines(sub: str, claims: Mapping[str, Any]) -> bytes:
    """What an upstream is told of a user.

    The JSON is filled up with blanks to a multiple of three bytes, so that base64url with and without padding is the
    same text: whatever an upstream decodes it with, it can.
    """
    text = json.dumps(dict(claims), separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 3)
    return b"X-User-Id: %b\r\nX-User-Info: %b\r\n" % (sub.encode("ascii"), urlsafe_b64encode(text))
