"""Outgoing: the request that goes upstream, as plugins change it; `ctx.request`.

What was asked (`ctx.path`, the access log, the route that was chosen) stays what it was: changes count for what the
upstream sees.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.phase import fields as lines
from gwt.phase.exchange import Exchange
from gwt.phase.fields import Text
from gwt.phase.held import Held
from gwt.route.hosts import BadHost, normalise_host
from gwt.route.path import BadPath, normalise
from gwt.wire.request import METHODS

#: Fields that the gateway writes on every request; setting one changes what it writes.
FORWARDED = frozenset((b"x-forwarded-for", b"x-real-ip", b"x-forwarded-proto", b"x-forwarded-port"))
OWN = frozenset((b"x-request-id", b"via", b"traceparent"))


class Outgoing:
    """Made when a plugin first asks for it. Names and values are bytes or str."""

    __slots__ = ("_exchange", "_host", "_method", "_path", "_upstream")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._method: bytes | None = None  # the client's, once it was changed
        self._path: bytes | None = None
        self._host: bytes | None = None
        self._upstream: str | None = None

    # -- headers

    def set_header(self, name: Text, value: Text) -> None:
        """This one in place of all of its name."""
        name = lines.settable(name)
        lower = name.lower()
        if lower in FORWARDED:
            self._exchange.forwarded_lines = lines.put(self._exchange.forwarded_lines, name, value)
        elif lower == b"x-forwarded-host":
            lines.line(name, value)
            self._exchange.forwarded_host = lines.octets(value)
        elif lower in OWN:
            raise ValueError(f"the header {name.decode()} is the gateway's own")
        else:
            self._put(lines.put(self._exchange.head.fields, name, value), lower)

    def add_header(self, name: Text, value: Text) -> None:
        """One more of its name."""
        name = lines.settable(name)
        lower = name.lower()
        if lower in FORWARDED or lower in OWN or lower == b"x-forwarded-host":
            raise ValueError(f"the header {name.decode()} is there once: set it")
        self._put(self._exchange.head.fields + lines.line(name, value), lower)

    def remove_header(self, name: Text) -> None:
        """None of that name."""
        name = lines.settable(name)
        lower = name.lower()
        if lower in FORWARDED:
            self._exchange.forwarded_lines = lines.removed(self._exchange.forwarded_lines, name)
        elif lower in OWN or lower == b"x-forwarded-host":
            raise ValueError(f"the header {name.decode()} is the gateway's own")
        else:
            self._put(lines.removed(self._exchange.head.fields, name), lower)

    def _put(self, fields: bytes, changed: bytes) -> None:
        exchange = self._exchange
        exchange.head.fields = fields
        if changed == b"cookie":
            exchange.head.cookie = exchange.head.header(b"cookie")
            exchange._cookies = None

    # -- the request line and where it goes

    def set_path(self, path: Text) -> None:
        """What the upstream sees in place of the path (and of the path's `rewrite`). GatewayError where it is none."""
        raw = lines.octets(path)
        try:
            if raw[:1] != b"/" or b"?" in raw or b"#" in raw:
                raise BadPath("a path begins with / and holds no query")
            self._path = normalise(raw, self._exchange.snapshot.merge_slashes)
        except BadPath as error:
            raise GatewayError("bad_request", f"the rewritten path is none: {error}") from None

    def set_query(self, query: Text | None) -> None:
        """What follows the `?`; None: nothing, and no `?`."""
        raw = None if query is None else lines.octets(query)
        if raw is not None and (b"#" in raw or any(byte <= 0x20 or byte >= 0x7F for byte in raw)):
            raise GatewayError("bad_request", "the rewritten query holds what must be percent-encoded")
        self._exchange.head.query = raw
        self._exchange._args = None

    def set_host(self, host: Text) -> None:
        """The Host that the upstream sees. GatewayError where it is none."""
        raw = lines.octets(host)
        try:
            normalise_host(raw)
        except BadHost as error:
            raise GatewayError("bad_request", f"the rewritten host is none: {error}") from None
        self._host = raw

    def set_method(self, method: Text) -> None:
        """Another method; a HEAD stays one and none becomes one, as its answer has no body."""
        raw = lines.octets(method).upper()
        head = self._exchange.head
        if raw not in METHODS:
            raise ValueError(f"{raw!r} is no method that can be sent")
        if (raw == b"HEAD") != (head.method == b"HEAD"):
            raise ValueError("HEAD can't be made of another method, nor another of HEAD")
        if self._method is None:
            self._method = head.method
        head.method = raw

    def set_upstream(self, key: str) -> None:
        """Another service: `namespace/name:port` or a bare upstream name. Only for paths that lead to a service."""
        self._upstream = key

    # -- the body

    def read_body(self) -> Deferred[bytes]:
        """Fires with the whole body; fails with GatewayError `too_large` beyond `max_body`."""
        return self._held().whole()

    def replace_body(self, body: bytes) -> None:
        """Another body, or one where there was none. The client's must have been read."""
        self._held().replace(body)

    def _held(self) -> Held:
        held: Held = self._exchange.phases.hold()
        return held

    # -- for the chain

    def aimed(self, leaf: Any) -> Any:
        """What `leaf` is with these changes; the path is put in its place."""
        if self._path is None and self._host is None and self._upstream is None:
            return leaf
        if self._path is not None:
            self._exchange.path = self._path
        return leaf.aimed(self._upstream, self._host, self._path is not None)

    def over(self) -> None:
        """What was asked is what is logged."""
        if self._method is not None:
            self._exchange.head.method = self._method
