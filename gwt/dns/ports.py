"""What an ExternalName Service becomes: an entry for each port, with what its name leads to. Pure.

Where the Service names no port, the port is whatever a Route says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from gwt.model.route import EndpointSpec, Route, ServiceSpec

#: (namespace/name of a Service, port)
Asked = tuple[str, int]

#: The port of a service key that stands for any.
ANY = ":*"


def asked_ports(route: Route, services: Collection[str]) -> Iterator[Asked]:
    """The ports that a Route asks of those of `services` (namespace/name) that it names."""
    namespaces: set[str] | None = None
    for service in route.services:
        if service.upstream is not None:
            yield from asked_by_key(service.upstream, services)
        elif service.name is not None and type(service.port) is int:
            if namespaces is None:
                own = route.namespace or "default"
                namespaces = {own, *(env.namespace or own for env in route.envs)}
            for namespace in (service.namespace,) if service.namespace else namespaces:
                if f"{namespace}/{service.name}" in services:
                    yield f"{namespace}/{service.name}", service.port


def asked_by_key(key: str, services: Collection[str]) -> Iterator[Asked]:
    """The same of a service key."""
    name, _, port = key.rpartition(":")
    if name in services and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        yield name, int(port)


def led(spec: ServiceSpec, ports: Iterable[int], addresses: Iterable[str]) -> Mapping[str, ServiceSpec]:
    """By key what the spec of an ExternalName Service becomes; `ports` count where it has none of its own."""
    name, _, own = spec.key.rpartition(":")
    found = {}
    for port in sorted(ports) if own == "*" else (int(own),):
        endpoints = tuple(EndpointSpec(f"[{one}]:{port}" if ":" in one else f"{one}:{port}") for one in addresses)
        found[f"{name}:{port}"] = replace(spec, key=f"{name}:{port}", endpoints=endpoints)
    return found
