"""The head that an HTTP/2 upstream sees: the same fields as `gwt.upstream.requesthead` writes, in HPACK."""

from __future__ import annotations

from gwt.balance.endpoint import Endpoint
from gwt.leaf import Leaf
from gwt.phase.exchange import Exchange
from gwt.upstream.requesthead import addressed
from gwt.wire.forwarded import Ids, traceparent
from gwt.wire.h2.hpack import line, prefix, valued
from gwt.wire.h2.message import lines_block, request_start

_VIA = {"HTTP/1.1": line(b"via", b"1.1 gwt"), "HTTP/2.0": line(b"via", b"2.0 gwt")}
_OLD_VIA = line(b"via", b"1.0 gwt")
_REQUEST_ID, _TRACEPARENT = prefix(b"x-request-id"), prefix(b"traceparent")
_TRAILERS, _EXPECT = line(b"te", b"trailers"), line(b"expect", b"100-continue")


def request_block(exchange: Exchange, path: bytes, leaf: Leaf, endpoint: Endpoint, ids: Ids) -> bytes:
    """The field block of `exchange` for `endpoint`; `path` is the canonical one, rewritten."""
    head = exchange.head
    target, said, authority = addressed(head, path, leaf, endpoint)
    block = b"".join(
        (
            request_start(head.method, b"http" if leaf.tls is None else b"https", authority, target),
            lines_block(head.fields),
            lines_block(exchange.forwarded_lines),
            _VIA[exchange.protocol] if head.http11 else _OLD_VIA,
            line(b"x-forwarded-host", exchange.forwarded_host or said),
            valued(_REQUEST_ID, exchange.request_id),
            valued(_TRACEPARENT, traceparent(head.traceparent, ids)),
        )
    )
    if head.te_trailers:
        block += _TRAILERS
    return block + _EXPECT if head.expect else block
