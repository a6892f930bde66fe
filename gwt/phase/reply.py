"""Reply: the answer that a plugin gives instead of letting the request go on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gwt.errors import GatewayError
from gwt.phase import fields as lines
from gwt.phase.fields import Text

Headers = Mapping[str, Text] | Iterable[tuple[Text, Text]]

#: What callers of gRPC are told of a status that is a plugin's own; all others are `plugin`, or `denied` below 500.
_CODES = {400: "bad_request", 401: "auth", 404: "no_route", 413: "too_large", 429: "rate_limit", 503: "overloaded",
          504: "timeout"}  # fmt: skip


class Reply:
    """A status (200 to 599), a body and headers; Date and Content-Length are added. It never changes: make it once.

    `code` is what the access log says of it. An answer that looks like the gateway's own errors, also to callers of
    gRPC, is made by `Reply.error`; raising `GatewayError` does the same.
    """

    __slots__ = ("body", "code", "failure", "fields", "status")

    def __init__(self, status: int, body: Text = b"", headers: Headers = (), code: str | None = None) -> None:
        if not 200 <= status <= 599:
            raise ValueError(f"an answer has a status from 200 to 599, not {status}")
        self.status, self.body, self.code = status, lines.octets(body), code
        self.fields = lines.lines(headers)
        self.failure: GatewayError | None = None
        if self.body and not lines.has(self.fields, b"content-type"):
            self.fields += b"Content-Type: text/plain; charset=utf-8\r\n"

    @classmethod
    def json(cls, status: int, value: Any, headers: Headers = ()) -> Reply:
        """`value` as JSON."""
        body = json.dumps(value).encode() + b"\n"
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return cls(status, body, [("Content-Type", "application/json"), *pairs])

    @classmethod
    def redirect(cls, location: Text, status: int = 302) -> Reply:
        """Send the client elsewhere."""
        return cls(status, b"", [("Location", location)])

    @classmethod
    def error(cls, code: str, message: str, headers: Headers = (), status: int | None = None) -> Reply:
        """An error of docs/errors.md by its `code`, with another status than its own if need be."""
        return cls.of(GatewayError(code, message, status=status, fields=lines.lines(headers)))

    @classmethod
    def of(cls, error: GatewayError) -> Reply:
        """An error of the gateway's as a Reply."""
        reply = cls(error.status, b"", (), error.code)
        reply.failure = error
        return reply

    def as_error(self) -> GatewayError:
        """What a caller of gRPC is told in place of an answer of 400 or more."""
        if self.failure is not None:
            return self.failure
        code = self.code or _CODES.get(self.status, "denied" if self.status < 500 else "plugin")
        message = self.body.decode("utf-8", "replace")[:1000]
        return GatewayError(code, message, status=self.status, fields=lines.removed(self.fields, b"content-type"))

    def __repr__(self) -> str:
        return f"<Reply {self.status}{' ' + self.code if self.code else ''}>"
