"""An answer's head: from bytes to what forwarding needs. Whatever an upstream must not send is an error.

RFC 9112 section 6.3 decides how long the body is; an answer that could be read in two ways
(two lengths, a length and a coding, an unknown coding) is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from gwt.errors import GatewayError
from gwt.wire.names import RESPONSE_NAMES, Kind, tokens, without
from gwt.wire.scan import scan

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: (.*))?", re.DOTALL).fullmatch
_TIMEOUT = re.compile(rb"timeout=([0-9]{1,6})").search
_NEVER_NAMED = frozenset((b"content-length", b"transfer-encoding"))
_KEEP_ALIVE = frozenset((b"keep-alive", b"close", b"upgrade"))

#: How long a body is where the head does not say.
UNTIL_CLOSE = -1
CHUNKED = -2


class ResponseHead:
    """What an answer's head says. What an answer does not set keeps its default.

    `length` is the number of body bytes that follow, or `UNTIL_CLOSE` or `CHUNKED`; `declared` is the
    value of Content-Length where there is one (that of a HEAD's answer has no body behind it);
    `fields` are the field lines to forward, each with its CRLF, Content-Length included, other framing not.
    """

    __slots__ = (
        "coded", "connection", "declared", "fields", "http11", "idle_timeout", "keep_alive", "length", "length_said",
        "reason", "status", "upgrade", "websocket_accept",
    )  # fmt: skip

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.http11 = True
        self.declared: int | None = None
        self.length_said: bytes | None = None
        self.length = UNTIL_CLOSE
        self.coded = False
        self.keep_alive = True
        self.connection: frozenset[bytes] | None = None
        self.upgrade: bytes | None = None
        self.websocket_accept: bytes | None = None
        self.idle_timeout: int | None = None
        self.fields = b""


def go_on() -> ResponseHead:
    """100 Continue."""
    head = ResponseHead()
    head.status, head.reason = 100, b"Continue"
    return head


def bad(message: str) -> GatewayError:
    """A 502: the upstream's answer can't be understood."""
    return GatewayError("bad_answer", message)


def parse_response(block: bytes, to_head: bool = False, max_headers: int = 200) -> ResponseHead:
    """Read a head; `to_head` where the request was a HEAD. `block` is all before the empty line.

    Raises GatewayError `bad_answer`.
    """
    head = ResponseHead()
    try:
        first, head.fields, special = scan(block, head, RESPONSE_NAMES, _ATTRIBUTES, max_headers, _NOTED)
    except ValueError as error:
        raise bad(f"{error} of the answer") from None
    except OverflowError:
        raise bad(f"more than {max_headers} header fields in the answer") from None
    head.status, head.reason, http11 = _status_line(first)
    if not http11:
        head.http11 = head.keep_alive = False
    for kind, _, value in special:
        _HANDLERS[kind](head, value)
    _settle(head, to_head)
    return head


_NOTED = Kind.NOTED


@lru_cache(maxsize=512)
def _status_line(line: bytes) -> tuple[int, bytes, bool]:
    """Status, reason, and whether it is HTTP/1.1. There are few status lines in a server's life."""
    found = _STATUS_LINE(line)
    if found is None:
        raise bad("malformed status line in the answer")
    minor, status, reason = found.groups()
    return int(status), reason or b"", minor == b"1"


def _drop(head: ResponseHead, value: bytes) -> None:
    """Neither read nor forwarded."""


def _repeated_length(head: ResponseHead, value: bytes) -> None:
    raise bad("more than one Content-Length in the answer")


def _coding(head: ResponseHead, value: bytes) -> None:
    if head.coded or value.lower() != b"chunked":
        raise bad("a transfer coding in the answer that is not chunked")
    head.coded = True


def _connection(head: ResponseHead, value: bytes) -> None:
    named = tokens(value)
    head.connection = named if head.connection is None else head.connection | named


def _upgrade(head: ResponseHead, value: bytes) -> None:
    head.upgrade = value.lower()


def _keep_alive(head: ResponseHead, value: bytes) -> None:
    found = _TIMEOUT(value.lower())
    if found:
        head.idle_timeout = int(found.group(1))


def _repeated_accept(head: ResponseHead, value: bytes) -> None:
    raise bad("more than one Sec-WebSocket-Accept in the answer")


def _handlers() -> list[Callable[[ResponseHead, bytes], None]]:
    table: list[Callable[[ResponseHead, bytes], None]] = [_drop] * Kind.COUNT
    table[Kind.CONTENT_LENGTH], table[Kind.TRANSFER_ENCODING], table[Kind.CONNECTION] = (
        _repeated_length,
        _coding,
        _connection,
    )
    table[Kind.UPGRADE], table[Kind.KEEP_ALIVE], table[Kind.WEBSOCKET] = _upgrade, _keep_alive, _repeated_accept
    return table


def _attributes() -> tuple[str | None, ...]:
    table: list[str | None] = [None] * Kind.COUNT
    table[Kind.CONTENT_LENGTH], table[Kind.WEBSOCKET] = "length_said", "websocket_accept"
    return tuple(table)


_HANDLERS = _handlers()
_ATTRIBUTES = _attributes()


@lru_cache(maxsize=512)
def _persistence(named: frozenset[bytes]) -> tuple[bool | None, frozenset[bytes]]:
    """What a Connection field says: whether to keep the connection (None: nothing), and which fields to drop."""
    others = named - _KEEP_ALIVE
    if not _NEVER_NAMED.isdisjoint(others):
        raise bad("Connection names a framing field in the answer")
    return (False if b"close" in named else True if b"keep-alive" in named else None), others


def _settle(head: ResponseHead, to_head: bool) -> None:
    """Framing and persistence (RFC 9112 6.3, 9.3)."""
    said = head.length_said
    if said is not None:
        if not said.isdigit() or len(said) > 18:
            raise bad("malformed Content-Length in the answer")
        head.declared = int(said)
    if head.coded and (head.declared is not None or not head.http11):
        raise bad("Transfer-Encoding with Content-Length or in an HTTP/1.0 answer")
    if head.connection is not None:
        keeps, others = _persistence(head.connection)
        if keeps is not None:
            head.keep_alive = keeps
        if others:
            head.fields = without(head.fields, others)
    status = head.status
    if to_head or status < 200 or status == 204 or status == 304:
        head.length = 0
        if status == 204 and (head.declared or head.coded):
            head.keep_alive = False  # what follows could be a body after all
        if said is not None and (status < 200 or status == 204):
            head.declared = None
            head.fields = without(head.fields, (b"content-length",))
    elif head.coded:
        head.length = CHUNKED
    elif head.declared is not None:
        head.length = head.declared
    else:
        head.keep_alive = False
