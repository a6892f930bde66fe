"""The gateway's own errors: one table from a code to what each kind of client is told.

An error is raised or passed around as a `GatewayError`; `edge` is the one place
that turns it into an answer (JSON and `Proxy-Status`, or `grpc-status`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Blame(Enum):
    """Who has to change something for the error to go away."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How an error code is told: HTTP status, gRPC status, RFC 9209 error type (None where none fits)."""

    status: int
    grpc: int
    blame: Blame
    proxy_status: str | None


_C, _U, _G = Blame.CLIENT, Blame.UPSTREAM, Blame.GATEWAY

#: Every code that the gateway answers with (docs/errors.md lists them for operators).
KINDS: dict[str, ErrorKind] = {
    "no_route": ErrorKind(404, 12, _C, "destination_not_found"),
    "no_service": ErrorKind(503, 14, _G, "destination_unavailable"),
    "no_endpoint": ErrorKind(503, 14, _U, "destination_unavailable"),
    "policy": ErrorKind(503, 14, _G, "proxy_configuration_error"),
    "identity": ErrorKind(503, 14, _G, "proxy_internal_error"),
    "overloaded": ErrorKind(503, 14, _G, "connection_limit_reached"),
    "draining": ErrorKind(503, 14, _G, "proxy_internal_error"),
    "breaker_open": ErrorKind(503, 14, _U, "destination_unavailable"),
    "connect_failed": ErrorKind(502, 14, _U, "connection_refused"),
    "bad_answer": ErrorKind(502, 14, _U, "http_protocol_error"),
    "timeout": ErrorKind(504, 4, _U, "http_response_timeout"),
    "login": ErrorKind(401, 16, _C, "http_request_denied"),
    "auth": ErrorKind(401, 16, _C, "http_request_denied"),
    "ip": ErrorKind(403, 7, _C, "http_request_denied"),
    "require": ErrorKind(403, 7, _C, "http_request_denied"),
    "denied": ErrorKind(403, 7, _C, "http_request_denied"),
    "rate_limit": ErrorKind(429, 8, _C, "http_request_denied"),
    "bad_request": ErrorKind(400, 13, _C, "http_request_error"),
    "misdirected": ErrorKind(421, 14, _C, "http_request_denied"),
    "slow_request": ErrorKind(408, 13, _C, "http_request_error"),
    "too_large": ErrorKind(413, 13, _C, "http_request_error"),
    "uri_too_long": ErrorKind(414, 13, _C, "http_request_error"),
    "headers_too_large": ErrorKind(431, 13, _C, "http_request_error"),
    "method": ErrorKind(501, 13, _C, "http_request_error"),
    "version": ErrorKind(505, 13, _C, "http_request_error"),
    "plugin": ErrorKind(500, 13, _G, "proxy_internal_error"),
    "internal": ErrorKind(500, 13, _G, "proxy_internal_error"),
}


class GatewayError(Exception):
    """An answer of the gateway itself.

    `code` is a key of `KINDS` (ValueError otherwise), `message` is for people and
    holds no secret, `detail` refines `Proxy-Status` where the kind is too coarse,
    `close` says that the client connection can't be used further. `status` is that of the kind unless another is
    given, `fields` are further field lines of the answer, each with its CRLF (Retry-After, say).
    """

    __slots__ = ("close", "code", "detail", "fields", "kind", "message", "status")

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        close: bool = False,
        status: int | None = None,
        fields: bytes = b"",
    ) -> None:
        if code not in KINDS:
            raise ValueError(f"unknown error code {code!r}")
        super().__init__(message)
        self.code, self.message, self.detail, self.close = code, message, detail, close
        self.kind = KINDS[code]
        self.status = self.kind.status if status is None else status
        self.fields = fields
