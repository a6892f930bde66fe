"""What the `store:` URLs of all kinds of server have in common: options behind the `?`, a login, hosts with ports."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?").fullmatch


#: RFC 3986 appendix B. Python's own refuses several hosts of which one has brackets, or not, by its version.
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://((?:[^][/?#]|\[[^][/?#]*\])*)(/[^?#]*)?(?:\?([^#]*))?", re.I).fullmatch
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]").search


def split_url(
    url: str, schemes: Collection[str], known: Collection[str], form: str
) -> tuple[SplitResult, dict[str, str]]:
    """The parts of `url`, and its options, which are all `known`.

    Raises ValueError with one line for people, which repeats nothing that may be secret; `form` is what it shows.
    """
    match = _URL(url)
    if match is None or match[1].lower() not in schemes or _CONTROL(url):
        raise ValueError(f"expected {form}")
    parts = SplitResult(match[1].lower(), match[2], match[3] or "", match[4] or "", "")
    try:
        options = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError:
        raise ValueError(f"expected {form}") from None
    unknown = options.keys() - set(known)
    if unknown:
        raise ValueError(f"unknown option {min(unknown)!r} behind the ?; there are {', '.join(known)}")
    return parts, options


def read_login(parts: SplitResult) -> tuple[str | None, str | None]:
    """The user (None: none is named) and the password; twice None without a login. Raises ValueError."""
    login, at, _ = parts.netloc.rpartition("@")
    if not at:
        return None, None
    user, colon, password = login.partition(":")
    if not colon:
        raise ValueError("a login is written user:password@")
    return unquote(user) or None, unquote(password)


def read_hosts(parts: SplitResult, port: int) -> tuple[tuple[str, int], ...]:
    """The (name, port) that commas separate, with `port` where none is written. Raises ValueError."""
    named = parts.netloc.rpartition("@")[2]
    return tuple(_host(one, port) for one in named.split(",")) if named else ()


def _host(written: str, port: int) -> tuple[str, int]:
    match = _HOST(written)
    if match is None or not 0 < int(match[3] or port) < 65536:
        raise ValueError(f"{written!r} is no host:port")
    return match[1] or match[2], int(match[3] or port)


def authority(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
