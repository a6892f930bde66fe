"""response-rewrite: changes what the client gets: status, headers, body."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from gwt.phase import fields as lines
from gwt.phase.plugin import Exchange, Misconfigured, Plugin, nullable

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
    _added: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        object.__setattr__(self, "_text", self._decoded())
        object.__setattr__(self, "_added", self._lines())
        for name in self.headers.remove:
            try:
                lines.settable(name)
            except ValueError as error:
                raise Misconfigured("headers", str(error)) from None

    def _decoded(self) -> bytes | None:
        if self.body is None or not self.body_base64:
            return None if self.body is None else self.body.encode()
        try:
            return base64.b64decode(self.body, validate=True)
        except binascii.Error:
            raise Misconfigured("body", "with body_base64 it must be base64") from None

    def _lines(self) -> bytes:
        """The lines that are added; those that are set are tried."""
        pairs = [one.partition(":") for one in self.headers.add]
        if not all(colon for _, colon, _ in pairs):
            raise Misconfigured("headers", "add takes lines written as NAME: VALUE")
        try:
            lines.lines(self.headers.set)
            return lines.lines([(name.strip(), value.strip()) for name, _, value in pairs])
        except Exception as error:
            raise Misconfigured("headers", str(error)) from None

    def phases(self) -> tuple[str, ...]:
        """Bodies that stay as they are pass by untouched."""
        return ("header_filter",) if self._text is None else ("header_filter", "body_filter")

    def header_filter(self, ctx: Exchange) -> None:
        """Status and headers."""
        answer = ctx.answer
        assert answer is not None
        if self.status_code is not None:
            answer.status = self.status_code
        if self._text is not None:
            for name in _OF_THE_BODY:
                answer.remove_header(name)
        for name in self.headers.remove:
            answer.remove_header(name)
        for name, value in self.headers.set.items():
            answer.set_header(name, value)
        answer.fields += self._added

    def body_filter(self, ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        """The body of the configuration, once."""
        if self.name in ctx.notes:
            return b""
        ctx.notes[self.name] = True
        return self._text or b""
