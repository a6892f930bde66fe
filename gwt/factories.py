"""Factories: the protocol factories behind a process's listeners, by role; they tick, drain and change together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import gatherResults, inlineCallbacks
from twisted.web.resource import IResource

from gwt.addresses import AddressSet
from gwt.edge.debug import knowing
from gwt.edge.demand import DemandResource
from gwt.edge.listener import HttpFactory
from gwt.edge.resource import GatewayResource
from gwt.edge.service_resource import ServiceProxyResource
from gwt.edge.streamlistener import Shared, StreamFactory
from gwt.finished import Finished
from gwt.keychains import Keychains
from gwt.model.options import STREAM
from gwt.model.settings import Settings
from gwt.proxy import Proxy
from gwt.service_proxy import Gate, ServiceLeaves
from gwt.wire.forwarded import Ids

#: Seconds between "no further requests, please" (Connection: close) and the closing of idle connections: a client that
#: sends one request after another learns it from an answer, not from a connection that is cut under its next request.
GENTLE = 1.0


class Factories:
    """`by_role`: `proxy`, `service_proxy` and one for each listener of streams. `mounted` are resources by name,
    `shared` is what all streams share.
    """

    def __init__(
        self, settings: Settings, mounted: Mapping[str, Any], proxy: Proxy, shared: Shared, ids: Ids,
        finished: Finished, keychains: Keychains,
    ) -> None:  # fmt: skip
        self._proxy, self._shared, self._ids, self._finished = proxy, shared, ids, finished
        self._keychains = keychains
        self.by_role: dict[str, HttpFactory | StreamFactory] = {
            role: self._factory(settings, root) for role, root in self._roots(settings, mounted).items()
        }
        self.open_streams(settings)
        self.demand()

    def _roots(self, settings: Settings, mounted: Mapping[str, Any]) -> dict[str, IResource]:
        """What answers, by role."""
        gate = Gate(settings.service_proxy.allow, settings.service_proxy.deny)
        return {
            "proxy": GatewayResource(self._shared.current, self._proxy, mounted),
            "service_proxy": ServiceProxyResource(self._shared.current, self._proxy, ServiceLeaves(gate)),
        }

    def _factory(self, settings: Settings, root: IResource) -> HttpFactory:
        trusts = trusting(settings.trusted_proxies)
        factory = HttpFactory(root, settings.limits, self._shared.clock, trusts, self._ids, self._finished)
        factory.debug = knowing(settings.debug_token)
        factory.cork = self._proxy.pools.cork
        return factory

    # -- what changes

    def open_streams(self, settings: Settings) -> None:
        """A factory for each listener of streams. One that is closed keeps its own, which may have connections."""
        for name in settings.listeners.stream:
            factory = self.by_role.setdefault(f"{STREAM}{name}", StreamFactory(name, self._shared, settings.limits))
            factory.limits = settings.limits

    def refit(self, settings: Settings, mounted: Mapping[str, Any]) -> None:
        """Give them what gateway.yaml says now; connections that are open keep what they began with."""
        trusts = trusting(settings.trusted_proxies)
        for role, root in self._roots(settings, mounted).items():
            factory = self.by_role[role]
            assert isinstance(factory, HttpFactory)
            factory.root, factory.limits, factory.trusts = root, settings.limits, trusts
            factory.debug = knowing(settings.debug_token)
        self.demand()

    def demand(self) -> None:
        """Have requests looked at before they are routed exactly where names demand client certificates."""
        factory, keychains = self.by_role["proxy"], self._keychains
        assert isinstance(factory, HttpFactory)
        root = factory.root.root if isinstance(factory.root, DemandResource) else factory.root
        factory.root = DemandResource(root, lambda host: keychains.main.demand(host)) if keychains.demanding else root

    # -- what happens to all of them

    @property
    def connections(self) -> int:
        """Client connections that are open."""
        return sum(factory.connections for factory in self.by_role.values())

    def tick(self) -> None:
        """Look at deadlines."""
        for factory in self.by_role.values():
            factory.tick()

    @inlineCallbacks
    def drain(self, clock: Any, seconds: float) -> Any:
        """Answers ask for no further requests from now on. Fires when the last connection is gone, by itself or broken
        off after `seconds`."""
        for factory in self.by_role.values():
            factory.draining = True
            if isinstance(factory, HttpFactory):
                factory.leave_tunnels(seconds)
        empty = gatherResults([factory.when_empty() for factory in self.by_role.values()])
        calls = [clock.callLater(min(GENTLE, seconds), self._close_idle), clock.callLater(seconds, self.abort)]
        yield empty
        for call in calls:
            if call.active():
                call.cancel()

    def _close_idle(self) -> None:
        for factory in self.by_role.values():
            factory.begin_drain()

    def abort(self) -> None:
        """Whatever is still in flight is broken off."""
        self._close_idle()
        for factory in self.by_role.values():
            factory.abort_all()


def trusting(cidrs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an address (as text) is a trusted proxy's."""
    return AddressSet.of(cidrs).__contains__
