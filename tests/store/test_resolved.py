"""A store whose ExternalName Services lead somewhere: what comes out for what goes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed

from gwt.delta import Delta
from gwt.dns.ports import ANY
from gwt.model.route import EndpointSpec, Route, Rule, Service, ServiceSpec
from gwt.store.base import Apply
from gwt.store.resolved import ResolvedStore


class Inner:
    """A store that says what the test wants."""

    def __init__(self) -> None:
        self.apply: Apply = lambda delta: None
        self.started: Deferred[None] = Deferred()
        self.pulls = self.stops = 0

    def start(self, apply: Apply) -> Deferred[None]:
        self.apply = apply
        return self.started

    def pull(self) -> Deferred[None]:
        self.pulls += 1
        return succeed(None)

    def stop(self) -> Deferred[None]:
        self.stops += 1
        return succeed(None)

    def describe(self) -> str:
        return "inner"


class Names:
    def __init__(self) -> None:
        self.known: dict[str, tuple[str, ...]] = {}
        self.wanted: set[str] = set()
        self.first: Deferred[None] = Deferred()
        self.stopped = False
        self.changed: Callable[[str, bool], None] = lambda name, gone: None

    def want(self, name: str, wanted: bool) -> None:
        (self.wanted.add if wanted else self.wanted.discard)(name)

    def seed(self, name: str, addresses: Any) -> None:
        raise AssertionError("nobody does")

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.known.get(name, ())

    def settled(self, seconds: float) -> Deferred[None]:
        return self.first

    def stop(self) -> None:
        self.stopped = True

    def answer(self, name: str, *addresses: str) -> None:
        self.known[name] = addresses
        self.changed(name, True)


class Rig:
    """`table` is what all Deltas so far come to."""

    def __init__(self) -> None:
        self.inner, self.names = Inner(), Names()
        self.store = ResolvedStore(self.inner, self.names)
        self.deltas: list[Delta] = []
        self.table: dict[str, ServiceSpec] = {}
        self.started = self.store.start(self.take)

    def take(self, delta: Delta) -> None:
        self.deltas.append(delta)
        for key, spec in delta.services.items():
            if spec is None:
                self.table.pop(key, None)
            else:
                self.table[key] = spec

    def say(self, revision: int = 1, **more: Any) -> None:
        self.inner.apply(Delta(revision, **more))

    def led(self) -> dict[str, list[str]]:
        return {key: [one.address for one in spec.endpoints] for key, spec in sorted(self.table.items())}


def external(key: str, name: str = "a.b") -> dict[str, ServiceSpec | None]:
    return {key: ServiceSpec(key, external_name=name)}


def route(*ports: int, service: str = "s") -> Route:
    return Route("r", ("h",), "n", services=tuple(Service(service, port=port) for port in ports))


def test_it_leads_to_what_the_name_does_and_follows_it() -> None:
    rig = Rig()
    rig.names.known = {"a.b": ("192.0.2.1",)}
    rig.say(7, services={**external("n/s:80"), "n/t:80": ServiceSpec("n/t:80", (EndpointSpec("10.0.0.1:80"),))})
    assert rig.led() == {"n/s:80": ["192.0.2.1:80"], "n/t:80": ["10.0.0.1:80"]} and rig.names.wanted == {"a.b"}
    rig.names.answer("a.b", "192.0.2.2", "2001:db8::1")
    assert rig.led()["n/s:80"] == ["192.0.2.2:80", "[2001:db8::1]:80"]
    assert rig.deltas[-1] == Delta(7, services={"n/s:80": rig.table["n/s:80"]})
    assert rig.table["n/s:80"].external_name == "a.b"
    rig.say(8, services={"n/s:80": None})
    assert rig.led() == {"n/t:80": ["10.0.0.1:80"]} and rig.names.wanted == set()
    rig.names.answer("a.b", "192.0.2.3")
    assert len(rig.deltas) == 3


def test_what_has_nothing_to_do_with_names_goes_through() -> None:
    rig = Rig()
    delta = Delta(3, {"r": route(80)}, {"n/s:80": ServiceSpec("n/s:80"), "n/t:80": None}, rules=())
    rig.inner.apply(delta)
    assert rig.deltas == [delta]


def test_a_service_without_ports_has_those_that_routes_and_rules_ask_for() -> None:
    rig = Rig()
    rig.names.known = {"a.b": ("192.0.2.1",)}
    rig.say(routes={"r": route(80, 81)}, services=external(f"n/s{ANY}"))
    assert rig.led() == {"n/s:*": [], "n/s:80": ["192.0.2.1:80"], "n/s:81": ["192.0.2.1:81"]}
    rig.say(routes={"r": route(81)}, rules=(Rule("*", "/", "forward", "n/s:82"),))
    assert rig.led() == {"n/s:*": [], "n/s:81": ["192.0.2.1:81"], "n/s:82": ["192.0.2.1:82"]}
    rig.names.answer("a.b")
    assert rig.led() == {"n/s:*": [], "n/s:81": [], "n/s:82": []}
    rig.say(routes={"r": None}, rules=())
    assert rig.led() == {"n/s:*": []}
    rig.say(routes={"r": route(80)})
    rig.say(services={f"n/s{ANY}": None})
    assert rig.led() == {}


def test_what_is_written_as_it_is_goes_before() -> None:
    rig = Rig()
    rig.names.known = {"a.b": ("192.0.2.1",)}
    static = ServiceSpec("n/s:80", (EndpointSpec("10.0.0.1:80"),))
    rig.say(routes={"r": route(80)}, services={**external(f"n/s{ANY}"), "n/s:80": static})
    assert rig.led()["n/s:80"] == ["10.0.0.1:80"]
    rig.names.answer("a.b", "192.0.2.2")
    assert rig.led()["n/s:80"] == ["10.0.0.1:80"]
    rig.say(services={"n/s:80": None})
    assert rig.led()["n/s:80"] == ["192.0.2.2:80"]
    rig.say(services={"n/s:80": static})
    assert rig.led()["n/s:80"] == ["10.0.0.1:80"]


def test_a_name_for_one_port_goes_before_one_for_all() -> None:
    rig = Rig()
    rig.names.known = {"a.b": ("192.0.2.1",), "c.d": ("192.0.2.2",)}
    rig.say(services=external(f"n/s{ANY}"), routes={"r": route(80)})
    rig.say(services=external("n/s:80", "c.d"))
    assert rig.led()["n/s:80"] == ["192.0.2.2:80"]
    rig.names.answer("a.b", "192.0.2.3")
    rig.say(routes={"r": None})
    assert rig.led()["n/s:80"] == ["192.0.2.2:80"]
    rig.say(routes={"r": route(80)})
    rig.say(services={"n/s:80": None})
    assert rig.led()["n/s:80"] == ["192.0.2.3:80"]


def test_the_first_content_waits_for_the_first_answers() -> None:
    rig, order = Rig(), list[str]()
    rig.started.addCallback(lambda _: order.append("started"))
    rig.inner.started.callback(None)
    order.append("answered")
    rig.names.first.callback(None)
    assert order == ["answered", "started"]


def test_the_rest_is_the_store_s() -> None:
    rig = Rig()
    rig.store.pull()
    assert (rig.store.describe(), rig.inner.pulls) == ("inner", 1)
    rig.say(services=external("n/s:80"))
    rig.store.stop()
    rig.names.answer("a.b", "192.0.2.1")
    assert (rig.inner.stops, rig.names.stopped, len(rig.deltas)) == (1, True, 1)


CHANGE = st.one_of(
    st.tuples(
        st.just("spec"), st.sampled_from(["n/s:80", f"n/s{ANY}", "n/t:80"]), st.sampled_from(["a.b", "c.d", "", None])
    ),
    st.tuples(st.just("route"), st.sampled_from(["r", "q"]), st.none() | st.lists(st.sampled_from([80, 81]))),
    st.tuples(st.just("name"), st.sampled_from(["a.b"]), st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2"]))),
)


def deltas(change: Any) -> dict[str, Any]:
    kind, key, value = change
    if kind == "route":
        return {"routes": {key: None if value is None else route(*value)}}
    if value == "" and not key.endswith(ANY):
        return {"services": {key: ServiceSpec(key, (EndpointSpec("10.0.0.1:80"),))}}
    return {"services": {key: ServiceSpec(key, external_name=value) if value else None}}


@given(st.lists(CHANGE, max_size=12))
def test_any_course_ends_as_if_all_had_been_there_at_once(course: list[Any]) -> None:
    rig, fresh = Rig(), Rig()
    services: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for change in course:
        if change[0] == "name":
            rig.names.answer(change[1], *change[2])
        else:
            told = deltas(change)
            services.update(told.get("services", {}))
            routes.update(told.get("routes", {}))
            rig.say(**told)
    fresh.names.known = rig.names.known
    fresh.say(services=services, routes=routes)
    assert rig.table == fresh.table and rig.names.wanted == fresh.names.wanted
