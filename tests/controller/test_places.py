"""Services and EndpointSlices -> entries of the store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.controller.places import Places, entry_text, reducer
from gwt.dns.wanted import Names
from gwt.model.route import EndpointSpec, ServiceSpec
from gwt.steps import finish
from gwt.store.entries import entry_content


def service(name: str = "n/s", *ports: int, **spec: Any) -> dict[str, Any]:
    namespace, own = name.split("/")
    listed = [{"port": port, "name": f"p{port}"} for port in ports or (80,)]
    return {"metadata": {"namespace": namespace, "name": own}, "spec": {"ports": listed, **spec}}


def slice_(*addresses: str, name: str = "s-1", owner: str = "s", **conditions: bool) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": owner}
    return {
        "metadata": {"namespace": "n", "name": name, "labels": labels},
        "addressType": "IPv4",
        "ports": [{"port": 8080, "name": "p80"}],
        "endpoints": [{"addresses": [one], "conditions": conditions} for one in addresses],
    }


def reduced(kind: str, value: Any) -> Any:
    found = reducer(kind, lambda line: None)(value)
    assert found is not None
    return found


class Known:
    """Names that are known already; `wanted` are those that anybody asks for."""

    def __init__(self, **known: str) -> None:
        self.known = {name.replace("_", "."): tuple(text.split()) for name, text in known.items()}
        self.wanted: list[tuple[str, bool]] = []
        self.seeds: list[tuple[str, list[str]]] = []

    def want(self, name: str, wanted: bool) -> None:
        self.wanted.append((name, wanted))

    def seed(self, name: str, addresses: Any) -> None:
        self.seeds.append((name, list(addresses)))

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.known.get(name, ())


class World:
    def __init__(self, names: Names | None = None) -> None:
        self.places, self.held = Places(names), dict[str, Any]()

    def slice(self, key: str, value: Any) -> bool:
        after = None if value is None else reduced("EndpointSlice", value)
        before, self.held[key] = self.held.get(key), after
        return self.places.slice(key, before, after)

    def service(self, key: str, value: Any) -> bool:
        return self.places.service(key, None, None if value is None else reduced("Service", value))

    def entries(self) -> dict[str, Any]:
        finish(self.places.join())
        return {key: json.loads(text) for key, text in self.places.entries.items()}


def test_a_service_and_its_slices_in_any_order() -> None:
    world = World()
    world.slice("n/s-1", slice_("10.0.0.1"))
    assert world.entries() == {}
    world.service("n/s", service())
    world.slice("n/s-2", slice_("10.0.0.2", name="s-2", ready=False, serving=True, terminating=True))
    assert world.entries() == {"n/s:80": {"source": "kube", "port_name": "p80", "endpoints": [
        {"address": "10.0.0.1:8080"},
        {"address": "10.0.0.2:8080", "ready": False, "serving": True, "terminating": True},
    ]}}  # fmt: skip


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("terminating", [True, False])
def test_an_endpoint_that_is_not_simply_ready_says_all_of_its_state(
    ready: bool, serving: bool, terminating: bool
) -> None:
    state = {"ready": ready, "serving": serving, "terminating": terminating}
    spec = ServiceSpec("n/s:80", (EndpointSpec("10.0.0.1:80", **state),))
    (written,) = json.loads(entry_text(spec))["endpoints"]
    plain = state == {"ready": True, "serving": True, "terminating": False}
    assert written == {"address": "10.0.0.1:80", **({} if plain else state)}


def test_what_is_gone_goes() -> None:
    world = World()
    world.service("n/s", service("n/s", 80, 81))
    assert world.entries().keys() == {"n/s:80", "n/s:81"}
    world.service("n/s", service("n/s", 81))
    assert finish(world.places.join()) == {"n/s:80"}
    assert world.service("n/s", None)
    assert world.entries() == {}


def test_only_what_is_another_is_touched() -> None:
    world = World()
    world.service("n/s", service())
    world.slice("n/s-1", slice_("10.0.0.1"))
    world.entries()
    world.slice("n/s-1", slice_("10.0.0.1"))
    assert finish(world.places.join()) == set()


def test_an_endpoint_that_is_gone_is_urgent() -> None:
    world = World()
    assert not world.slice("n/s-1", slice_("10.0.0.1"))
    assert not world.slice("n/s-1", slice_("10.0.0.1", "10.0.0.2"))
    assert world.slice("n/s-1", slice_("10.0.0.2"))
    assert world.slice("n/s-1", slice_("10.0.0.2", ready=False))
    assert not world.slice("n/s-1", None)


def test_a_slice_may_change_its_owner() -> None:
    world = World()
    world.service("n/s", service())
    world.service("n/t", service("n/t"))
    world.slice("n/s-1", slice_("10.0.0.1"))
    world.slice("n/s-1", slice_("10.0.0.1", owner="t"))
    found = world.entries()
    assert found["n/s:80"]["endpoints"] == [] and len(found["n/t:80"]["endpoints"]) == 1


def external(name: str, *ports: int, key: str = "n/s") -> dict[str, Any]:
    namespace, own = key.split("/")
    spec: dict[str, Any] = {"type": "ExternalName", "externalName": name}
    if ports:
        spec["ports"] = [{"port": port} for port in ports]
    return {"metadata": {"namespace": namespace, "name": own}, "spec": spec}


def entry(name: str, *addresses: str) -> dict[str, Any]:
    return {"source": "kube", "external_name": name, "endpoints": [{"address": one} for one in addresses]}


def test_an_external_name_leads_to_what_it_resolves_to() -> None:
    names = Known(a_example_com="192.0.2.7 2001:db8::1")
    world = World(names)
    world.service("n/s", external("A.example.com.", 80, 443))
    world.service("n/t", external("b.example.com", 80, key="n/t"))
    assert world.entries() == {
        "n/s:80": entry("a.example.com", "192.0.2.7:80", "[2001:db8::1]:80"),
        "n/s:443": entry("a.example.com", "192.0.2.7:443", "[2001:db8::1]:443"),
        "n/t:80": entry("b.example.com"),
    }
    names.known = {"a.example.com": ("192.0.2.8",), "b.example.com": ("192.0.2.9",)}
    world.places.resolved("a.example.com")
    assert finish(world.places.join()) == {"n/s:80", "n/s:443"}
    assert world.entries()["n/s:80"] == entry("a.example.com", "192.0.2.8:80")


def test_names_are_wanted_as_long_as_a_service_leads_there() -> None:
    names = Known()
    world = World(names)
    world.service("n/s", external("a.example.com", 80))
    world.service("n/t", external("a.example.com", 80, key="n/t"))
    world.service("n/s", external("b.example.com", 80))
    world.service("n/t", service("n/t"))
    world.service("n/s", None)
    assert names.wanted == [
        ("a.example.com", True), ("b.example.com", True), ("a.example.com", False), ("b.example.com", False),
    ]  # fmt: skip


def test_a_service_without_ports_has_those_that_routes_ask_for() -> None:
    world = World(Known(a_example_com="192.0.2.7"))
    world.service("n/s", external("a.example.com"))
    assert world.entries() == {} and world.places.portless == {"n/s"}
    world.places.asked({"n/s": {80, 8080}, "n/other": {1}})
    assert world.entries().keys() == {"n/s:80", "n/s:8080"}
    world.places.asked({"n/s": {80}})
    assert finish(world.places.join()) == {"n/s:8080"}
    assert world.entries() == {"n/s:80": entry("a.example.com", "192.0.2.7:80")}
    world.service("n/s", None)
    assert world.entries() == {} and world.places.portless == set()


def test_what_the_store_has_of_a_name_is_taken_over() -> None:
    names = Known()
    world = World(names)
    for key, name in (("n/s", "a.example.com"), ("n/t", "b.example.com"), ("n/u", "c.example.com")):
        world.service(key, external(name, 80, key=key))
    world.service("n/v", external("d.example.com", key="n/v"))  # says no port, and no Route has asked for one yet
    world.entries()
    stored = {
        "n/s:80": json.dumps(entry("a.example.com", "192.0.2.7:80", "[2001:db8::1]:80")).encode(),
        "n/t:80": json.dumps(entry("other.example.com", "192.0.2.8:80")).encode(),
        "n/u:80": b"garbage",
        "n/v:8080": json.dumps(entry("d.example.com", "192.0.2.9:8080")).encode(),
        "n/other:80": json.dumps(entry("e.example.com", "192.0.2.10:80")).encode(),
    }
    finish(world.places.inherit(stored))
    assert [one for one in names.seeds if one[1]] == [
        ("a.example.com", ["192.0.2.7", "2001:db8::1"]),
        ("d.example.com", ["192.0.2.9"]),
    ]


def endpoints(*addresses: str, waiting: tuple[str, ...] = ()) -> dict[str, Any]:
    subset = {"ports": [{"port": 8080, "name": "p80"}], "addresses": [{"ip": one} for one in addresses]}
    subset["notReadyAddresses"] = [{"ip": one} for one in waiting]
    return {"metadata": {"namespace": "n", "name": "s"}, "subsets": [subset]}


def test_endpoints_where_there_are_no_slices() -> None:
    world = World()
    first, second = (reduced("Endpoints", endpoints("10.0.0.1", "10.0.0.2")),
                     reduced("Endpoints", endpoints("10.0.0.2", waiting=("10.0.0.1",))))  # fmt: skip
    world.service("n/s", service())
    assert not world.places.endpoints("n/s", None, first)
    assert [one["address"] for one in world.entries()["n/s:80"]["endpoints"]] == ["10.0.0.1:8080", "10.0.0.2:8080"]
    assert world.places.endpoints("n/s", first, second)
    assert [one.get("ready", True) for one in world.entries()["n/s:80"]["endpoints"]] == [False, True]
    world.slice("n/s-1", slice_("10.0.0.9"))
    assert [one["address"] for one in world.entries()["n/s:80"]["endpoints"]] == ["10.0.0.9:8080"]
    world.slice("n/s-1", None)
    assert world.places.endpoints("n/s", second, None)
    assert world.entries()["n/s:80"]["endpoints"] == []


def test_what_can_not_be_used_is_told() -> None:
    lines: list[str] = []
    assert reducer("EndpointSlice", lines.append)({**slice_("10.0.0.1"), "addressType": "x"}) is None
    assert lines[0].startswith("EndpointSlice n/s-1 is left out: ")


ADDRESSES = st.lists(st.integers(1, 9).map(lambda number: f"10.0.0.{number}"), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(["s-1", "s-2"]), st.none() | ADDRESSES, st.booleans()), max_size=8))
def test_any_course_ends_as_if_there_had_been_none(course: list[Any]) -> None:
    world, last = World(), World()
    world.service("n/s", service())
    for name, addresses, look in course:
        world.slice(f"n/{name}", None if addresses is None else slice_(*addresses, name=name))
        if look:
            world.entries()
    last.service("n/s", service())
    for name in ("s-1", "s-2"):
        found = [addresses for one, addresses, _ in course if one == name]
        if found and found[-1] is not None:
            last.slice(f"n/{name}", slice_(*found[-1], name=name))
    assert world.entries() == last.entries()
    for key, text in world.places.entries.items():
        assert not entry_content("services", key, text.encode()).problems
