"""Laws of changes: whatever the order and the grouping, the last state counts, and incremental equals from scratch."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from showing import shown_catalog, shown_snapshot

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.model.route import (
    Access,
    EndpointSpec,
    Env,
    Path,
    Problem,
    Quarantined,
    Route,
    Rule,
    Service,
    ServiceSpec,
    Source,
)
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.content import ConsumerPart, Content, Doc, KubePart, ListPart, Part, RulesPart, ServicePart
from gwt.store.lastgood import in_force
from gwt.surroundings import Surroundings

#: A busy machine must not fail a law.
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)

SOURCES = ["a.yaml", "b.yaml", "c.yaml"]
NAMES = ["foo", "bar", "baz"]
HOSTS = ["a.x", "b.x", "*.x", "*", "m{mark}.x"]

accesses = st.sampled_from([Access(), Access(retries=3), Access(auth_type="login"), Access(ip_deny=("@net",))])
paths = st.builds(
    Path,
    uri=st.sampled_from(["/", "/a", "/a/b"]),
    priority=st.sampled_from([0, 0, 5]),
    methods=st.sampled_from([(), ("GET",)]),
    access=accesses,
)
services = st.builds(
    Service,
    upstream=st.sampled_from(["u", "v"]),
    paths=st.lists(paths, max_size=2).map(tuple),
    access=accesses,
)
routes = st.builds(
    Route,
    name=st.sampled_from(NAMES),
    hosts=st.lists(st.sampled_from(HOSTS), min_size=1, max_size=2, unique=True).map(tuple),
    namespace=st.sampled_from([None, "ns"]),
    envs=st.sampled_from([(), (Env("-p", "prod"), Env("", "live"))]),
    services=st.lists(services, min_size=1, max_size=2).map(tuple),
)
endpoints = st.lists(st.sampled_from(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]), max_size=3, unique=True)
specs = st.builds(
    ServiceSpec,
    key=st.sampled_from(["u", "v", "ns/web:80", "ns/web:81"]),
    endpoints=endpoints.map(lambda addresses: tuple(EndpointSpec(address) for address in addresses)),
    port_name=st.sampled_from([None, "http"]),
)
rules = st.builds(
    Rule, st.sampled_from(["*", "a.x"]), st.sampled_from(["/", "/old"]), st.just("forward"), st.sampled_from(["u", "v"])
)


def kube(kind: str, name: str, owner: str, address: str) -> KubePart:
    metadata = {"namespace": "ns", "name": name, "labels": {"kubernetes.io/service-name": owner}}
    if kind == "Service":
        return KubePart(kind, f"ns/{name}", f"ns/{name}", {"metadata": metadata, "spec": {"ports": [{"port": 80}]}})
    value = {
        "metadata": metadata,
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [address]}],
    }
    return KubePart(kind, f"ns/{name}", f"ns/{owner}", value)


kubes = st.builds(
    kube,
    st.sampled_from(["Service", "EndpointSlice"]),
    st.sampled_from(["web", "shop"]),
    st.sampled_from(["web", "shop"]),
    st.sampled_from(["10.1.0.1", "10.1.0.2"]),
)
parts: st.SearchStrategy[Part] = st.one_of(
    routes,
    st.builds(ServicePart, specs, st.just(0)),
    st.builds(RulesPart, st.lists(rules, max_size=2).map(tuple)),
    st.builds(ListPart, st.sampled_from(["net", "other"]), st.sampled_from([("10.0.0.0/8",), ()])),
    st.builds(ConsumerPart, st.sampled_from(["ann", "bob"]), st.sampled_from([{}, {"key-auth": {"key": "k"}}])),
    kubes,
)


@st.composite
def contents(draw: st.DrawFn, source: str, broken: bool) -> Content:
    """What a source may hold: good documents, and bad ones where `broken`."""
    docs = []
    for number in range(draw(st.integers(0, 3))):
        place = Source(source, number + 1, number)
        if broken and draw(st.integers(0, 3)) == 0:
            name = draw(st.sampled_from([None, *NAMES]))
            problem = Problem(source, number + 1, 1, "wrong")
            docs.append(Doc(place.identity, number, (), Quarantined(name, ("q.x",), (problem,), place)))
        else:
            found = tuple(
                replace(part, source=place) if isinstance(part, Route) else part
                for part in draw(st.lists(parts, max_size=2))
            )
            docs.append(Doc(place.identity, number, found))
    return Content(tuple(docs), tuple(doc.bad.problems[0] for doc in docs if doc.bad))


@st.composite
def histories(draw: st.DrawFn, broken: bool = False) -> list[tuple[str, Content | None]]:
    """Changes of sources in order; None removes one."""
    history: list[tuple[str, Content | None]] = []
    for _ in range(draw(st.integers(1, 8))):
        source = draw(st.sampled_from(SOURCES))
        history.append((source, draw(st.one_of(st.none(), contents(source, broken)))))
    return history


def change(catalog: Catalog, source: str, content: Content | None) -> None:
    if content is None:
        catalog.remove(source)
    else:
        catalog.put(source, content)


def from_scratch(state: dict[str, Content | None]) -> Catalog:
    catalog = Catalog()
    for source, content in state.items():
        change(catalog, source, content)
    finish(catalog.settle())
    return catalog


@law
@given(histories(), st.data())
def test_a_catalog_built_by_changes_is_that_built_from_scratch(
    history: list[tuple[str, Content | None]], data: st.DataObject
) -> None:
    catalog = Catalog()
    for source, content in history:
        change(catalog, source, content)
        if data.draw(st.booleans(), "settle"):
            finish(catalog.settle())
    finish(catalog.settle())
    assert shown_catalog(catalog) == shown_catalog(from_scratch(dict(history)))


@law
@given(histories(broken=True))
def test_with_broken_documents_it_is_that_of_the_last_good_versions(history: list[tuple[str, Content | None]]) -> None:
    catalog = Catalog()
    kept: dict[str, dict[str, Doc]] = {}
    problems = {}
    for source, content in history:
        change(catalog, source, content)
        finish(catalog.settle())
        content = content or Content()
        kept[source] = finish(in_force(kept.get(source, {}), content.docs))
        problems[source] = content.problems
    expected = from_scratch({source: Content(tuple(docs.values()), problems[source]) for source, docs in kept.items()})
    assert shown_catalog(catalog) == shown_catalog(expected)


@law
@given(histories(broken=True), st.data())
def test_deltas_in_any_grouping_end_in_the_same_snapshot(
    history: list[tuple[str, Content | None]], data: st.DataObject
) -> None:
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5))
    catalog = Catalog()
    snapshot = empty_snapshot(surroundings)
    waiting: Delta | None = None
    everything = Delta(0)
    for source, content in history:
        change(catalog, source, content)
        delta = finish(catalog.settle())
        everything = everything.merged(delta)
        waiting = delta if waiting is None else waiting.merged(delta)
        if data.draw(st.booleans(), "compile"):
            snapshot, waiting = compile_now(snapshot, waiting), None
    if waiting is not None:
        snapshot = compile_now(snapshot, waiting)
    scratch = compile_now(empty_snapshot(surroundings), everything)
    assert shown_snapshot(snapshot) == shown_snapshot(scratch)


@law
@given(histories())
def test_a_snapshot_never_changes(history: list[tuple[str, Content | None]]) -> None:
    catalog = Catalog()
    snapshot = empty_snapshot(Surroundings(Registry(lambda: 0.0, lambda: 0.5)))
    taken = []
    for source, content in history:
        change(catalog, source, content)
        snapshot = compile_now(snapshot, finish(catalog.settle()))
        taken.append((snapshot, shown_snapshot(snapshot)))
    assert all(shown_snapshot(one) == before for one, before in taken)
