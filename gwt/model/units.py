"""The small notations of documents: durations, sizes, addresses, CIDRs, hosts, names.

Each function gives the canonical value, or raises ValueError with a message for people.
"""

from __future__ import annotations

import ipaddress
import math
import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?")
_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"([0-9]+) ?([kKmMgG]?)([iI]?[bB])?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LABEL = r"[a-z0-9_-]{1,63}"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What may stand in a URL as it is (RFC 3986 2).
_URL = re.compile(r"[!#$%&'()*+,./:;=?@\[\]_~0-9A-Za-z-]+")
_PATH_URL = re.compile(r"/(?!/)[!#$%&'()*+,./:;=?@_~0-9A-Za-z-]*")
MARK: Final = "{mark}"
_MARK_TEXT = re.compile(r"[a-z0-9-]*")


def duration(value: float | str) -> float:
    """Seconds of `10`, `10s`, `500ms`, `1m`, `1h`."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if not match:
            raise ValueError(f"{value!r} is not a duration such as 10, 10s, 500ms or 1m")
        value = float(match[1]) * _SECONDS[match[2]]
    if not math.isfinite(value) or value < 0 or value > 10**9:
        raise ValueError(f"{value} is not a duration in seconds")
    return float(value)


def size(value: float | str) -> int:
    """Bytes of `1024`, `64KiB`, `1MiB`, `1m`; `k m g` and `KiB MiB GiB` count by 1024, `kB MB GB` by 1000."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if not match:
            raise ValueError(f"{value!r} is not a size such as 1024, 64KiB or 1m")
        base = 1000 if match[2] and match[3] and match[3][0] not in "iI" else 1024
        return size(int(match[1]) * base ** _POWERS[match[2].lower()])
    if value < 0 or value > 2**62:
        raise ValueError(f"{value} is not a size in bytes")
    return int(value)


