"""response-rewrite: changes what the client gets: status, headers, body."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from gwt.errors import GatewayError
from gwt.phase.plugin import Edit, Exchange, Misconfigured, Plugin, nullable

NOTHING = Edit.of()
#: What described the body that there was.
_OF_THE_BODY = ("Content-Encoding", "Last-Modified", "ETag", "Accept-Ranges", "Content-Range")


@dataclass(frozen=True)
class Headers:
    """First `remove`, then `set` (in place of all of a name), then `add` (one more, written as NAME: VALUE)."""

    set: Mapping[str, str] = field(default_factory=dict)
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResponseRewrite(Plugin):
    """Changes answers, whoever made them: the upstream, a plugin of lower priority, or the gateway itself.

    `body` takes the place of the whole body; with `body_base64` it is written in base64.
    """

    name = "response-rewrite"
    priority = 899

    status_code: Annotated[int | None, nullable({"type": "integer", "minimum": 200, "maximum": 599})] = None
    body: str | None = None
    body_base64: bool = False
    headers: Headers = Headers()
    _text: bytes | None = field(init=False, default=None)
    _edit: Edit = field(init=False, default=NOTHING)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_text", self._decoded())
        object.__setattr__(self, "_edit", self._edited())

    def _decoded(self) -> bytes | None:
        if self.body is None or not self.body_base64:
            return None if self.body is None else self.body.encode()
        try:
            return base64.b64decode(self.body, validate=True)
        except binascii.Error:
            raise Misconfigured("body", "with body_base64 it must be base64") from None

    def _edited(self) -> Edit:
        """The changes to the headers."""
        pairs = [one.partition(":") for one in self.headers.add]
        if not all(colon for _, colon, _ in pairs):
            raise Misconfigured("headers", "add takes lines written as NAME: VALUE")
        gone = self.headers.remove if self._text is None else (*_OF_THE_BODY, *self.headers.remove)
        try:
            added = [(name.strip(), value.strip()) for name, _, value in pairs]
            return Edit.of(gone, self.headers.set.items(), added)
        except (ValueError, GatewayError) as error:
            raise Misconfigured("headers", str(error)) from None

    def phases(self) -> tuple[str, ...]:
        """Bodies that stay as they are pass by untouched."""
        return ("header_filter",) if self._text is None else ("header_filter", "body_filter")

    def edit(self) -> Edit | None:
        """Where only headers change nobody has to be asked."""
        return self._edit if self.status_code is None and self._text is None else None

    def header_filter(self, ctx: Exchange) -> None:
        """Status and headers."""
        answer = ctx.answer
        assert answer is not None
        if self.status_code is not None:
            answer.status = self.status_code
        self._edit(ctx)

    def body_filter(self, ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        """The body of the configuration, once."""
        if self.name in ctx.notes:
            return b""
        ctx.notes[self.name] = True
        return self._text or b""
