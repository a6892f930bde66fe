"""What there should be against what there is."""

from __future__ import annotations

from typing import Any

from gwt.controller.diff import (
    baselines_of,
    batches,
    certificate_changes,
    held_names,
    map_of,
    read,
    route_changes,
    service_changes,
)
from gwt.controller.maps import Asked, Desired
from gwt.controller.secrets import Wanted
from gwt.steps import finish
from gwt.store.commit import Revision
from gwt.store.entries import Entry


def desired(unusable: tuple[Any, ...] = (), **docs: Any) -> Desired:
    asked = {name: Asked(f"n/{name}/r.yaml", name, doc, ()) for name, doc in docs.items()}
    return Desired(asked, frozenset(unusable), {})


def kube(name: str, doc: Any, held: int | None = None) -> Entry:
    return Entry(doc, "kube", f"n/{name}/r.yaml", held)


def stored(**entries: Entry) -> dict[str, bytes]:
    return {name: entry.text().encode() for name, entry in entries.items()}


def changes(wanted: Desired, there: dict[str, bytes], **baselines: Any) -> Any:
    return finish(route_changes(wanted, there, baselines))


def test_nothing_where_nothing_has_changed() -> None:
    assert changes(desired(a={"x": 1}), stored(a=kube("a", {"x": 1}))).changes == {}


def test_new_changed_and_gone() -> None:
    found = changes(desired(a={"x": 2}, b={"x": 1}), stored(a=kube("a", {"x": 1}), c=kube("c", {})))
    assert found.changes == {"a": kube("a", {"x": 2}).text(), "b": kube("b", {"x": 1}).text(), "c": None}


def test_what_others_wrote_stays() -> None:
    there = {**stored(a=Entry({"x": 0}, "admin"), t=Entry({}, "tool")), "g": b"{", "bare": b'{"hosts": []}'}
    found = changes(desired(a={"x": 1}, g={}), there)
    assert found.changes == {} and found.foreign == {"a", "g"}


def test_the_last_good_form_of_what_can_not_be_used_stays() -> None:
    there = stored(a=kube("a", {"x": 1}))
    assert changes(desired(("n/a/r.yaml",)), there).changes == {}
    assert changes(desired((("n/a", "a"),)), there).changes == {}
    assert changes(desired((("n/b", "a"),)), there).changes == {"a": None}


def test_what_goes_leaves_no_gap_where_a_document_of_its_name_can_not_be_used() -> None:
    bad = Asked("n/b/r.yaml", "a", None, (), ("a.example.com",))
    wanted = Desired({}, frozenset([("n/b", "a")]), {}, (bad,))
    closing = Entry({"name": "a", "hosts": ["a.example.com"]}, "kube", "n/b/r.yaml")
    assert changes(wanted, stored(a=kube("a", {"x": 1}))).changes == {"a": closing.text()}
    own = Desired({}, frozenset([("n/a", "a")]), {}, (bad,))
    second = Entry({"name": "n/b/r.yaml", "hosts": ["a.example.com"]}, "kube", "n/b/r.yaml")
    assert changes(own, stored(a=kube("a", {"x": 1}))).changes == {"n/b/r.yaml": second.text()}


def test_batches_are_bounded_by_number_and_size() -> None:
    assert batches({}, {}, 2, 10) == []
    assert batches({"c": "1", "a": "2", "b": None}, {}, 2, 10) == [{"a": "2", "b": None}, {"c": "1"}]
    texts = {"a": "12345", "b": "12345", "c": "1", "d": "x" * 20, "e": "1"}
    assert [list(one) for one in batches(texts, {}, 9, 10)] == [["a", "b"], ["c"], ["d"], ["e"]]
    assert [list(one) for one in batches({"a": None, "b": None}, {"a": b"x" * 9, "b": b"xx"}, 9, 10)] == [["a"], ["b"]]


