"""A service's endpoints and its pickers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gwt.balance.endpoint import Endpoint, Registry, authority_of
from gwt.balance.hashing import Sticky
from gwt.balance.least import BetterOfTwo, LeastConn
from gwt.balance.pick import Picker, round_robin
from gwt.model.route import Balance, EndpointSpec, ServiceSpec


class Upstream:
    """What stands behind a service key in one snapshot.

    `endpoints` are all, one an address; `candidates` those that may get requests now. Pickers are made at the first
    request. A successor takes over where its predecessor's pickers are at that moment, not when it was compiled.
    """

    __slots__ = (
        "_inherited",
        "_pickers",
        "candidates",
        "endpoints",
        "external_name",
        "key",
        "port_name",
        "protocol",
        "registry",
        "source",
    )

    def __init__(
        self,
        key: str,
        endpoints: Iterable[Endpoint],
        protocol: str | None,
        registry: Registry,
        inherited: Mapping[str, Picker] | None = None,
    ) -> None:
        self.key = key
        self.endpoints = tuple(endpoints)
        self.candidates = candidates(self.endpoints)
        self.protocol = protocol
        self.registry = registry
        self.port_name: str | None = None
        self.external_name: str | None = None
        self.source = "tool"
        self._pickers: dict[str, Picker] = {}
        self._inherited = inherited or {}

    @classmethod
    def of(cls, spec: ServiceSpec, registry: Registry) -> Upstream:
        """A service that was not there before. States that the registry still keeps are taken up."""
        return cls._made(spec, registry, (), None)

    def replaced(self, spec: ServiceSpec) -> Upstream:
        """The same service as `spec` has it now. Costs O(that service); endpoints that did not change are shared."""
        after = self._made(spec, self.registry, self.endpoints, {**self._inherited, **self._pickers})
        staying = {endpoint.address for endpoint in after.endpoints}
        for endpoint in self.endpoints:
            if endpoint.address not in staying:
                self.registry.keep(self.key, endpoint.address, endpoint.state)
        return after

    @classmethod
    def _made(
        cls, spec: ServiceSpec, registry: Registry, before: Sequence[Endpoint], inherited: Mapping[str, Picker] | None
    ) -> Upstream:
        known = {endpoint.address: endpoint for endpoint in before}
        unique: dict[str, EndpointSpec] = {}
        for one in spec.endpoints:
            unique.setdefault(one.address, one)
        endpoints = []
        for address, one in unique.items():
            old = known.get(address)
            if old is None:
                endpoints.append(Endpoint(one, registry.state(spec.key, address), spec.external_name))
            elif old.says(one) and old.authority == authority_of(address, spec.external_name):
                endpoints.append(old)
            else:
                endpoints.append(Endpoint(one, old.state, spec.external_name))
        made = cls(spec.key, endpoints, spec.protocol, registry, inherited)
        made.port_name, made.external_name, made.source = spec.port_name, spec.external_name, spec.source
        return made

    def picker(self, balance: Balance) -> Picker:
        """The picker of this kind; what sticks to what (`balance.by`) is the caller's business."""
        return self._pickers.get(balance.kind) or self._make(balance.kind)

    def _make(self, kind: str) -> Picker:
        before = self._inherited.get(kind)
        registry = self.registry
        turns = round_robin(self.candidates, before.phases() if before else {}, registry.random)
        picker: Picker
        if kind == "round_robin":
            picker = turns
        elif kind == "sticky":
            picker = Sticky(self.candidates, turns)
        elif kind == "least_conn":
            picker = LeastConn(self.candidates, turns)
        elif kind == "p2c":
            picker = BetterOfTwo(self.candidates, registry.clock, registry.random)
        else:
            raise ValueError(f"unknown kind of balancing {kind!r}")
        self._pickers[kind] = picker
        self._inherited = {name: old for name, old in self._inherited.items() if name != kind}
        return picker


def candidates(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Those that may get requests: the ready ones; where none is ready, those still serving while they terminate.

    Of either, weight 0 gets something only if nothing has more.
    """
    able = [e for e in endpoints if e.ready] or [e for e in endpoints if e.serving and e.terminating]
    return tuple([e for e in able if e.weight > 0] or able)
