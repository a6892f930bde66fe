from __future__ import annotations

from itertools import permutations
from typing import Any

from gwt.model.route import ServiceSpec
from gwt.steps import finish
from gwt.store.claims import Place
from gwt.store.content import KubePart
from gwt.store.kubejoin import KubeJoin
from gwt.store.shelves import Shelf


def service(name: str = "web", port: int = 80) -> KubePart:
    value = {"metadata": {"name": name, "namespace": "ns"}, "spec": {"ports": [{"port": port}]}}
    return KubePart("Service", f"ns/{name}", f"ns/{name}", value)


def piece(name: str, *addresses: str, owner: str = "web") -> KubePart:
    value: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "ns", "labels": {"kubernetes.io/service-name": owner}},
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [address]} for address in addresses],
    }
    return KubePart("EndpointSlice", f"ns/{name}", f"ns/{owner}", value)


class World:
    """A join and the shelf that it fills."""

    def __init__(self) -> None:
        self.join, self.shelf = KubeJoin(), Shelf[ServiceSpec]()

    def put(self, part: KubePart, source: str = "a.yaml") -> None:
        self.join.put(part, Place(source, 0, 0, source))

    def drop(self, part: KubePart, source: str = "a.yaml") -> None:
        self.join.drop(part, Place(source, 0, 0, source))

    def settled(self) -> dict[str, list[str]]:
        """Addresses by service key."""
        finish(self.join.settle(self.shelf))
        finish(self.shelf.settle())
        return {key: [one.address for one in spec.endpoints] for key, spec in self.shelf.given.items()}


def test_a_service_is_the_union_of_its_slices_in_whatever_order_they_come() -> None:
    for order in permutations([service(), piece("web-1", "10.0.0.1"), piece("web-2", "10.0.0.2")]):
        world = World()
        for part in order:
            world.put(part)
            world.settled()
        assert world.settled() == {"ns/web:80": ["10.0.0.1:8080", "10.0.0.2:8080"]}


def test_slices_without_their_service_give_nothing() -> None:
    world = World()
    world.put(piece("web-1", "10.0.0.1"))
    assert world.settled() == {}
    world.put(service())
    assert world.settled() == {"ns/web:80": ["10.0.0.1:8080"]}
    world.drop(service())
    assert world.settled() == {}


def test_a_port_that_moves_takes_its_key_with_it() -> None:
    world = World()
    world.put(service(port=80))
    assert set(world.settled()) == {"ns/web:80"}
    world.drop(service(port=80))
    world.put(service(port=81))
    assert set(world.settled()) == {"ns/web:81"}


def test_of_an_object_given_twice_the_first_source_holds() -> None:
    world = World()
    world.put(service())
    world.put(piece("web-1", "10.0.0.2"), "b.yaml")
    world.put(piece("web-1", "10.0.0.1"), "a.yaml")
    assert world.settled() == {"ns/web:80": ["10.0.0.1:8080"]}
    world.drop(piece("web-1", "10.0.0.1"), "a.yaml")
    assert world.settled() == {"ns/web:80": ["10.0.0.2:8080"]}


def test_a_slice_that_changes_its_service_leaves_the_old_one() -> None:
    world = World()
    world.put(service())
    world.put(service("shop"), "b.yaml")
    world.put(piece("s", "10.0.0.1"))
    world.settled()
    world.drop(piece("s", "10.0.0.1"))
    world.put(piece("s", "10.0.0.1", owner="shop"))
    assert world.settled() == {"ns/web:80": [], "ns/shop:80": ["10.0.0.1:8080"]}