def test_the_hosts_of_what_never_could_be_used_are_closed() -> None:
    bad = Asked("n/a/r.yaml", "a", None, (), ("a.example.com",))
    wanted = Desired({}, frozenset([("n/a", "a"), "n/a/r.yaml"]), {}, (bad,))
    closing = kube("a", {"name": "a", "hosts": ["a.example.com"]})
    assert changes(wanted, {}).changes == {"a": closing.text()}
    assert changes(wanted, stored(a=closing)).changes == {}
    assert changes(wanted, stored(a=kube("a", {"x": 1}))).changes == {}  # the last good form stays
    other = Desired({}, wanted.unusable, {}, (bad._replace(hosts=("b.example.com",)),))
    assert changes(other, stored(a=closing)).changes == {
        "a": kube("a", {"name": "a", "hosts": ["b.example.com"]}).text()
    }
    assert changes(desired(a={"x": 1}), stored(a=closing)).changes == {"a": kube("a", {"x": 1}).text()}
    assert changes(desired(), stored(a=closing)).changes == {"a": None}
    elsewhere = Entry({"name": "n/a/r.yaml", "hosts": ["a.example.com"]}, "kube", "n/a/r.yaml")
    assert changes(wanted, stored(a=Entry({"x": 1}, "admin"))).changes == {"n/a/r.yaml": elsewhere.text()}


def closing(asked: Asked) -> dict[str, Entry]:
    """The entry that closes its hosts under its origin."""
    return {asked.origin: Entry({"name": asked.origin, "hosts": list(asked.hosts)}, "kube", asked.origin)}


def test_the_hosts_of_a_second_holder_of_a_name_are_closed_until_the_first_goes() -> None:
    first = Asked("n/a/r.yaml", "a", {"x": 1}, (), ("a.example.com",))
    second = Asked("n/b/r.yaml", "a", {"x": 2}, (), ("b.example.com",))
    both = Desired({"a": first}, frozenset(), {}, (second,))
    there = stored(a=kube("a", {"x": 1}), **closing(second))
    found = changes(both, stored(a=kube("a", {"x": 1})))
    assert found.changes == {"n/b/r.yaml": there["n/b/r.yaml"].decode()} and found.closed == {"n/b/r.yaml": second}
    assert changes(both, there).changes == {}
    alone = Desired({"a": second}, frozenset(), {})
    assert changes(alone, there).changes == {
        "a": Entry({"x": 2}, "kube", "n/b/r.yaml").text(), "n/b/r.yaml": None,
    }  # fmt: skip


def test_the_hosts_of_a_document_whose_name_somebody_else_has_are_closed_until_that_goes() -> None:
    own = Asked("n/a/r.yaml", "a", {"x": 1}, (), ("a.example.com",))
    wanted = Desired({"a": own}, frozenset(), {})
    there = stored(a=Entry({"x": 0}, "admin"), **closing(own))
    found = changes(wanted, stored(a=Entry({"x": 0}, "admin")))
    assert found.changes == {"n/a/r.yaml": there["n/a/r.yaml"].decode()} and found.foreign == {"a"}
    assert changes(wanted, there).changes == {}
    assert changes(wanted, stored(**closing(own))).changes == {"a": kube("a", {"x": 1}).text(), "n/a/r.yaml": None}
    there = stored(**{"a": Entry({}, "admin"), "n/a/r.yaml": Entry({}, "admin")})
    assert changes(wanted, there).changes == {}, "that name somebody else has too"


def test_of_two_that_can_not_be_used_each_closes_its_own_hosts() -> None:
    bad = [Asked(f"n/a/r.yaml{mark}", "a", None, (), (f"{n}.example.com",)) for n, mark in enumerate(("", "#2", "#3"))]
    unusable = frozenset([("n/a", "a"), *(one.origin for one in bad)])
    wanted = Desired({}, unusable, {}, tuple(bad))
    assert changes(wanted, {}).closed == {"a": bad[0], "n/a/r.yaml#2": bad[1], "n/a/r.yaml#3": bad[2]}
    there = stored(a=Entry({"x": 1}, "kube", "n/a/r.yaml#2"))
    assert changes(wanted, there).closed == {one.origin: one for one in (bad[0], bad[2])}, "the second was good once"
    moved = stored(a=Entry({"x": 1}, "kube", "n/a/old.yaml"))
    assert changes(wanted, moved).closed == {one.origin: one for one in bad[1:]}


