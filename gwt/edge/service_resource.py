"""The service proxy's own resource tree: one leaf resource for each Service that is asked for."""

from __future__ import annotations

from typing import Any

from twisted.web.resource import IResource
from zope.interface import implementer

from gwt.edge.adopt import adopted
from gwt.edge.resource import Refusal, RouteResource, handler
from gwt.errors import GatewayError
from gwt.leaf import Leaf
from gwt.phase import fields as lines
from gwt.phase.exchange import Exchange
from gwt.proxy import Proxy
from gwt.route.hosts import BadHost, normalise_host
from gwt.route.path import BadPath, normalise
from gwt.service_proxy import FIELD, ServiceLeaves, parse, parse_name, spoken
from gwt.snapshot import Current, Snapshot


@implementer(IResource)
class ServiceProxyResource:
    """The root of the service-proxy listener. What stands behind the marker is normalised like any path."""

    isLeaf = False

    def __init__(self, current: Current, proxy: Proxy, leaves: ServiceLeaves) -> None:
        self._current, self._proxy, self._leaves = current, proxy, leaves

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        try:
            exchange = request if isinstance(request, Exchange) else adopted(request).checked()
            snapshot = exchange.snapshot = self._current.snapshot
            leaf = exchange.leaf = self._leaf(exchange, snapshot)
        except GatewayError as error:
            return Refusal(error)
        except (BadHost, BadPath) as error:
            return Refusal(GatewayError("bad_request", str(error), close=True))
        return leaf.handler or self._handler(leaf)

    def _leaf(self, exchange: Exchange, snapshot: Snapshot) -> Leaf:
        """The leaf of the Service that is asked for. Raises GatewayError, BadHost and BadPath (400)."""
        head = exchange.head
        named = head.authority if head.authority is not None else head.host
        if named or head.http11:
            exchange.host = normalise_host(named or b"")
        chosen, path = head.header(FIELD), head.path
        if chosen is None:
            service, namespace, port, path = parse(path)
        else:
            service, namespace, port = parse_name(chosen)
            if path[:1] != b"/":
                raise GatewayError("no_route", "no matching route: the server as a whole is no service")
            head.fields = lines.removed(head.fields, FIELD)
        upstream = snapshot.upstreams.get(f"{namespace}/{service}:{port}")
        protocol = spoken(None if upstream is None else upstream.protocol, exchange.wants_grpc)
        leaf = self._leaves.leaf(service, namespace, port, snapshot.outermost, protocol)
        if leaf.closed is not None:
            raise leaf.closed
        exchange.path = normalise(path, snapshot.merge_slashes, snapshot.services_keep_escaped_slash)
        if upstream is None:
            raise GatewayError("no_route", f"unknown service {leaf.upstream}")
        return leaf

    def _handler(self, leaf: Leaf) -> RouteResource:
        leaf.handler = handler(leaf, self._proxy.forward)
        return leaf.handler

    def putChild(self, path: bytes, child: Any) -> None:
        raise TypeError("the service proxy has no other children")

    def render(self, request: Any) -> Any:
        return self.getChildWithDefault(b"", request).render(request)
