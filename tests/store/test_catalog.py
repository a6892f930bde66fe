from __future__ import annotations

from gwt.delta import Delta
from gwt.model.route import Problem, Quarantined, Route
from gwt.steps import finish
from gwt.store.catalog import Catalog
from gwt.store.content import Content
from gwt.store.parts import read_content

ROUTE = "name: {name}\nhosts: [{host}]\nservices: [{{upstream: u, paths: [{{uri: /}}]}}]\n"


def put(catalog: Catalog, source: str, text: str) -> None:
    catalog.put(source, read_content(text.encode(), source))


def route(name: str = "foo", host: str = "foo.x") -> str:
    return ROUTE.format(name=name, host=host)


def settled(catalog: Catalog) -> Delta:
    return finish(catalog.settle())


def test_a_change_says_what_changed_and_nothing_else() -> None:
    catalog = Catalog()
    put(catalog, "a.yaml", route("foo") + "---\n" + route("bar", "bar.x"))
    first = settled(catalog)
    assert set(first.routes) == {"foo", "bar"}
    assert (first.services, first.rules, first.lists, first.consumers, first.problems) == ({}, None, None, None, None)
    put(catalog, "a.yaml", route("foo") + "---\n" + route("bar", "other.x"))
    second = settled(catalog)
    assert set(second.routes) == {"bar"}
    assert (first.revision, second.revision) == (1, 2)


def test_a_look_that_finds_nothing_new_keeps_the_revision() -> None:
    catalog = Catalog()
    put(catalog, "a.yaml", route())
    settled(catalog)
    put(catalog, "a.yaml", route())
    assert not settled(catalog)
    assert catalog.revision == 1


def test_a_route_that_moves_to_another_file_is_never_gone() -> None:
    catalog = Catalog()
    put(catalog, "z.yaml", route())
    settled(catalog)
    catalog.remove("z.yaml")
    put(catalog, "a.yaml", route())
    delta = settled(catalog)
    moved = delta.routes["foo"]
    assert isinstance(moved, Route)
    assert moved.source.file == "a.yaml"
    assert len(delta.routes) == 1


def test_a_broken_document_keeps_its_last_good_version_and_is_reported() -> None:
    catalog = Catalog()
    put(catalog, "a.yaml", route())
    settled(catalog)
    put(catalog, "a.yaml", "name: foo\nhosts: [foo.x]\nservicez: []\n")
    delta = settled(catalog)
    assert delta.routes == {}
    assert delta.problems
    assert "servicez" in " ".join(problem.message for problem in delta.problems)
    put(catalog, "a.yaml", route(host="new.x"))
    mended = settled(catalog)
    assert mended.problems == ()
    assert set(mended.routes) == {"foo"}


def test_a_document_that_never_was_good_is_given_out_as_quarantined() -> None:
    catalog = Catalog()
    put(catalog, "a.yaml", "hosts: [foo.x]\nservicez: []\n")
    (bad,) = settled(catalog).routes.values()
    assert isinstance(bad, Quarantined)
    assert bad.hosts == ("foo.x",)
    catalog.remove("a.yaml")
    assert list(settled(catalog).routes.values()) == [None]


def test_broken_upstreams_keep_their_endpoints() -> None:
    catalog = Catalog()
    put(catalog, "a.yaml", "upstreams: {u: ['10.0.0.1:80']}")
    settled(catalog)
    put(catalog, "a.yaml", "upstreams: {u: ['no address at all']}")
    assert settled(catalog).services == {}
    put(catalog, "a.yaml", "upstreams: {}")
    assert settled(catalog).services == {"u": None}


def test_a_source_that_can_not_be_read_keeps_everything() -> None:
    catalog = Catalog()
    put(catalog, "a.yaml", route())
    settled(catalog)
    problem = Problem("a.yaml", 0, 0, "can't be read")
    catalog.fail("a.yaml", problem)
    assert settled(catalog) == Delta(2, problems=(problem,))
    catalog.heal("a.yaml")
    assert settled(catalog) == Delta(3, problems=())
    catalog.put("a.yaml", Content((), (problem,), readable=False))
    assert settled(catalog) == Delta(4, problems=(problem,))


def test_a_static_upstream_and_a_service_compete_for_a_key_like_all_others() -> None:
    catalog = Catalog()
    service = '{"kind": "Service", "metadata": {"name": "web", "namespace": "ns"}, "spec": {"ports": [{"port": 80}]}}'
    put(catalog, "b.json", service)
    put(catalog, "a.yaml", "upstreams: {'ns/web:80': ['10.0.0.1:80']}")
    delta = settled(catalog)
    assert delta.services["ns/web:80"].source == "file"  # type: ignore[union-attr]
    assert delta.problems
    assert delta.problems[0].file == "b.json"
    catalog.remove("a.yaml")
    assert settled(catalog).services["ns/web:80"].source == "kube"  # type: ignore[union-attr]


def test_what_waits_is_known() -> None:
    catalog = Catalog()
    assert not catalog.waiting
    put(catalog, "a.yaml", route())
    assert catalog.waiting
    settled(catalog)
    assert not catalog.waiting


def test_many_changes_pause_often() -> None:
    catalog = Catalog()
    for number in range(200):
        put(catalog, f"{number}.yaml", f"upstreams: {{u{number}: ['10.0.0.1:80']}}")
    assert sum(1 for _ in catalog.settle()) >= 200
