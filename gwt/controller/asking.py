"""Asking: the ports that Routes of the store ask of Services that say none. Costs the Routes that name one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from gwt.dns.ports import Asked, asked_ports
from gwt.model.route import Route
from gwt.steps import Steps
from gwt.store.entries import entry_content

#: Entries looked at between two yields; and one that is read is as good as all of them.
STRIDE: Final = 64


class Asking:
    """Remembers what it has read."""

    def __init__(self) -> None:
        self._services: frozenset[str] = frozenset()
        self._known: dict[str, tuple[bytes, tuple[Asked, ...]]] = {}

    def look(self, routes: Mapping[str, bytes], services: Collection[str]) -> Steps[dict[str, set[int]]]:
        """By service (namespace/name) the ports that entries of `routes` ask of `services`."""
        if self._services != frozenset(services):
            self._services, self._known = frozenset(services), {}
        names = [service.partition("/")[2].encode() for service in services]
        known, found = {}, dict[str, set[int]]()
        for number, (name, raw) in enumerate(list(routes.items()), 1):
            if any(one in raw for one in names):
                before = self._known.get(name)
                if before is not None and before[0] == raw:
                    known[name] = before
                else:
                    known[name] = raw, _asked(name, raw, self._services)
                    yield
                for service, port in known[name][1]:
                    found.setdefault(service, set()).add(port)
            if number % STRIDE == 0:
                yield
        self._known = known
        return found


def _asked(name: str, raw: bytes, services: Collection[str]) -> tuple[Asked, ...]:
    routes = [part for doc in entry_content("routes", name, raw).docs for part in doc.parts if isinstance(part, Route)]
    return tuple(sorted({asked for route in routes for asked in asked_ports(route, services)}))
