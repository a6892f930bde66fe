"""Before the resource tree where names demand client certificates: a request for one must come with what it asks.

What a connection has shown it has shown to the name of its handshake. A request for another host that demands a
certificate is answered 421 (RFC 9110 15.5.20), and so is one in the clear for a host that requires one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.web.resource import IResource
from zope.interface import implementer

from gwt.edge.resource import Refusal
from gwt.errors import GatewayError
from gwt.model.certificate import ClientAuth
from gwt.phase.exchange import Exchange
from gwt.route.hosts import BadHost, normalise_host

#: What clients of a host have to show.
Demands = Callable[[str], ClientAuth | None]


@implementer(IResource)
class DemandResource:
    """`root` for requests whose connection has shown what their host demands."""

    __slots__ = ("_demands", "root")

    isLeaf = False

    def __init__(self, root: Any, demands: Demands) -> None:
        self.root, self._demands = root, demands

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        if isinstance(request, Exchange) and not self._shown(request):
            return Refusal(GatewayError("misdirected", "this host asks for a client certificate in its own handshake"))
        return self.root.getChildWithDefault(name, request)

    def putChild(self, path: bytes, child: Any) -> None:
        raise TypeError("routes come from documents")

    def render(self, request: Any) -> Any:
        return self.getChildWithDefault(b"", request).render(request)

    def _shown(self, exchange: Exchange) -> bool:
        head, tls = exchange.head, exchange.tls
        try:
            host = normalise_host((head.authority if head.authority is not None else head.host) or b"")
        except BadHost:
            return True  # the tree refuses it
        demand = self._demands(host.decode("ascii"))
        if demand is None:
            return True
        return demand.mode != "require" if tls is None else tls.demand == demand
