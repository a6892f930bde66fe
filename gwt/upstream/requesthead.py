"""The head that an upstream sees: the client's fields, then the gateway's own."""

from __future__ import annotations

from gwt.balance.endpoint import Endpoint
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.wire.forwarded import Ids, traceparent
from gwt.wire.request import RequestHead


def request_head(exchange: Exchange, path: bytes, leaf: Leaf, endpoint: Endpoint, ids: Ids) -> bytes:
    """The head of `exchange` for `endpoint`, its empty line included; `path` is the canonical one, rewritten."""
    head = exchange.head
    if head.query is not None:
        path = b"%b?%b" % (path, head.query)
    elif head.target == b"*":
        path = b"*"
    said = head.host if head.authority is None else head.authority
    host = said if leaf.host_mode is None else leaf.host_mode
    return b"".join(
        (
            head.method,
            b" ",
            path,
            b" HTTP/1.1\r\nHost: ",
            host or endpoint.address.encode(),
            b"\r\n",
            head.fields,
            exchange.forwarded_lines,
            b"Via: 1.1 gwt\r\nX-Forwarded-Host: " if head.http11 else b"Via: 1.0 gwt\r\nX-Forwarded-Host: ",
            exchange.forwarded_host or said or b"",
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