def test_what_is_held_stays_until_something_else_is_asked_for() -> None:
    there = stored(a=kube("a", {"x": 0}, 7))
    assert changes(desired(a={"x": 1}), there, a={"x": 1}).held == {"a"}
    assert changes(desired(a={"x": 1}), there, a={"x": 1}).changes == {}
    assert changes(desired(a={"x": 2}), there, a={"x": 1}).changes == {"a": kube("a", {"x": 2}).text()}
    assert changes(desired(), there, a={"x": 1}).changes == {"a": None}
    assert changes(desired(), there, a=None).changes == {}
    assert changes(desired(("n/a/r.yaml",)), there, a={"x": 1}).changes == {}


def test_held_at_nothing() -> None:
    there = stored(a=kube("a", None, 7))
    assert held_names(there) == {"a": 7}
    assert changes(desired(a={"x": 1}), there, a={"x": 1}).changes == {}


def revision(rev: int, before: Entry | None, after: Entry | None) -> Revision:
    import json

    pair = tuple(None if one is None else json.loads(one.text()) for one in (before, after))
    return Revision(rev, changed={"a": pair})  # type: ignore[dict-item]


def test_what_was_asked_for_when_it_was_held_stands_in_the_history() -> None:
    history = [
        revision(7, kube("a", {"x": 0}), kube("a", {"x": 1})),
        revision(8, kube("a", {"x": 1}), kube("a", {"x": 0}, 6)),
        revision(9, kube("a", {"x": 0}, 6), kube("a", {"x": 5}, 5)),
    ]
    assert baselines_of(history, {"a": 5}, desired(a={"x": 9})) == {"a": {"x": 1}}
    assert baselines_of([revision(8, None, kube("a", {}, 6))], {"a": 6}, desired(a={"x": 9})) == {"a": None}
    assert baselines_of([], {"a": 5}, desired(a={"x": 9})) == {"a": {"x": 9}}
    assert baselines_of([], {"a": 5}, desired()) == {"a": None}


def test_services() -> None:
    own = b'{"source":"kube","endpoints":[]}'
    there = {
        "same": own,
        "old": own,
        "gone": own,
        "tool": b'{"endpoints": []}',
        "mine": b'{"endpoints": []}',
        "bad": b"{",
    }
    wanted = {"same": own.decode(), "old": "new", "added": "x", "mine": "y"}
    assert finish(service_changes(wanted, there, None)) == {"old": "new", "gone": None, "added": "x"}
    assert finish(service_changes(wanted, there, {"same", "added"})) == {"added": "x"}
    spaced = {"a": b'{"endpoints": [], "source": "kube"}'}
    assert finish(service_changes({}, spaced, None)) == {"a": None}


def test_helpers() -> None:
    assert map_of("n/m/r.yaml#2") == "n/m"
    assert read(None) is None


def test_certificates_of_the_controller_s_come_change_and_go() -> None:
    there = stored(**{"n/a": kube("a", 1), "n/b": kube("b", 1), "n/c": kube("c", 1), "m/d": kube("d", 1)})
    there |= stored(**{"n/t": Entry({}, "admin"), "t": Entry({})})
    texts = {name: kube(name, 2).text() for name in ("n/b", "n/new", "n/t")} | {"n/a": kube("a", 1).text()}
    found = finish(certificate_changes(Wanted(texts, {"n/c": "it is odd"}, frozenset("m")), there))
    assert found.changes == {name: texts[name] for name in ("n/b", "n/new")} and found.foreign == {"n/t"}
    found = finish(certificate_changes(Wanted({}, {}), there))
    assert found.changes == dict.fromkeys(["n/a", "n/b", "n/c", "m/d"])
