"""proxy-rewrite: changes what the upstream sees: path, query, host, method, headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from gwt.phase import fields as lines
from gwt.phase.outgoing import FORWARDED, OWN
from gwt.phase.plugin import Exchange, Misconfigured, Plugin, nullable
from gwt.phase.template import Template, substitutions
from gwt.route.hosts import BadHost, normalise_host
from gwt.wire.request import METHODS

_FIXED = {name.decode() for name in OWN}
_ONCE = _FIXED | {name.decode() for name in FORWARDED} | {"x-forwarded-host"}


@dataclass(frozen=True)
class Headers:
    """First `remove`, then `set` (in place of all of a name), then `add` (one more)."""

    set: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProxyRewrite(Plugin):
    """Another path (`uri`, or by `regex_uri`), query, Host, method and headers for the upstream.

    `uri` and the values of headers may hold `$variables`; a query in `uri` goes before the client's own. Of `regex_uri`
    (pairs) the first that is found counts.
    """

    name = "proxy-rewrite"
    priority = 1008

    uri: Annotated[str | None, nullable({"type": "string", "pattern": r"^/[^#\s]*$", "maxLength": 4096})] = None
    regex_uri: tuple[str, ...] = ()
    host: Annotated[str | None, nullable({"type": "string", "minLength": 1})] = None
    method: str | None = None
    headers: Headers = Headers()
    _path: Any = field(init=False, default=None, compare=False)
    _query: Any = field(init=False, default=None, compare=False)
    _pairs: Any = field(init=False, default=(), compare=False)
    _values: Any = field(init=False, default=(), compare=False)

    def __post_init__(self) -> None:
        path, mark, query = (self.uri or "").partition("?")
        for name, of, make in (
            ("uri", "_path", lambda: Template(path) if path else None),
            ("uri", "_query", lambda: Template(query) if mark else None),
            ("regex_uri", "_pairs", lambda: substitutions(self.regex_uri)),
            ("headers", "_values", self._checked),
            ("host", "host", lambda: None if self.host is None else normalise_host(self.host.encode()) and self.host),
        ):
            try:
                object.__setattr__(self, of, make())
            except (ValueError, BadHost) as error:
                raise Misconfigured(name, str(error)) from None
        if self.method is not None and (self.method.upper().encode() not in METHODS or self.method.upper() == "HEAD"):
            raise Misconfigured("method", f"{self.method!r} is no method that another can become")

    def _checked(self) -> list[tuple[str, Template, bool]]:
        for name in (*self.headers.remove, *self.headers.set, *self.headers.add):
            lines.settable(name)
        for names, taken in ((self.headers.set, _FIXED), (self.headers.remove, _FIXED | {"x-forwarded-host"}),
                             (self.headers.add, _ONCE)):  # fmt: skip
            wrong = taken.intersection(name.lower() for name in names)
            if wrong:
                raise ValueError(f"the gateway itself writes {', '.join(sorted(wrong))}")
        said = [(name, value, False) for name, value in self.headers.set.items()]
        said += [(name, value, True) for name, value in self.headers.add.items()]
        return [(name, Template(value), more) for name, value, more in said]

    def access(self, ctx: Exchange) -> None:
        """All of it, for whoever was let in: it may say who that is."""
        request = ctx.request
        for name in self.headers.remove:
            request.remove_header(name)
        for name, value, more in self._values:
            (request.add_header if more else request.set_header)(name, value.text(ctx))
        path = self._path.url(ctx) if self._path else next(filter(None, (one(ctx.path) for one in self._pairs)), None)
        query = None if self._query is None else self._query.url(ctx)
        if path is not None:
            path, mark, found = path.partition(b"?")
            query = found if mark else query
            request.set_path(path)
        if query is not None:
            request.set_query(b"&".join(filter(None, (query, ctx.query))))
        if self.host is not None:
            request.set_host(self.host)
        if self.method is not None and ctx.method != b"HEAD":
            request.set_method(self.method)
