"""A request's head: from bytes to what routing and forwarding need, refusing all that is ambiguous.

RFC 9112 (HTTP/1.1), RFC 9110 (fields). The field lines that a gateway forwards stay as they
were received; the others are read into attributes and dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gwt.errors import GatewayError
from gwt.wire.names import REQUEST_NAMES, TEXT, TOKEN, Kind, field, tokens, without
from gwt.wire.scan import scan, split_request_line

#: The methods of the IANA registry that a reverse proxy can serve: CONNECT asks for a forward proxy,
#: and TRACE would show the client what only the upstream may see.
METHODS = frozenset(
    b"GET HEAD POST PUT DELETE OPTIONS PATCH ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK LOCK MERGE "
    b"MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PROPFIND PROPPATCH PURGE QUERY REBIND "
    b"REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL".split()
)

_ANY_VERSION = re.compile(rb"HTTP/[0-9]+(\.[0-9]+)?").fullmatch
_TARGET = re.compile(rb"[!\"$-~]+").fullmatch  # visible ASCII without "#" (a fragment is never sent)
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)(.*)", re.DOTALL).fullmatch
_DIGITS = re.compile(rb"[0-9]{1,18}").fullmatch
_KEEP_ALIVE = frozenset((b"keep-alive", b"close", b"upgrade", b"te"))
_READ = frozenset((b"x-request-id", b"traceparent", b"user-agent", b"referer", b"cookie"))
_NEVER_NAMED = frozenset((b"host", b"content-length", b"transfer-encoding"))


class RequestHead:
    """What a request's head says. What a request does not set keeps its default.

    `fields` are the field lines to forward, each with its CRLF; `path` is the raw path and `query` what follows `?`
    (None without one); `length` is the body's length in bytes (0: no body) unless `chunked`.
    `plain`: nothing about framing or the connection needs a second thought.
    `forwarded` maps lower-cased X-Forwarded-*, X-Real-IP and Forwarded names to their raw values.
    """

    __slots__ = (
        "authority", "chunked", "connection", "cookie", "debug", "expect", "fields", "forwarded", "host", "http11",
        "keep_alive", "length", "length_said", "method", "path", "plain", "query", "referer", "request_id", "target",
        "te_trailers", "traceparent", "upgrade", "user_agent", "websocket_key",
    )  # fmt: skip

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.path = b"/"
        self.query: bytes | None = None
        self.http11 = True
        self.plain = True
        self.host: bytes | None = None
        self.authority: bytes | None = None  # of an absolute-form target: replaces Host (RFC 9112 3.2.2)
        self.length = 0
        self.length_said: bytes | None = None
        self.chunked = False
        self.keep_alive = True
        self.connection: frozenset[bytes] | None = None
        self.expect = False
        self.upgrade: bytes | None = None
        self.te_trailers = False
        self.request_id: bytes | None = None
        self.traceparent: bytes | None = None
        self.user_agent: bytes | None = None
        self.referer: bytes | None = None
        self.websocket_key: bytes | None = None
        self.cookie: bytes | None = None
        self.forwarded: dict[bytes, bytes] | None = None
        self.debug: bytes | None = None  # the debug token, if it is one
        self.fields = b""

    def header(self, name: bytes) -> bytes | None:
        """The value of the forwarded field `name` (lower case); several are joined by a comma."""
        return field(self.fields, name)


def bad(message: str) -> GatewayError:
    """A 400 after which the connection can't be used further."""
    return GatewayError("bad_request", message, close=True)


