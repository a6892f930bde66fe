"""KubeJoin: Services, EndpointSlices and Endpoints, which come in any order and from any source, joined to services.

A change costs the Service that it belongs to. Where an object is given twice, the first by source and position holds.
"""

from __future__ import annotations

from typing import Any

from gwt.model.endpoints import services_of
from gwt.model.route import ServiceSpec
from gwt.steps import Steps
from gwt.store.claims import Claims, Place
from gwt.store.content import KubePart
from gwt.store.shelves import Shelf

#: Services joined between two yields.
STRIDE = 4


class KubeJoin:
    """Objects by kind and name, their Services, and which services they gave last."""

    def __init__(self) -> None:
        self._objects: Claims[KubePart] = Claims()
        self._members: dict[str, set[str]] = {}
        self._given: dict[str, dict[str, Place]] = {}
        self._dirty: set[str] = set()

    def put(self, part: KubePart, place: Place) -> None:
        """An object stands at `place`."""
        self._objects.put(_key(part), place, part)
        self._touch(part)

    def drop(self, part: KubePart, place: Place) -> None:
        """`part` stands there no more."""
        self._objects.drop(_key(part), place)
        self._touch(part)

    def settle(self, shelf: Shelf[ServiceSpec]) -> Steps[None]:
        """Put on `shelf` what the objects that changed make of their Services."""
        dirty, self._dirty = self._dirty, set()
        for number, service in enumerate(dirty):
            self._join(service, shelf)
            if number % STRIDE == 0:
                yield

    def _touch(self, part: KubePart) -> None:
        # Two objects of one name may belong to two Services: whichever holds the name now, both are joined anew.
        key = _key(part)
        services = {claim.value.service for claim in self._objects.holders(key)}
        for service in services:
            self._members.setdefault(service, set()).add(key)
        if part.service not in services and part.service in self._members:
            self._members[part.service].discard(key)
        self._dirty |= services | {part.service}

    def _join(self, service: str, shelf: Shelf[ServiceSpec]) -> None:
        place, specs = self._specs(service)
        before = self._given.pop(service, {})
        for key in before.keys() - specs.keys():
            shelf.drop(key, before[key])
        if place is not None and specs:
            self._given[service] = dict.fromkeys(specs, place)
        for key, spec in specs.items():
            if key in before and before[key] != place:
                shelf.drop(key, before[key])
            if place is not None:
                shelf.put(key, place, spec)

    def _specs(self, service: str) -> tuple[Place | None, dict[str, ServiceSpec]]:
        objects: dict[str, list[Any]] = {"Service": [], "EndpointSlice": [], "Endpoints": []}
        place = None
        for key in sorted(self._members.get(service, ())):
            holder = self._objects.holders(key)[0]
            if holder.value.service == service:
                objects[holder.value.kind].append(holder.value.value)
                place = holder.place if holder.value.kind == "Service" else place
        if not self._members.get(service):
            self._members.pop(service, None)
        return place, services_of(objects["Service"], objects["EndpointSlice"], objects["Endpoints"])


def _key(part: KubePart) -> str:
    return f"{part.kind} {part.name}"
