"""The one place that turns a GatewayError into an answer: JSON and Proxy-Status, or grpc-status."""

from __future__ import annotations

import json
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import quote

from gwt.errors import GatewayError
from gwt.wire.date import date_line

REASONS: dict[int, bytes] = {status.value: status.phrase.encode() for status in HTTPStatus}
REASONS[413], REASONS[414] = b"Content Too Large", b"URI Too Long"


@lru_cache(maxsize=512)
def status_line(status: int, reason: bytes) -> bytes:
    """The status line with its CRLF."""
    return b"HTTP/1.1 %d %b\r\n" % (status, reason or REASONS.get(status, b""))


Answer = tuple[int, bytes, bytes]


def refusal(error: GatewayError, request_id: bytes, grpc: bool) -> Answer:
    """Status, field lines and body. A gRPC caller gets HTTP 200 and the error in its own fields."""
    kind = error.kind
    if grpc:
        message = quote(error.message, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~").encode("ascii")
        fields = b"Content-Type: application/grpc\r\ngrpc-status: %d\r\ngrpc-message: %b\r\nContent-Length: 0\r\n"
        return 200, date_line() + error.fields + fields % (kind.grpc, message), b""
    body = {"error_msg": error.message, "code": error.code, "request_id": request_id.decode("ascii")}
    text = json.dumps(body).encode("ascii") + b"\n"
    fields = b"%bContent-Type: application/json\r\nContent-Length: %d\r\n" % (date_line(), len(text))
    fields += error.fields
    token = error.detail or kind.proxy_status
    if token is not None:
        fields += b"Proxy-Status: gwt; error=%b\r\n" % token.encode("ascii")
    return error.status, fields, text
