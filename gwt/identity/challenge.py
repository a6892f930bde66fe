"""What somebody is told who is not admitted: browsers where to log in, everybody else that a login is missing."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

#: Bytes of what `next` says, unescaped; a longer URL leads back to its path, or to the start.
_MAX_NEXT = 2048


class Challenge:
    """The answer to a request without an identity on a path that needs one.

    `login_url` is an absolute http(s) URL or a path of the same host; None where browsers are told what others are.
    """

    __slots__ = ("_after", "_before", "_place", "lines")

    def __init__(self, login_url: str | None, cookie: str) -> None:
        #: The field of the 401, with its CRLF.
        self.lines = b'WWW-Authenticate: Cookie realm="gwt", cookie-name="%b"\r\n' % cookie.encode("ascii")
        url, hash_, fragment = (login_url or "").partition("#")
        self._before = f"{url}{'&' if '?' in url else '?'}next=".encode("ascii") if login_url else None
        self._after = (hash_ + fragment).encode("ascii")
        #: Where one logs in, as authority and path: who is sent there from there would go in circles.
        self._place = _place(url.partition("?")[0])

    def location(
        self, accept: bytes | None, scheme: bytes, authority: bytes, path: bytes, query: bytes | None
    ) -> bytes | None:
        """Where to send a browser (302) that asked for this; None for the 401.

        `accept` is the request's Accept field, `path` the canonical path, `authority` the host that the client named.
        `next` is the path and query where one logs in on the same host, else the whole URL: never anything else than
        what was asked for here, so that nobody can be led elsewhere by it.
        """
        if self._before is None or accept is None or not wants_html(accept):
            return None
        # A path that begins with two slashes would be another host's name.
        path = b"/" + path.lstrip(b"/")
        host, login = self._place
        if path == login and (not host or host == authority.lower()):
            return None
        start = b"%b://%b" % (scheme, authority.lower()) if host else b""
        ways = (path if query is None else b"%b?%b" % (path, query), path, b"/")
        back = next(start + way for way in ways if len(way) <= _MAX_NEXT)
        return self._before + quote(back, safe="").encode("ascii") + self._after


def _place(url: str) -> tuple[bytes, bytes]:
    _, double, rest = url.partition("://")
    if not double:
        return b"", url.encode("ascii")
    authority, _, path = rest.partition("/")
    return authority.lower().encode("ascii"), f"/{path}".encode("ascii")


@lru_cache(maxsize=512)
def wants_html(accept: bytes) -> bool:
    """Whether an Accept field names text/html itself (`*/*` is what tools send), with another weight than 0."""
    for part in accept.lower().split(b","):
        kind, *parameters = (piece.strip(b" \t") for piece in part.split(b";"))
        if kind == b"text/html":
            return not any(one.startswith(b"q=") and not one[2:].strip(b"0.") for one in parameters)
    return False
