"""Places: Services and EndpointSlices as they come -> the entries of `services` in the store. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from gwt.dns.ports import ANY, led
from gwt.dns.wanted import Names, Nowhere, Wanted
from gwt.model.endpoints import name_of, service_of, services_of
from gwt.model.kubecheck import faults_of
from gwt.model.route import EndpointSpec, ServiceSpec
from gwt.steps import Steps
from gwt.store.slim import slim

#: Services joined between two yields, some 300 µs.
STRIDE: Final = 4

#: Keys of the store looked at between two yields.
GLANCES: Final = 256

Object = Mapping[str, Any]


def reducer(kind: str, tell: Callable[[str], None]) -> Callable[[Object], Object | None]:
    """What is kept of an object of `kind`; None, and a line to `tell`, where it can't be used."""

    def reduce(value: Object) -> Object | None:
        faults = faults_of(kind, value)
        if faults:
            tell(f"{kind} {name_of(value)} is left out: {faults[0].message}")
            return None
        return slim(kind, value)

    return reduce


class Places:
    """Joins what belongs together; a change costs its Service. `entries` is by key what the store should hold.

    `names` says where ExternalName Services lead to. `portless` are those (namespace/name) that say no port.
    """

    def __init__(self, names: Names | None = None) -> None:
        self._names: Names = names or Nowhere()
        self._wanted = Wanted(self._names)
        self._services: dict[str, Object] = {}
        self._slices: dict[str, dict[str, Object]] = {}
        self._endpoints: dict[str, Object] = {}
        self._keys: dict[str, list[str]] = {}
        self._ports: Mapping[str, Collection[int]] = {}
        self._dirty: dict[str, None] = {}
        self.portless: set[str] = set()
        self.entries: dict[str, str] = {}

    def service(self, key: str, before: Object | None, after: Object | None) -> bool:
        """A Service has changed; whether an endpoint may be gone by that."""
        spec = (after or {}).get("spec") or {}
        external = spec["externalName"] if spec.get("type") == "ExternalName" else None
        self._wanted.put(key, external)
        if external is not None and not spec.get("ports"):
            self.portless.add(key)
        else:
            self.portless.discard(key)
        if after is None:
            self._services.pop(key, None)
        else:
            self._services[key] = after
        self._dirty[key] = None
        return after is None

    def resolved(self, name: str) -> None:
        """A name leads elsewhere now."""
        self._dirty.update(dict.fromkeys(self._wanted.owners(name)))

    def asked(self, ports: Mapping[str, Collection[int]]) -> None:
        """The ports that Routes ask of the `portless`."""
        self._dirty.update({key: None for key in self.portless if ports.get(key, ()) != self._ports.get(key, ())})
        self._ports = ports

    def inherit(self, stored: Mapping[str, bytes]) -> Steps[None]:
        """What names led to when whoever led before wrote the store: good until they are answered here.

        It goes by the keys of the store: of Services that say no port the Routes may not have been read yet.
        """
        names = dict(self._wanted.items())
        for number, (key, raw) in enumerate(tuple(stored.items()) if names else (), 1):
            name = names.get(key.rpartition(":")[0])
            if name is not None:
                self._names.seed(name, _addresses(raw, name))
            if name is not None or number % GLANCES == 0:
                yield

    def slice(self, key: str, before: Object | None, after: Object | None) -> bool:
        """An EndpointSlice has changed; whether an endpoint is gone by that, or no more ready."""
        for value in (before, after):
            owner = None if value is None else service_of(value, "EndpointSlice")
            if value is None or owner is None:
                continue
            if value is after:
                self._slices.setdefault(owner, {})[key] = value
            elif owner in self._slices:
                self._slices[owner].pop(key, None)
                if not self._slices[owner]:
                    del self._slices[owner]
            self._dirty[owner] = None
        return before is not None and bool(_usable(before) - _usable(after))

    def endpoints(self, key: str, before: Object | None, after: Object | None) -> bool:
        """An Endpoints object has changed (where there are no slices); as `slice`."""
        if after is None:
            self._endpoints.pop(key, None)
        else:
            self._endpoints[key] = after
        self._dirty[key] = None
        return before is not None and bool(_open(before) - _open(after))

    def join(self) -> Steps[set[str]]:
        """Bring `entries` up to date; returns the keys of which anything may be another now."""
        dirty, self._dirty = self._dirty, {}
        touched: set[str] = set()
        for number, name in enumerate(dirty, 1):
            self._join(name, touched)
            if number % STRIDE == 0:
                yield
        return touched

    def _join(self, name: str, touched: set[str]) -> None:
        service = self._services.get(name)
        old = [self._endpoints[name]] if name in self._endpoints else []
        specs = {} if service is None else services_of([service], self._slices.get(name, {}).values(), old)
        found = {key: entry_text(spec) for key, spec in self._led(name, specs) if not key.endswith(ANY)}
        for key in self._keys.pop(name, ()):
            if key not in found:
                self.entries.pop(key, None)
                touched.add(key)
        for key, text in found.items():
            if self.entries.get(key) != text:
                self.entries[key] = text
                touched.add(key)
        if found:
            self._keys[name] = list(found)

    def _led(self, name: str, specs: Mapping[str, ServiceSpec]) -> Iterator[tuple[str, ServiceSpec]]:
        """ExternalName Services with what their names lead to."""
        for key, spec in specs.items():
            if spec.external_name is None:
                yield key, spec
            else:
                yield from led(spec, self._ports.get(name, ()), self._names.addresses(spec.external_name)).items()


def _addresses(raw: bytes, name: str) -> list[str]:
    """What an entry of ours says that `name` leads to."""
    try:
        value = json.loads(raw)
        if value["source"] != "kube" or value["external_name"] != name:
            return []
        return [one["address"].rpartition(":")[0].strip("[]") for one in value["endpoints"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _usable(value: Object | None) -> set[str]:
    """Addresses of a slice that new requests may go to."""
    if value is None:
        return set()
    return {item["addresses"][0] for item in value["endpoints"] if (item["conditions"] or {}).get("ready") is not False}


def _open(value: Object | None) -> set[str]:
    """The same of an Endpoints object."""
    subsets = () if value is None else value["subsets"]
    return {address["ip"] for subset in subsets for address in subset["addresses"]}


def entry_text(spec: ServiceSpec) -> str:
    """A service as it stands in the store; what is as any reader takes it anyhow is left out."""
    value: dict[str, Any] = {"source": "kube"}
    if spec.protocol is not None:
        value["protocol"] = spec.protocol
    if spec.port_name is not None:
        value["port_name"] = spec.port_name
    if spec.external_name is not None:
        value["external_name"] = spec.external_name
    value["endpoints"] = [_endpoint(one) for one in spec.endpoints]
    return json.dumps(value, separators=(",", ":"))


def _endpoint(spec: EndpointSpec) -> dict[str, Any]:
    value: dict[str, Any] = {"address": spec.address}
    if not spec.ready or not spec.serving or spec.terminating:  # other readers have no default but that of `ready`
        value.update(ready=spec.ready, serving=spec.serving, terminating=spec.terminating)
    if spec.weight != 1:
        value["weight"] = spec.weight
    if spec.zone is not None:
        value["zone"] = spec.zone
    return value