def cidr(value: str) -> str:
    """An address or CIDR in its canonical form; IPv4 mapped into IPv6 counts as IPv4. Host bits are dropped."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is not an address or CIDR such as 10.0.0.0/8 or 2001:db8::/32") from None
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return f"{mapped}/{network.prefixlen - 96}"
        if "%" in value:
            raise ValueError(f"{value!r}: a zone (%) has no meaning here")
    return str(network)


def has_host_bits(value: str) -> bool:
    """True for `10.0.0.1/8`, of which only `10.0.0.0/8` counts."""
    try:
        ipaddress.ip_network(value, strict=True)
    except ValueError:
        return True
    return False


def host(value: str) -> str:
    """A host pattern: exact, `*.example.com`, `*`, with {mark} in it; lower case, without port and trailing dot."""
    if len(value) < 254 and _PLAIN_HOST.fullmatch(value):
        return value
    name = value.strip().lower()
    if name.startswith("["):
        return _bracketed(name, value)
    name, colon, port = name.partition(":")
    if colon and port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{value!r}: {port!r} is no port")
    name = name.removesuffix(".")
    if name == "*":
        return name
    body = name.removeprefix("*.")
    if not body.isascii():
        try:
            body = body.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{value!r} is not a host name") from None
        name = ("*." if name.startswith("*.") else "") + body
    if "*" in body:
        raise ValueError(f"{value!r}: * stands only for the whole host or as its first label, as in *.example.com")
    if body.count(MARK) > 1 or ("{" in body.replace(MARK, "") or "}" in body.replace(MARK, "")):
        raise ValueError(f"{value!r}: the only placeholder in a host is {{mark}}, once")
    if len(name) > 253 or not _HOST.fullmatch(body.replace(MARK, "m")):
        raise ValueError(f"{value!r} is not a host name")
    return name


def _bracketed(name: str, value: str) -> str:
    inner, closing, rest = name[1:].partition("]")
    try:
        address = ipaddress.IPv6Address(inner)
    except ValueError:
        address = None
    if address is None or not closing or "%" in inner or (rest and not re.fullmatch(r":[0-9]{1,5}", rest)):
        raise ValueError(f"{value!r} is not an IPv6 host such as [2001:db8::1]")
    return f"[{address}]"


def mark(value: str) -> str:
    """What {mark} may stand for: lower-case letters, digits and `-`."""
    if not _MARK_TEXT.fullmatch(value) or len(value) > 63:
        raise ValueError(f"{value!r} can't be part of a host: a mark holds a-z, 0-9 and -")
    return value


def expand_marks(hosts: tuple[str, ...], marks: tuple[str, ...]) -> tuple[str, ...]:
    """Every host with every mark in the place of {mark}; each once, in order."""
    every = (one.replace(MARK, text) for one in hosts for text in (marks if MARK in one else ("",)))
    return tuple(dict.fromkeys(every))


def port(text: str) -> int:
    """A port number from text."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise ValueError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def address(value: str, default_port: int | None = None) -> str:
    """`IP:PORT`, `[v6]:PORT` or `HOST:PORT` in canonical form. Without `default_port` the port must be given."""
    name, _, rest = value.rpartition("]") if value.startswith("[") else ("", "", "")
    if name:
        if rest and not rest.startswith(":"):
            raise ValueError(f"{value!r} is not an address such as [2001:db8::1]:8080")
        try:
            canonical = f"[{ipaddress.IPv6Address(name[1:])}]"
        except ValueError:
            raise ValueError(f"{value!r} is not an address such as [2001:db8::1]:8080") from None
        rest = rest[1:]
    else:
        canonical, _, rest = value.partition(":")
        if ":" in rest:
            raise ValueError(f"{value!r}: write an IPv6 address in brackets, as in [2001:db8::1]:8080")
        canonical = canonical.lower()
        if canonical.replace(".", "").isdigit():
            try:
                ipaddress.IPv4Address(canonical)
            except ValueError:
                raise ValueError(f"{value!r} is not an address such as 10.0.0.1:8080") from None
        elif not _HOST.fullmatch(canonical) or len(canonical) > 253:
            raise ValueError(f"{value!r} is not an address such as 10.0.0.1:8080")
    if not rest and default_port is not None:
        return f"{canonical}:{default_port}"
    if not rest:
        raise ValueError(f"{value!r} has no port; write {canonical}:8080")
    return f"{canonical}:{port(rest)}"


def token(value: str, what: str) -> str:
    """A name by RFC 9110 5.6.2 (header, cookie, method)."""
    if not TOKEN.fullmatch(value):
        raise ValueError(f"{value!r} is not a {what} name")
    return value


@lru_cache(1024)
def label(value: str, what: str) -> str:
    """A Kubernetes name: a DNS label (RFC 1123)."""
    if not _DNS_LABEL.fullmatch(value):
        raise ValueError(f"{value!r} is not a {what}: a-z, 0-9 and -, at most 63 characters")
    return value


def http_url(value: str) -> str:
    """An absolute http(s) URL as it can be asked for: a host, no user, no fragment."""
    try:
        parts = urlsplit(value if _URL.fullmatch(value) else "")
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.username is None
    except ValueError:
        good = False
    if not good or "#" in value:
        raise ValueError("expected a URL such as http://user.internal/session, without user and fragment")
    return value


def login_url(value: str) -> str:
    """Where browsers log in: an absolute http(s) URL, or a path (with a query, perhaps) of the same host."""
    if _PATH_URL.fullmatch(value):
        return value
    try:
        return http_url(value.partition("#")[0]) and value
    except ValueError:
        raise ValueError("expected a URL such as https://login.example.com/, or a path such as /login") from None


def printable(value: str, what: str, most: int = 253) -> str:
    """Text of at most `most` characters without control characters."""
    if not 0 < len(value) <= most or (not value.isprintable() and _CONTROL.search(value)):
        raise ValueError(f"{what} takes 1 to {most} characters, none of them a control character")
    return value
