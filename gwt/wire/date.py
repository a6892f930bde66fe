"""The Date field of answers that are the gateway's own (RFC 9110 6.6.1)."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")


def date_line() -> bytes:
    """The field line, with its CRLF, of now."""
    return b"Date: %b\r\n" % _date(int(time.time()))
