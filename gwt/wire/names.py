"""Field names of HTTP/1.1: what each name means to a gateway, found by one dict look-up.

A name is looked up as it was spelled; the tables remember the spellings that they have
seen (bounded), so that the lower-casing and the folding are paid once a spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

#: Every byte that may stand in a field line: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5). Deleting them from a
#: head leaves its line ends, and whatever has no business there.
TEXT = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])

_SPELLINGS = 4096


class Kind:
    """What the gateway does with a field: plain integers, as they index a table of handlers.

    PASS is forwarded as it came; those from NOTED on are forwarded as they came and read as well.
    """

    PASS, DROP, HOST, TRANSFER_ENCODING, CONNECTION, EXPECT, UPGRADE, TE = range(8)
    REQUEST_ID, FORWARDED, TRACEPARENT, KEEP_ALIVE, DEBUG = range(8, 13)
    CONTENT_LENGTH, USER_AGENT, REFERER, COOKIE, WEBSOCKET = range(13, 18)
    NOTED = CONTENT_LENGTH
    COUNT = 18


#: Hop-by-hop fields (RFC 9110 7.6.1), those meant for this proxy alone, and those that only a gateway may set.
HOP_BY_HOP = ("keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "proxy", "http2-settings")
IDENTITY = ("x-user-id", "x-user-info")
PRIVATE = ("gwt-debug", "x-original-url", "x-rewrite-url", "x-original-uri", "x-original-host")

_REQUEST: dict[str, int] = {
    "host": Kind.HOST,
    "content-length": Kind.CONTENT_LENGTH,
    "transfer-encoding": Kind.TRANSFER_ENCODING,
    "connection": Kind.CONNECTION,
    "expect": Kind.EXPECT,
    "upgrade": Kind.UPGRADE,
    "te": Kind.TE,
    "x-request-id": Kind.REQUEST_ID,
    "forwarded": Kind.FORWARDED,
    "x-real-ip": Kind.FORWARDED,
    "traceparent": Kind.TRACEPARENT,
    "user-agent": Kind.USER_AGENT,
    "referer": Kind.REFERER,
    "cookie": Kind.COOKIE,
    "sec-websocket-key": Kind.WEBSOCKET,
    **dict.fromkeys((*HOP_BY_HOP, *IDENTITY, *PRIVATE), Kind.DROP),
    "gwt-debug": Kind.DEBUG,
}

#: What an answer says to this proxy alone.
_ANSWER_HOP_BY_HOP = (*HOP_BY_HOP, "proxy-authentication-info", "te")

_RESPONSE: dict[str, int] = {
    **dict.fromkeys(_ANSWER_HOP_BY_HOP, Kind.DROP),
    "content-length": Kind.CONTENT_LENGTH,
    "transfer-encoding": Kind.TRANSFER_ENCODING,
    "connection": Kind.CONNECTION,
    "upgrade": Kind.UPGRADE,
    "keep-alive": Kind.KEEP_ALIVE,
    "sec-websocket-accept": Kind.WEBSOCKET,
}
#: The same for an answer that came as a list of fields (lower case), where HTTP/1.1's framing can't be.
NOT_IN_ANSWERS = frozenset(name.encode() for name in _ANSWER_HOP_BY_HOP)

#: What CGI and its heirs take for `_`, as they do `-`: all of a token that is neither letter nor digit.
_FOLD = bytes.maketrans(b"!#$%&'*+.^_`|~", b"-" * 14)


class Names(dict[bytes, int]):
    """Kinds by spelled name. `names[spelled]` classifies (and remembers) a spelling not seen before.

    With `fold`, a name that equals one of the table's once all punctuation is read as `-` is dropped:
    servers that map names to CGI variables would take it for the trusted one (CVE-2025-64484).
    """

    def __init__(self, table: dict[str, int], *, fold: bool) -> None:
        super().__init__()
        self._table = {name.encode(): kind for name, kind in table.items()}
        self._fold = fold
        self._seed()

    def _seed(self) -> None:
        for name, kind in self._table.items():
            self[name] = self[name.title()] = kind

    def __missing__(self, name: bytes) -> int:
        if len(self) >= _SPELLINGS:
            self.clear()
            self._seed()
        kind = self[name] = self._classify(name)
        return kind

    def _classify(self, name: bytes) -> int:
        lower = name.lower()
        kind = self._table.get(lower)
        if kind is not None:
            return kind
        if not self._fold:
            return Kind.PASS
        if lower.startswith(b"x-forwarded-"):
            return Kind.FORWARDED
        folded = lower.translate(_FOLD)
        guarded = folded != lower and (folded in self._table or folded.startswith(b"x-forwarded-"))
        return Kind.DROP if guarded else Kind.PASS


#: The fields of a request, and of an answer. The module's only state: a bounded memory of spellings.
REQUEST_NAMES = Names(_REQUEST, fold=True)
RESPONSE_NAMES = Names(_RESPONSE, fold=False)

#: Trailers may not carry what frames or routes a message, nor what a gateway vouches for (RFC 9110 6.5.1).
_NOT_IN_TRAILERS = frozenset((*_REQUEST, *_ANSWER_HOP_BY_HOP)) | frozenset(
    (
        *("authorization", "set-cookie", "content-encoding", "content-type", "content-range"),
        *("trailer", "cache-control", "max-forwards"),
    )
)


def trailer_lines(lines: Iterable[bytes]) -> list[bytes] | None:
    """The trailer lines that may be forwarded; None where one is malformed."""
    kept = []
    for line in lines:
        name, colon, _ = line.partition(b":")
        if not colon or not TOKEN(name):
            return None
        folded = name.lower().translate(_FOLD).decode("ascii")
        if folded not in _NOT_IN_TRAILERS and not folded.startswith("x-forwarded-"):
            kept.append(line)
    return kept


@lru_cache(maxsize=1024)
def tokens(value: bytes) -> frozenset[bytes]:
    """The lower-cased members of a comma-separated list, empty ones left out (RFC 9110 5.6.1)."""
    return frozenset(t for t in (part.strip(b" \t").lower() for part in value.split(b",")) if t)


def without(fields: bytes, named: Iterable[bytes]) -> bytes:
    """The lines (each with its CRLF) whose field is not among `named` (lower case)."""
    gone = set(named)
    lines = fields.split(b"\r\n")
    return b"\r\n".join([line for line in lines if line[: line.find(b":")].lower() not in gone or not line])


def field(fields: bytes, name: bytes) -> bytes | None:
    """The value of the field `name` (lower case) in lines that each end in CRLF; several are joined by a comma."""
    if name + b":" not in fields.lower():
        return None
    found = [
        line[len(name) + 1 :].strip(b" \t")
        for line in fields.split(b"\r\n")
        if line[: len(name) + 1].lower() == name + b":"
    ]
    return b", ".join(found) if found else None
