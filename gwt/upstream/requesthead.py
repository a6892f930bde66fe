"""The head that an upstream sees: the client's fields, then the gateway's own."""

from __future__ import annotations

from gwt.balance.endpoint import Endpoint
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.wire.forwarded import Ids, traceparent
from gwt.wire.request import RequestHead

#: By the protocol of the client; HTTP/1.0 is known by its head.
_VIA = {
    "HTTP/1.1": b"Via: 1.1 gwt\r\nX-Forwarded-Host: ",
    "HTTP/2.0": b"Via: 2.0 gwt\r\nX-Forwarded-Host: ",
}
_OLD_VIA = b"Via: 1.0 gwt\r\nX-Forwarded-Host: "


def request_head(exchange: Exchange, path: bytes, leaf: Leaf, endpoint: Endpoint, ids: Ids) -> bytes:
    """The head of `exchange` for `endpoint`, its empty line included; `path` is the canonical one, rewritten."""
    head = exchange.head
    target, said, host = addressed(head, path, leaf, endpoint)
    return b"".join(
        (
            head.method,
            b" ",
            target,
            b" HTTP/1.1\r\nHost: ",
            host,
            b"\r\n",
            head.fields,
            exchange.forwarded_lines,
            _VIA[exchange.protocol] if head.http11 else _OLD_VIA,
            exchange.forwarded_host or said,
            b"\r\nX-Request-Id: ",
            exchange.request_id,
            b"\r\ntraceparent: ",
            traceparent(head.traceparent, ids),
            b"\r\n\r\n" if head.plain else _framing(head),
        )
    )


def _framing(head: RequestHead) -> bytes:
    """The rare fields, set anew, and the end of the head."""
    if head.upgrade is not None:
        return b"\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % head.upgrade
    lines = b"\r\n"
    if head.chunked:
        lines += b"Transfer-Encoding: chunked\r\n"
    if head.expect:
        lines += b"Expect: 100-continue\r\n"
    if head.te_trailers:
        lines += b"Connection: TE\r\nTE: trailers\r\n"
    return lines + b"\r\n"


def addressed(head: RequestHead, path: bytes, leaf: Leaf, endpoint: Endpoint) -> tuple[bytes, bytes, bytes]:
    """The request target, the host that the client has named (empty: none), and that which the upstream is told."""
    if head.query is not None:
        path = b"%b?%b" % (path, head.query)
    elif head.target == b"*":
        path = b"*"
    said = (head.host if head.authority is None else head.authority) or b""
    host = said if leaf.host_mode is None else leaf.host_mode
    return path, said, host or endpoint.authority or endpoint.address.encode()