def parse_request(block: bytes, max_headers: int = 100) -> RequestHead:
    """Read a head. `block` is all before the empty line, without the CRLF that ends its last line.

    Raises GatewayError: bad_request, method, version, headers_too_large (more than `max_headers` lines).
    """
    head = RequestHead()
    try:
        first, head.fields, special = scan(block, head, REQUEST_NAMES, _ATTRIBUTES, max_headers, _NOTED)
    except ValueError as error:
        raise bad(str(error)) from None
    except OverflowError:
        raise GatewayError("headers_too_large", f"more than {max_headers} header fields", close=True) from None
    ordinary = split_request_line(first)
    if ordinary is None or ordinary[0] not in METHODS:
        _request_line(head, first)
    else:
        head.method, head.target, head.path, head.query = ordinary
    for kind, name, value in special:
        _HANDLERS[kind](head, name, value)
    if special or not head.http11 or head.host is None or head.length_said is not None:
        _settle(head)
    return head


def plausible(data: bytes, seen: int) -> bool:
    """Whether `data` may still become a head; its first `seen` bytes were found plausible before.

    Only what is new is looked at: a client that sends byte by byte must not cost the square of it.
    """
    fresh = data[max(0, seen - 1) :]
    if fresh[-1:] == b"\r":
        fresh = fresh[:-1]  # its LF may follow
    if seen and fresh[:1] == b"\n":
        fresh = fresh[1:]  # its CR was seen
    return not fresh.replace(b"\r\n", b"").translate(None, TEXT)


def _request_line(head: RequestHead, line: bytes) -> None:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise bad("the request line is not METHOD SP TARGET SP VERSION")
    head.method, head.target, version = method, target, _ = parts
    if version != b"HTTP/1.1":
        _old_version(head, version)
    if method not in METHODS:
        if TOKEN(method):
            raise GatewayError("method", "this method is not supported", close=True)
        raise bad("malformed method")
    if not _TARGET(target):
        raise bad("a character in the request target that must be percent-encoded")
    if target[0] != 47:
        target = _other_form(head, target)
    head.path, question, query = target.partition(b"?")
    if question:
        head.query = query


def _old_version(head: RequestHead, version: bytes) -> None:
    if version == b"HTTP/1.0":
        head.http11 = head.keep_alive = False
    elif _ANY_VERSION(version):
        raise GatewayError("version", "only HTTP/1.1 and HTTP/1.0 are spoken here", close=True)
    else:
        raise bad("malformed HTTP version")


def _other_form(head: RequestHead, target: bytes) -> bytes:
    """The path and query of a target in absolute form, or `*` (RFC 9112 3.2)."""
    absolute = _ABSOLUTE(target)
    if absolute:
        head.authority, rest = absolute.groups()
        if not head.authority:
            raise bad("the request target names no host")
        if not rest and head.method == b"OPTIONS":
            head.target = b"*"  # asks about the server as a whole (RFC 9112 3.2.4)
            return b"*"
        return rest if rest[:1] == b"/" else b"/" + rest
    if target != b"*" or head.method != b"OPTIONS":
        raise bad("malformed request target")
    return target


def _repeated_host(head: RequestHead, name: bytes, value: bytes) -> None:
    raise bad("more than one Host")


def _drop(head: RequestHead, name: bytes, value: bytes) -> None:
    """Neither read nor forwarded."""


def _repeated_length(head: RequestHead, name: bytes, value: bytes) -> None:
    raise bad("more than one Content-Length")


def _coding(head: RequestHead, name: bytes, value: bytes) -> None:
    if head.chunked or value.lower() != b"chunked":
        raise bad("Transfer-Encoding must be chunked, once")
    head.chunked = True


def _connection(head: RequestHead, name: bytes, value: bytes) -> None:
    named = tokens(value)
    if not _NEVER_NAMED.isdisjoint(named):
        raise bad("Connection must not name Host, Content-Length or Transfer-Encoding")
    head.connection = named if head.connection is None else head.connection | named


def _expect(head: RequestHead, name: bytes, value: bytes) -> None:
    if value.lower() == b"100-continue":
        head.expect = True
    else:
        head.fields += b"Expect: %b\r\n" % value


def _upgrade(head: RequestHead, name: bytes, value: bytes) -> None:
    head.upgrade = value.lower() if head.upgrade is None else b""


