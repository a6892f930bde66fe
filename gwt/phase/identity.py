"""Identity: how the upstream is told who the client is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from gwt.phase import fields as lines

_USER = re.compile(r"[!-~]{1,256}").fullmatch


def identified(fields: bytes, user: str, claims: Mapping[str, Any]) -> bytes:
    """`fields` with X-User-Id and X-User-Info (claims as JSON in base64url) of `user`, and nobody else's.

    ValueError for a user that is not 1 to 256 visible ASCII characters.
    """
    if not _USER(user):
        raise ValueError("a user is 1 to 256 visible ASCII characters")
    told = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=")
    others = lines.removed(lines.removed(fields, b"x-user-id"), b"x-user-info")
    return others + b"X-User-Id: %b\r\nX-User-Info: %b\r\n" % (user.encode("ascii"), told)
