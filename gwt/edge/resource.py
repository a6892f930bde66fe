"""The resource tree: the gateway's root, and one leaf resource for each leaf of the router.

Real `IResource`s: the channel calls them as `twisted.web.server.Site` does, and under a plain
Site they work on its requests through `gwt.edge.adopt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from gwt.edge.adopt import adopted
from gwt.edge.mount import Mount
from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase.chain import Render
from gwt.phase.exchange import Exchange
from gwt.proxy import Proxy
from gwt.route.hosts import BadHost, normalise_host
from gwt.route.path import BadPath, is_plain, match_path, normalise
from gwt.snapshot import Current, Snapshot
from gwt.wire.date import date_line


@implementer(IResource)
class Refusal:
    """Answers every request with one error."""

    __slots__ = ("_error",)

    isLeaf = True

    def __init__(self, error: GatewayError) -> None:
        self._error = error

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        return self

    def putChild(self, path: bytes, child: Any) -> None:
        raise TypeError("an error has no children")

    def render(self, request: Any) -> Any:
        exchange = request if isinstance(request, Exchange) else adopted(request)
        exchange.fail(self._error)
        return NOT_DONE_YET


@implementer(IResource)
class RouteResource:
    """What answers the requests of one leaf: an error, a redirect, a mounted resource, or an upstream.

    The leaf is the exchange's: that this does not hold it lets a leaf go, with its chain, once nothing leads to it.
    """

    __slots__ = ("_render",)

    isLeaf = True

    def __init__(self, render: Callable[[Exchange, Leaf], None]) -> None:
        self._render = render

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        return self

    def putChild(self, path: bytes, child: Any) -> None:
        raise TypeError("a leaf of the router has no children")

    def render(self, request: Any) -> Any:
        if isinstance(request, Exchange):
            self._render(request, request.leaf)
        else:
            exchange = adopted(request)
            self._render(exchange, exchange.leaf)
            exchange.feed()
        return NOT_DONE_YET


@implementer(IResource)
class GatewayResource:
    """The root: every request is routed once, on its raw target (`%2F` parts no segments), by the snapshot in force."""

    __slots__ = ("_current", "_mounts", "_proxy")

    isLeaf = False

    def __init__(self, current: Current, proxy: Proxy, resources: Mapping[str, IResource]) -> None:
        self._current, self._proxy = current, proxy
        self._mounts = {name: Mount(resource) for name, resource in resources.items()}

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        try:
            exchange = request if isinstance(request, Exchange) else adopted(request).checked()
            leaf = find(exchange, self._current.snapshot)
        except GatewayError as error:
            return Refusal(error)
        return leaf.handler or self._handler(leaf)

    def putChild(self, path: bytes, child: Any) -> None:
        raise TypeError("routes come from documents (a Route can mount a resource of gateway.yaml)")

    def render(self, request: Any) -> Any:
        return self.getChildWithDefault(b"", request).render(request)

    def _handler(self, leaf: Leaf) -> RouteResource:
        render: Render = self._proxy.forward
        if leaf.closed is not None or leaf.action == "deny":
            render = _closed
        elif leaf.action == "redirect":
            render = _redirect
        elif leaf.resource is not None:
            mount = self._mounts.get(leaf.resource)
            render = _unknown_resource if mount is None else mount.answer
        leaf.handler = handler(leaf, render)
        return leaf.handler


def handler(leaf: Leaf, render: Render) -> RouteResource:
    """What answers the requests of `leaf` by `render`, once they are through its chain; without one nobody asks."""
    chain = leaf.chain
    return RouteResource(render if chain is None or leaf.closed is not None else partial(chain.run, render))


def find(exchange: Exchange, snapshot: Snapshot) -> Leaf:
    """Canonicalise the request's host and path, once, and route it. Raises GatewayError (bad_request, no_route)."""
    exchange.snapshot = snapshot
    head = exchange.head
    named = head.authority if head.authority is not None else head.host
    router = snapshot.router
    try:
        if named or head.http11:
            # A name that the router has is canonical: however many hosts there are, none of them is parsed.
            exchange.host = named if named in router.exact else normalise_host(named or b"")
            if head.authority is not None and head.host:
                normalise_host(head.host)  # it does not count, but must be one (RFC 9112 3.2)
        matched = path = head.path
        if not is_plain(path):
            path, matched = _canonical(path, snapshot, exchange.host)
        exchange.path = path
        leaf = exchange.leaf = router.match(exchange.host, matched, exchange)
    except (BadHost, BadPath) as error:
        raise GatewayError("bad_request", str(error), close=True) from None
    if leaf is None:
        raise GatewayError("no_route", f"no matching route: {exchange.host.decode('ascii')}")
    return leaf


def _canonical(raw: bytes, snapshot: Snapshot, host: bytes) -> tuple[bytes, bytes]:
    """The path to forward and the path to match."""
    if raw == b"*":
        return b"/", b"/"
    keep = b"%" not in raw or snapshot.keeps_escaped_slash(host)
    path = normalise(raw, snapshot.merge_slashes, keep)
    return path, match_path(path, snapshot.merge_slashes)


def _closed(exchange: Exchange, leaf: Leaf) -> None:
    exchange.fail(leaf.closed or GatewayError("denied", "denied by a rule"))


def _unknown_resource(exchange: Exchange, leaf: Leaf) -> None:
    exchange.fail(GatewayError("policy", f"the resource {leaf.resource!r} is not named in gateway.yaml"))


def _redirect(exchange: Exchange, leaf: Leaf) -> None:
    fields = b"%bLocation: %b\r\nContent-Length: 0\r\n" % (date_line(), leaf.location or b"/")
    exchange.respond(leaf.redirect_code, b"", fields, 0, b"", True)
