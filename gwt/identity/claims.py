"""Claims: what is said of a user, read from JSON without leniency, and turned into an Identity.

Two readers of the same bytes must not see two users: a key that stands twice is an error, at any depth.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from gwt.identity.identity import Identity, header_lines

_SUBJECT = re.compile(r"[!-~]{1,256}").fullmatch
#: Later than anything: an `exp` of a thousand digits is this one.
_NEVER = float(2**53)


class BadClaims(ValueError):
    """Claims that make nobody an Identity. The message is for people and repeats nothing of them."""


def read_claims(raw: bytes) -> dict[str, Any]:
    """The JSON object that `raw` is. Raises BadClaims: another value, a key twice, NaN, infinity, no UTF-8."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except BadClaims:
        raise
    except (ValueError, RecursionError):
        raise BadClaims("the claims are not JSON") from None
    if not isinstance(found, dict):
        raise BadClaims("the claims are not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadClaims("a key stands twice in the claims")
    return found


def _no_number(text: str) -> Any:
    raise BadClaims("a number in the claims is none")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def expiry(claims: Mapping[str, Any]) -> float | None:
    """`exp` in seconds since the epoch, None where it is missing. Raises BadClaims."""
    if "exp" not in claims:
        return None
    exp: Any = claims["exp"]
    if type(exp) not in (int, float):
        raise BadClaims("exp is not a number (seconds since 1970)")
    return float(max(-_NEVER, min(exp, _NEVER)))


def subject(claims: Mapping[str, Any]) -> str:
    """`sub`. Raises BadClaims unless it is 1 to 256 visible ASCII characters."""
    sub = claims.get("sub")
    if not isinstance(sub, str) or not _SUBJECT(sub):
        raise BadClaims("sub is not a text of 1 to 256 visible ASCII characters")
    return sub


def identity_of(claims: Mapping[str, Any], until: float = math.inf) -> Identity:
    """The Identity that the claims make, to be asked for again at `until`. Raises BadClaims.

    `exp` is read but not judged: it may be missing (infinity then) or past.
    """
    sub, exp = subject(claims), expiry(claims)
    try:
        lines = header_lines(sub, claims)
    except RecursionError:
        raise BadClaims("the claims are nested too deeply") from None
    return Identity(sub, claims, math.inf if exp is None else exp, until, lines)


def sealed_identity(claims: Mapping[str, Any], now: float) -> Identity:
    """The Identity that a sealed cookie's claims make at `now` (seconds since the epoch), valid until `exp`.

    Raises BadClaims, also where `exp` is missing or has passed: there is no leeway.
    """
    exp = expiry(claims)
    if exp is None:
        raise BadClaims("exp is missing")
    if now >= exp:
        raise BadClaims("exp has passed")
    return identity_of(claims, exp)
