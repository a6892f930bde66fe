"""redirect: sends the client elsewhere: to https, or to another URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import quote

from gwt.phase.plugin import Exchange, Misconfigured, Plugin, Reply, nullable
from gwt.phase.template import Template, substitutions

#: How a URL must begin: so that no client decides which host it leads to.
_ANCHORED = re.compile(r"/|https?://|\$(uri|request_uri|scheme://)|\$\{(uri|request_uri|scheme\}://)").match


@dataclass(frozen=True)
class Redirect(Plugin):
    """One of `http_to_https`, `uri` (may hold `$variables`) and `regex_uri` (pairs; the first that is found counts).

    `http_to_https` answers 301 to GET and HEAD and 308 to others, so that no body is lost. A URL that begins with one
    `/` stays on this host, whatever the request holds.
    """

    name = "redirect"
    priority = 900

    http_to_https: bool = False
    uri: Annotated[str | None, nullable({"type": "string", "minLength": 1, "pattern": r"^[!-~]+$"})] = None
    regex_uri: tuple[str, ...] = ()
    ret_code: Literal[301, 302, 303, 307, 308] = 302
    encode_uri: bool = False
    append_query_string: bool = False
    _template: Any = field(init=False, default=None, compare=False)
    _pairs: Any = field(init=False, default=(), compare=False)

    def __post_init__(self) -> None:
        if sum((self.http_to_https, self.uri is not None, bool(self.regex_uri))) != 1:
            raise Misconfigured("", "it takes one of http_to_https, uri and regex_uri")
        if self.http_to_https and self.append_query_string:
            raise Misconfigured("append_query_string", "http_to_https keeps the query by itself")
        wild = [to for to in (*self.regex_uri[1::2], *([self.uri] if self.uri else ())) if not _ANCHORED(to)]
        if wild:
            raise Misconfigured("uri" if self.uri else "regex_uri", f"{wild[0]!r} begins with no / and no http(s)://")
        for name, of, make in (
            ("uri", "_template", lambda: None if self.uri is None else Template(self.uri)),
            ("regex_uri", "_pairs", lambda: substitutions(self.regex_uri)),
        ):
            try:
                object.__setattr__(self, of, make())
            except ValueError as error:
                raise Misconfigured(name, str(error)) from None

    def access(self, ctx: Exchange) -> Reply | None:
        """Answer, or let pass what has nowhere else to go."""
        if self.http_to_https:
            if ctx.scheme == b"https":
                return None
            target = b"https://" + ctx.host + ctx.path + (b"" if ctx.query is None else b"?" + ctx.query)
            return Reply.redirect(_plain(target), 301 if ctx.method in (b"GET", b"HEAD") else 308)
        found = self._found(ctx)
        if found is None:
            return None
        if self.encode_uri:
            found = quote(found, "/:?&=#@!$'()*+,;-._~").encode()
        if self.append_query_string and ctx.query:
            found += (b"&" if b"?" in found else b"?") + ctx.query
        return Reply.redirect(_plain(found), self.ret_code)

    def _found(self, ctx: Exchange) -> bytes | None:
        if self._template is None:
            return _stays(next(filter(None, (one(ctx.path) for one in self._pairs)), None), self.regex_uri[1])
        return _stays(self._template.url(ctx), self.uri or "")


def _plain(target: bytes) -> bytes:
    """What browsers would read as something else (a backslash is a slash for them) is percent-encoded."""
    return quote(target, "/%:?&=#@!$'()*+,;-._~[]").encode()


def _stays(target: bytes | None, written: str) -> bytes | None:
    """`//host` is another host: it comes about by what was written so, never by what a client sent."""
    if target is None or written[:2] == "//" or target[:2] not in (b"//", b"/\\"):
        return target
    return b"/" + target.lstrip(b"/\\")
