"""Errors as answers."""

from __future__ import annotations

import json

from gwt.edge.refusal import REASONS, refusal, status_line
from gwt.errors import KINDS, GatewayError


def test_every_error_is_told() -> None:
    for code, kind in KINDS.items():
        status, fields, body = refusal(GatewayError(code, "why"), b"id", False)
        assert status == kind.status and status in REASONS
        assert json.loads(body) == {"error_msg": "why", "code": code, "request_id": "id"}
        assert b"Content-Length: %d\r\n" % len(body) in fields and b"Proxy-Status: gwt; error=" in fields


def test_details_refine_proxy_status() -> None:
    assert b"error=connection_timeout\r\n" in refusal(
        GatewayError("connect_failed", "x", detail="connection_timeout"), b"id", False
    )[1]  # fmt: skip


def test_grpc_messages_are_escaped() -> None:
    status, fields, body = refusal(GatewayError("timeout", "a%b\r\nX: ä"), b"id", True)
    assert (status, body) == (200, b"") and b"grpc-status: 4\r\n" in fields
    assert b"grpc-message: a%25b%0D%0AX: %C3%A4\r\n" in fields


def test_status_lines() -> None:
    assert status_line(404, b"") == b"HTTP/1.1 404 Not Found\r\n"
    assert status_line(299, b"") == b"HTTP/1.1 299 \r\n"
    assert status_line(200, b"Fine") == b"HTTP/1.1 200 Fine\r\n"
