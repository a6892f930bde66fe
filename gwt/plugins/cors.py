"""cors: tells browsers which other origins may read what this path answers, and answers their preflights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from gwt.phase import fields as lines
from gwt.phase.plugin import Exchange, Misconfigured, Plugin, Reply, Schema
from gwt.route.regex import TooLong, compile_regex

_ALL_METHODS = "GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS"
_ORIGIN = "access-control-allow-origin"
_ORIGINS: Schema = {
    "title": "origins such as https://a.example,https://b.example:8443, or *",
    "type": "string",
    "pattern": r"^(\*\*?|null|[^*,\s]+://[^*,\s]+(,[^*,\s]+)*)$",
}
_CREDENTIALS = "access-control-allow-credentials"


@dataclass(frozen=True)
class Cors(Plugin):
    """Cross-origin resource sharing, by the rules of the Fetch standard. What the upstream says of it does not count.

    Lists are written with commas. `*` is everything, without credentials; `**` is everything that is asked for, with
    credentials too, but never for origins. The regular expressions must fit an origin as a whole.
    """

    name = "cors"
    priority = 4000

    allow_origins: Annotated[str, _ORIGINS] = "*"
    allow_methods: str = "*"
    allow_headers: str = "*"
    expose_headers: str = ""
    max_age: Annotated[int, {"type": "integer", "minimum": -1}] = 5
    allow_credential: bool = False
    allow_origins_by_regex: tuple[str, ...] = ()
    _origins: frozenset[bytes] = field(init=False, default=frozenset())
    _patterns: tuple[Any, ...] = field(init=False, default=(), compare=False)
    _open: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        named = () if self.allow_origins_by_regex else self.allow_origins.lower().split(",")
        object.__setattr__(self, "_origins", frozenset(one.strip().encode() for one in named))
        object.__setattr__(self, "_open", bool({b"*", b"**"} & self._origins))
        try:
            compiled = tuple(compile_regex(one.encode(), whole=True).search for one in self.allow_origins_by_regex)
        except ValueError as error:
            raise Misconfigured("allow_origins_by_regex", str(error)) from None
        object.__setattr__(self, "_patterns", compiled)
        self._check()

    def _check(self) -> None:
        for name in ("allow_methods", "allow_headers", "expose_headers"):
            try:
                lines.line("X-Checked", getattr(self, name))
            except Exception as error:
                raise Misconfigured(name, str(error)) from None
            if self.allow_credential and getattr(self, name) == "*":
                raise Misconfigured(name, "* does not go with allow_credential: name them")
        if self.allow_credential and self._open:
            message = "with allow_credential every site could act for your users: name the origins, or a regex"
            raise Misconfigured("allow_origins", message)

    def rewrite(self, ctx: Exchange) -> Reply | None:
        """Answer a preflight: nobody logs in for one."""
        asked = ctx.header(b"access-control-request-method")
        if ctx.method != b"OPTIONS" or asked is None or ctx.header(b"origin") is None:
            return None
        return Reply(200, b"", self._preflight(ctx))

    def _preflight(self, ctx: Exchange) -> list[tuple[str, str | bytes]]:
        if not self._admits(ctx.header(b"origin")):
            return []
        headers = ctx.header(b"access-control-request-headers") if self.allow_headers == "**" else None
        told: list[tuple[str, str | bytes]] = [
            ("Access-Control-Allow-Methods", _ALL_METHODS if self.allow_methods == "**" else self.allow_methods),
            ("Access-Control-Allow-Headers", self.allow_headers.rstrip("*") or "*" if headers is None else headers),
            ("Access-Control-Max-Age", str(self.max_age)),
        ]
        return [*told, ("Vary", "Access-Control-Request-Headers")] if self.allow_headers == "**" else told

    def header_filter(self, ctx: Exchange) -> None:
        """Say whether the origin may read this."""
        answer, origin = ctx.answer, ctx.header(b"origin")
        assert answer is not None
        answer.remove_header(_ORIGIN)
        answer.remove_header(_CREDENTIALS)
        if not self._open:
            answer.set_header("Vary", b", ".join(filter(None, (answer.header(b"vary"), b"Origin"))))
            if origin is None or not self._admits(origin):
                return
        answer.set_header("Access-Control-Allow-Origin", b"*" if self._open or origin is None else origin)
        if self.allow_credential:
            answer.set_header("Access-Control-Allow-Credentials", "true")
        if self.expose_headers:
            answer.set_header("Access-Control-Expose-Headers", self.expose_headers)

    def _admits(self, origin: bytes | None) -> bool:
        if origin is None:
            return False
        try:
            return self._open or origin.lower() in self._origins or any(fits(origin) for fits in self._patterns)
        except TooLong:  # no browser sends such a one
            return False
