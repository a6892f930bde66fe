"""Template: an operator's text with `$variables` of the request; compiled once, made into bytes for each request.

`$name` and `${name}` are the variables of conditions (`gwt.route.variables`) and those below; `\\$` is a dollar. One
that the request has not is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.route.regex import BadRegex, TooLong, compile_regex
from gwt.route.variables import reader

Read = Callable[[Exchange], bytes | None]

_VARIABLE = re.compile(r"\\\$|\$\{(\w+)\}|\$(\w+)")
_GROUP = re.compile(r"\$(\d{1,2}|\{\d{1,2}\})")
#: What may stand in a URL as it is.
_URL = "/%:@!$&'()*+,;=-._~?"


def _request_uri(ctx: Exchange) -> bytes:
    return ctx.path if ctx.query is None else ctx.path + b"?" + ctx.query


#: Parts of the URL that the client asked for: these stand in another URL as they are.
_WHOLE: dict[str, Read] = {
    "uri": lambda ctx: ctx.path,
    "request_uri": _request_uri,
    "args": lambda ctx: ctx.query,
    "is_args": lambda ctx: b"?" if ctx.query is not None else b"",
    "host": lambda ctx: ctx.host,
    "scheme": lambda ctx: ctx.scheme,
}
_FURTHER: dict[str, Read] = {
    "server_addr": lambda ctx: ctx.server_addr.encode(),
    "request_id": lambda ctx: ctx.request_id,
    "consumer_name": lambda ctx: None if ctx.user is None else ctx.user.encode(),
}


class Template:
    """Raises ValueError, for people, where a variable is none."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts: list[tuple[bytes, Read | None, bool]] = []
        end = 0
        for found in _VARIABLE.finditer(text):
            self._parts.append((text[end : found.start()].encode(), None, True))
            name, end = found[1] or found[2], found.end()
            if name is None:
                self._parts.append((b"$", None, True))
            else:
                read: Read = _WHOLE.get(name) or _FURTHER.get(name) or reader(name)
                self._parts.append((b"", read, name in _WHOLE))
        self._parts.append((text[end:].encode(), None, True))

    def text(self, ctx: Exchange) -> bytes:
        """For a header or a body."""
        return b"".join([raw if read is None else read(ctx) or b"" for raw, read, _ in self._parts])

    def url(self, ctx: Exchange) -> bytes:
        """For a URL: what is no part of the client's own URL is percent-encoded whole, so that it stays one part."""
        return b"".join(
            raw if read is None else quote(read(ctx) or b"", _URL if whole else "").encode()
            for raw, read, whole in self._parts
        )


class Substitution:
    """A regular expression and what stands in the place of what it finds first, with `$1` for its groups."""

    __slots__ = ("_search", "_to")

    def __init__(self, pattern: str, to: str) -> None:
        """Raises ValueError, for people."""
        try:
            compiled = compile_regex(pattern.encode())
            self._to = _GROUP.sub(lambda found: f"\\g<{found[1].strip('{}')}>", to.replace("\\", r"\\")).encode()
            compiled.subn(self._to, b"")  # the template is parsed whether or not anything is found
        except (BadRegex, re.error, IndexError) as error:
            raise ValueError(f"[{pattern!r}, {to!r}]: {error}") from None
        self._search = compiled

    def __call__(self, path: bytes) -> bytes | None:
        """`path` changed; None where nothing is found. GatewayError `bad_request` where it is too long to look."""
        try:
            changed, count = self._search.subn(self._to, path, count=1)
        except TooLong as error:
            raise GatewayError("bad_request", str(error)) from None
        return changed if count else None


def substitutions(texts: tuple[str, ...]) -> list[Substitution]:
    """The pairs of a `regex_uri`. Raises ValueError, for people."""
    if len(texts) % 2:
        raise ValueError("it takes pairs: a regular expression, and what stands in its place")
    return [Substitution(texts[n], texts[n + 1]) for n in range(0, len(texts), 2)]
