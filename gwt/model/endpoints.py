"""Services, EndpointSlices and Endpoints of Kubernetes -> ServiceSpecs, as kube-proxy reads them.

The union over a Service's slices, each address and port once, ports matched by name. `services_of` costs what is
passed to it: pass the objects of one Service where only that changed. It takes objects that `kubecheck` has passed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gwt.model.route import EndpointSpec, ServiceSpec

SERVICE_NAME: Final = "kubernetes.io/service-name"
#: appProtocol -> protocol of a Route's service.
PROTOCOLS: Final[Mapping[str, str]] = {
    "http": "http", "https": "https", "h2c": "h2c", "h2": "h2", "grpc": "grpc", "grpcs": "grpcs",
    "kubernetes.io/h2c": "h2c", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https",
}  # fmt: skip

Object = Mapping[str, Any]
#: name ("" = unnamed), number (None = any), appProtocol
Port = tuple[str, int | None, str | None]


def name_of(value: Object) -> str:
    """namespace/name of an object."""
    metadata = value["metadata"]
    return f"{metadata.get('namespace') or 'default'}/{metadata['name']}"


def service_of(value: Object, kind: str) -> str | None:
    """namespace/name of the Service to which an object belongs; None for a slice without the label that says so."""
    if kind != "EndpointSlice":
        return name_of(value)
    name = (value["metadata"].get("labels") or {}).get(SERVICE_NAME)
    return f"{value['metadata'].get('namespace') or 'default'}/{name}" if isinstance(name, str) and name else None


def services_of(
    services: Iterable[Object], slices: Iterable[Object], endpoints: Iterable[Object]
) -> dict[str, ServiceSpec]:
    """`namespace/name:port` -> ServiceSpec for every TCP port of `services`.

    Slices and Endpoints without their Service give nothing; Endpoints count only where a Service has no slice.
    The key of an ExternalName Service without ports is `namespace/name:*`: the port is whatever a Route says.
    """
    by_service: dict[str, list[Object]] = {}
    for value in sorted(slices, key=name_of):
        owner = service_of(value, "EndpointSlice")
        if owner is not None:
            by_service.setdefault(owner, []).append(value)
    old = {name_of(value): value for value in endpoints}
    result: dict[str, ServiceSpec] = {}
    for service in services:
        name = name_of(service)
        for spec in _specs(service, name, by_service.get(name, ()), old.get(name)):
            result.setdefault(spec.key, spec)
    return result


def _specs(service: Object, name: str, slices: Iterable[Object], endpoints: Object | None) -> Iterator[ServiceSpec]:
    spec = service.get("spec") or {}
    ports = list(_ports(spec.get("ports")))
    if spec.get("type") == "ExternalName":
        external = spec["externalName"].rstrip(".").lower()
        for port_name, number, app in ports or [("", None, None)]:
            key = f"{name}:{number if number is not None else '*'}"
            yield ServiceSpec(key, (), PROTOCOLS.get(app or ""), port_name or None, "kube", external)
        return
    pools = list(_pools(slices)) or (list(_subsets(endpoints)) if endpoints is not None else [])
    publish = bool(spec.get("publishNotReadyAddresses"))
    if not ports:  # a headless Service may leave its ports to its endpoints
        ports = sorted({port for offered, _ in pools for port in offered if port[1] is not None}, key=str)
    for port_name, number, app in ports:
        found = _endpoints(pools, port_name, number, publish)
        app = app or next((one[2] for offered, _ in pools for one in offered if one[0] == port_name and one[2]), None)
        yield ServiceSpec(f"{name}:{number}", found, PROTOCOLS.get((app or "").lower()), port_name or None, "kube")


def _ports(ports: Any) -> Iterator[Port]:
    for port in ports or ():
        if (port.get("protocol") or "TCP") == "TCP":
            number = port.get("port")
            yield port.get("name") or "", None if number is None else int(number), port.get("appProtocol")


#: Ports that are offered (none = whatever is asked for), and who offers them.
Pool = tuple[list[Port], list[EndpointSpec]]


def _pools(slices: Iterable[Object]) -> Iterator[Pool]:
    for value in slices:
        if value.get("ports") and not list(_ports(value["ports"])):
            continue  # UDP or SCTP only
        if value.get("addressType") != "FQDN":
            yield list(_ports(value.get("ports"))), [_endpoint(item) for item in value.get("endpoints") or ()]


def _endpoint(item: Object) -> EndpointSpec:
    """An endpoint, `address` still a bare IP. Conditions not given: ready, serving as ready, not terminating."""
    conditions = item.get("conditions") or {}
    ready, serving = conditions.get("ready"), conditions.get("serving")
    ready = True if ready is None else ready
    serving = ready if serving is None else serving
    return EndpointSpec(item["addresses"][0], ready, serving, bool(conditions.get("terminating")), 1, item.get("zone"))


def _subsets(endpoints: Object) -> Iterator[Pool]:
    for subset in endpoints.get("subsets") or ():
        if subset.get("ports") and not list(_ports(subset["ports"])):
            continue
        ready = [EndpointSpec(item["ip"]) for item in subset.get("addresses") or ()]
        waiting = [EndpointSpec(item["ip"], False, False) for item in subset.get("notReadyAddresses") or ()]
        yield list(_ports(subset.get("ports"))), ready + waiting


def _endpoints(pools: Iterable[Pool], port_name: str, number: int | None, publish: bool) -> tuple[EndpointSpec, ...]:
    found: dict[str, EndpointSpec] = {}
    for offered, members in pools:
        target = next((one[1] for one in offered if one[0] == port_name), None) if offered else number
        if offered and all(one[0] != port_name for one in offered):
            continue
        target = number if target is None else target
        for member in members:
            address = _address(member.address, target)
            if address is None:
                continue
            ready = member.ready or publish
            known = found.get(address)
            if known is None or (ready and not known.ready):  # in two slices at once for a moment: the ready one counts
                found[address] = EndpointSpec(
                    address, ready, member.serving, member.terminating, member.weight, member.zone
                )
    return tuple(found[address] for address in sorted(found))


def _address(text: str, port: int | None) -> str | None:
    """`IP:PORT`; None where `text` is no address."""
    if text.replace(".", "").isdigit() and text.count(".") == 3:
        return f"{text}:{port}"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"
