"""forward-auth: another service says whether a request may pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from twisted.internet.defer import CancelledError, Deferred

from gwt.errors import GatewayError
from gwt.phase import fields as lines
from gwt.phase.auth import ADMITTED, AuthPlugin, Checked, Settled
from gwt.phase.plugin import Exchange, Misconfigured, Reply

_FORWARDED = (b"x-forwarded-proto", b"x-forwarded-for")


@dataclass(frozen=True)
class ForwardAuth(AuthPlugin):
    """Asks `uri` about each request, and admits what it answers with less than 300.

    It is told method, scheme, host, URI and client in `X-Forwarded-*`, and those of `request_headers`; with
    `request_method: POST` the body too. Of its answer the upstream gets `upstream_headers` (nobody else's of these
    names), and a client that is turned away `client_headers`. `timeout` is in milliseconds. Where it does not answer,
    the client gets `status_on_error`, or passes with `allow_degradation`.
    """

    name = "forward-auth"
    priority = 2002

    uri: Annotated[str, {"type": "string", "pattern": "^https?://"}]
    request_method: Literal["GET", "POST"] = "GET"
    request_headers: tuple[str, ...] = ()
    upstream_headers: tuple[str, ...] = ()
    client_headers: tuple[str, ...] = ()
    timeout: Annotated[int, {"type": "integer", "minimum": 1, "maximum": 60000}] = 3000
    status_on_error: Annotated[int, {"type": "integer", "minimum": 200, "maximum": 599}] = 403
    allow_degradation: bool = False

    def __post_init__(self) -> None:
        for field in ("request_headers", "upstream_headers", "client_headers"):
            try:
                for name in getattr(self, field):
                    lines.settable(name)
            except ValueError as error:
                raise Misconfigured(field, str(error)) from None

    def check(self, ctx: Exchange) -> Checked:
        """One question for each request."""
        if self.request_method == "POST":
            return ctx.request.read_body().addCallback(partial(self._ask, ctx))
        return self._ask(ctx, None)

    def _ask(self, ctx: Exchange, body: bytes | None) -> Deferred[Settled]:
        asked = ctx.tools.ask(self.request_method, self.uri, self._told(ctx), body, self.timeout / 1000)
        return asked.addCallbacks(self._said, self._silent, callbackArgs=(ctx,), errbackArgs=(ctx,))

    def _told(self, ctx: Exchange) -> list[tuple[bytes, bytes]]:
        scheme, client = (lines.field(ctx.forwarded_lines, name) or b"" for name in _FORWARDED)
        told = [(b"X-Forwarded-Proto", scheme), (b"X-Forwarded-Method", ctx.method), (b"X-Forwarded-Host", ctx.host),
                (b"X-Forwarded-Uri", ctx.head.target), (b"X-Forwarded-For", client)]  # fmt: skip
        own = {name.lower() for name, _ in told}
        for name in map(str.encode, self.request_headers):
            value = ctx.header(name.lower())
            if value is not None and name.lower() not in own:
                told.append((name, value))
        return told

    def _said(self, answered: Any, ctx: Exchange) -> Settled:
        if answered.status >= 300:
            told = [(name, answered.headers.get(name.lower().encode())) for name in self.client_headers]
            headers = [(name, value) for name, value in told if value is not None]
            return Reply(answered.status if answered.status < 600 else 502, answered.body, headers, "auth")
        for name in self.upstream_headers:
            value = answered.headers.get(name.lower().encode())
            ctx.request.remove_header(name)
            if value is None:
                continue
            if name.lower() == "x-user-id":
                ctx.identify(value.decode("latin-1"))
            else:
                ctx.request.set_header(name, value)
        return ADMITTED

    def _silent(self, failure: Any, ctx: Exchange) -> Settled:
        if failure.check(CancelledError):
            failure.raiseException()
        if self.allow_degradation:
            for name in self.upstream_headers:
                ctx.request.remove_header(name)
            return ADMITTED
        return Reply.of(GatewayError("auth", "who may pass can't be told now", status=self.status_on_error))