def _te(head: RequestHead, name: bytes, value: bytes) -> None:
    head.te_trailers = head.te_trailers or b"trailers" in tokens(value)


def _forwarded(head: RequestHead, name: bytes, value: bytes) -> None:
    if head.forwarded is None:
        head.forwarded = {}
    lower = name.lower()
    before = head.forwarded.get(lower)
    head.forwarded[lower] = value if before is None else before + b", " + value


def _debug(head: RequestHead, name: bytes, value: bytes) -> None:
    head.debug = value if head.debug is None else b""


def _repeated_traceparent(head: RequestHead, name: bytes, value: bytes) -> None:
    head.traceparent = b""


def _repeated_cookie(head: RequestHead, name: bytes, value: bytes) -> None:
    head.cookie = b"%b; %b" % (head.cookie or b"", value)


def _repeated_key(head: RequestHead, name: bytes, value: bytes) -> None:
    head.websocket_key = b""


def _handlers() -> list[Callable[[RequestHead, bytes, bytes], None]]:
    table: list[Callable[[RequestHead, bytes, bytes], None]] = [_drop] * Kind.COUNT
    table[Kind.HOST], table[Kind.CONTENT_LENGTH], table[Kind.TRANSFER_ENCODING] = (
        _repeated_host,
        _repeated_length,
        _coding,
    )
    table[Kind.CONNECTION], table[Kind.EXPECT], table[Kind.DEBUG] = _connection, _expect, _debug
    table[Kind.UPGRADE], table[Kind.TE], table[Kind.FORWARDED] = _upgrade, _te, _forwarded
    table[Kind.TRACEPARENT], table[Kind.COOKIE], table[Kind.WEBSOCKET] = (
        _repeated_traceparent,
        _repeated_cookie,
        _repeated_key,
    )
    return table


def _attributes() -> tuple[str | None, ...]:
    """By kind, the attribute that its first field becomes; a second one goes to the kind's handler."""
    table: list[str | None] = [None] * Kind.COUNT
    table[Kind.HOST], table[Kind.CONTENT_LENGTH], table[Kind.REQUEST_ID] = "host", "length_said", "request_id"
    table[Kind.TRACEPARENT], table[Kind.USER_AGENT], table[Kind.REFERER] = "traceparent", "user_agent", "referer"
    table[Kind.COOKIE], table[Kind.WEBSOCKET] = "cookie", "websocket_key"
    return tuple(table)


_HANDLERS = _handlers()
_ATTRIBUTES = _attributes()
_NOTED = Kind.NOTED


def _settle(head: RequestHead) -> None:
    """What follows from the fields together: framing, persistence, upgrade."""
    head.plain = False
    if head.host is None and head.http11:
        raise bad("no Host")
    said = head.length_said
    if said is not None:
        if not _DIGITS(said):
            raise bad("malformed Content-Length")
        head.length = int(said)
    if head.chunked and (said is not None or not head.http11):
        raise bad("Transfer-Encoding with Content-Length or in HTTP/1.0")
    named = head.connection
    if named is not None:
        if b"close" in named:
            head.keep_alive = False
        elif b"keep-alive" in named:
            head.keep_alive = True
        others = named - _KEEP_ALIVE
        if others:
            head.fields = without(head.fields, others)
            for name in _READ & others:
                setattr(head, name.replace(b"-", b"_").decode().removeprefix("x_"), None)
    if head.upgrade is not None and not _may_upgrade(head):
        head.upgrade = None
    if head.expect and not (head.http11 and (head.length or head.chunked)):
        head.expect = False


def _may_upgrade(head: RequestHead) -> bool:
    """Only WebSocket is tunnelled (RFC 6455 4.1): others, h2c first, would hide requests from the policies."""
    return (
        head.upgrade == b"websocket"
        and head.http11
        and head.method == b"GET"
        and not head.length
        and not head.chunked
        and bool(head.websocket_key)
        and head.connection is not None
        and b"upgrade" in head.connection
    )
