"""A document with `stream:`, from checked plain values to a Route of connections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gwt.model import units
from gwt.model.access import Reader, read_level
from gwt.model.route import Access, Route, Service, Source, Stream
from gwt.model.routes import check_marks, read_envs, read_hosts, read_target

#: Fields of `access` that mean nothing to a connection; `auth_type: public` and `rate_limits: []` undo a global word.
_OF_REQUESTS = ("require", "retry_buffer", "max_body", "max_message")


def read_stream(reader: Reader, value: dict[str, Any], source: Source, namespace: str | None = None) -> Route:
    """The Route of a document that has passed the schema; `namespace` is the default (that of a ConfigMap)."""
    name = value.get("name")
    if name is None or reader.take(units.printable, name, (None, "name"), "a name") is None:
        name = source.identity
    envs = read_envs(reader, value["envs"]) if "envs" in value else ()
    hosts = read_hosts(reader, value["hosts"], (None, "hosts")) if "hosts" in value else ("*",)
    check_marks(reader, hosts, envs)
    own = value.get("namespace")
    if own is not None:
        reader.take(units.label, own, (None, "namespace"), "namespace")
    access = read_level(reader, value, None)
    _check_access(reader, access)
    limit = value.get("max_connections")
    stream = Stream(value["stream"], value.get("proxy_protocol"), None if limit is None else int(limit))
    return Route(name, hosts, own or namespace, envs, access, (), _services(reader, value["services"]), source, stream)


def _services(reader: Reader, items: list[dict[str, Any]]) -> tuple[Service, ...]:
    """The one service that there is (none where something else is wrong)."""
    services = []
    for index, item in enumerate(items):
        trail = ((None, "services"), index)
        service = read_target(reader, item, trail)
        if service.balance.by not in (None, "ip"):
            reader.fault((trail, "balance"), f"a connection has no {service.balance.by}: sticky goes by ip here")
        services.append(replace(service, line=reader.line(trail, items)))
    return tuple(services)


def _check_access(reader: Reader, access: Access) -> None:
    asked = {name for name in _OF_REQUESTS if getattr(access, name) is not None}
    if access.auth_type not in (None, "public"):
        asked.add("auth_type")
    if access.rate_limits:
        asked.add("rate_limits")
    for name in sorted(asked):
        reader.fault(((None, "access"), name), f"{name} is about requests; a stream has none", True)
