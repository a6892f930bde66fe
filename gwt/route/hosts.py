"""Host names: what a request's authority says (RFC 9110 7.2, RFC 3986 3.2.2), and the patterns that Routes give."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

MARK = "{mark}"
#: The longest name that DNS can carry.
MAX_HOST = 253
_MAX_AUTHORITY = MAX_HOST + len(".:65535")

# RFC 3986's reg-name without escapes (two spellings of one host) and without the comma, which joins
# repeated fields and separates the values of X-Forwarded-Host.
_LABEL = r"[a-z0-9_~!$&'()*+;=-]{1,63}"
_canonical = re.compile(rb"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*+").fullmatch
_name = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+").fullmatch
_pattern_name = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*+").fullmatch
_mark = re.compile(r"[a-z0-9-]*").fullmatch
_authority = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?").fullmatch


class BadHost(ValueError):
    """A host, a host pattern or a mark that is refused; the message is for people and safe to print."""


def split_authority(raw: bytes) -> tuple[bytes, int | None]:
    """`uri-host [":" port]` -> the host in canonical form and the port (None: not given). Raises `BadHost`.

    Canonical: lower case, no trailing dot, IPv6 in brackets and compressed (RFC 5952). Userinfo is refused.
    """
    if not raw:
        raise BadHost("the host is empty")
    if len(raw) > _MAX_AUTHORITY:
        raise BadHost(f"the host is longer than {MAX_HOST} characters")
    if not raw.isascii():
        raise BadHost("the host holds bytes that are not ASCII")
    if b"@" in raw:
        raise BadHost("the host holds user information (@)")
    parts = _authority(raw.decode("ascii").lower())
    if not parts:
        raise BadHost("the host is not a name or address with an optional port")
    host, port = parts[1], parts[2]
    return (_ipv6(host) if host.startswith("[") else _reg_name(host)).encode("ascii"), _port(port)


def _port(digits: str | None) -> int | None:
    if not digits:  # "host:" is legal and means the default port
        return None
    if len(digits) > 5 or not 0 < int(digits) < 65536:
        raise BadHost("the port is not between 1 and 65535")
    return int(digits)


def _ipv6(literal: str) -> str:
    try:
        address = IPv6Address(literal[1:-1])
    except AddressValueError:
        raise BadHost("the host in brackets is not an IPv6 address") from None
    if address.scope_id is not None:
        raise BadHost("the IPv6 address names a zone (%)")
    return f"[{address.compressed}]"


def _reg_name(name: str) -> str:
    name = name.removesuffix(".")
    if not name:
        raise BadHost("the host is empty")
    if len(name) > MAX_HOST:
        raise BadHost(f"the host is longer than {MAX_HOST} characters")
    if not _name(name):
        raise BadHost("the host holds an empty label, a label over 63 characters or a character that no host has")
    return name


@lru_cache(maxsize=4096)
def normalise_host(raw: bytes) -> bytes:
    """The host of a `Host` field or an authority, canonical, without its port. Raises `BadHost` (HTTP 400)."""
    if len(raw) <= MAX_HOST and _canonical(raw):
        return raw
    return split_authority(raw)[0]


def host_pattern(text: str) -> str:
    """A pattern of a Route's `hosts` (marks already expanded) in canonical form: exact, `*.suffix` or `*`.

    Case, port and a trailing dot are ignored. Raises `BadHost`.
    """
    if text == "*":
        return text
    if not text.isascii():
        raise BadHost(f"{text!r} is not ASCII; {_in_punycode(text)}")
    wildcard, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    host = split_authority(name.encode("ascii"))[0].decode("ascii")
    if host.startswith("["):
        if wildcard:
            raise BadHost(f"{text!r}: an address has no wildcard")
    elif not _pattern_name(host):
        raise BadHost(f"{text!r} is not a host: letters, digits, - and _ between dots; * only as the first label")
    return wildcard + host


def _in_punycode(text: str) -> str:
    try:
        return f"write {text.encode('idna').decode('ascii')!r}"
    except UnicodeError:
        return "write it in punycode (xn--...)"


def expand_mark(text: str, mark: str) -> str:
    """`text` with `{mark}` replaced by an env's `mark` (`[a-z0-9-]`, may be empty). Raises `BadHost`.

    A mark never brings a dot, so that it can't move a host into another domain.
    """
    if not _mark(mark):
        raise BadHost(f"the mark {mark!r} holds more than a-z, 0-9 and -")
    return text.replace(MARK, mark)


def wildcard_suffixes(host: bytes) -> list[bytes]:
    """What `*.` patterns may end in for this host, longest first: b".b.c", b".c" for b"a.b.c"."""
    found = []
    dot = host.find(b".")
    while dot >= 0:
        found.append(host[dot:])
        dot = host.find(b".", dot + 1)
    return found
