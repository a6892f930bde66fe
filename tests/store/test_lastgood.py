from __future__ import annotations

from gwt.model.route import Problem, Quarantined, Route, Source
from gwt.steps import finish
from gwt.store.content import Doc
from gwt.store.lastgood import in_force


def good(name: str, number: int = 0, inner: bool = False, identity: str = "") -> Doc:
    source = Source("f.yaml", number + 1, number)
    return Doc(identity or source.identity, number, (Route(name, ("x",), source=source),), None, inner)


def bad(name: str | None = None, number: int = 0, inner: bool = False, identity: str = "") -> Doc:
    source = Source("f.yaml", number + 1, number)
    broken = Quarantined(name, ("x",), (Problem("f.yaml", number + 1, 1, "wrong"),), source)
    return Doc(identity or source.identity, number, (), broken, inner)


def after(before: list[Doc], *docs: Doc) -> list[tuple[int, list[str] | None]]:
    """(position, names of the Routes in force or None for a document that is closed)."""
    kept = finish(in_force({doc.identity: doc for doc in before}, docs))
    return [(doc.index, None if doc.bad else [part.name for part in doc.parts]) for doc in kept.values()]  # type: ignore[union-attr]


def test_good_documents_are_in_force_and_gone_ones_are_not() -> None:
    assert after([good("a"), good("b", 1)], good("c")) == [(0, ["c"])]


def test_a_broken_document_keeps_what_stood_at_its_place() -> None:
    assert after([good("a"), good("b", 1)], bad(), good("b", 1)) == [(0, ["a"]), (1, ["b"])]


def test_a_broken_document_with_a_name_keeps_the_version_of_that_name_wherever_it_stood() -> None:
    before = [good("a"), good("b", 1)]
    assert after(before, good("c"), good("a", 1), bad("b", 2)) == [(0, ["c"]), (1, ["a"]), (2, ["b"])]


def test_a_version_whose_name_has_moved_to_a_good_document_is_not_kept() -> None:
    assert after([good("a"), good("b", 1)], good("b"), bad(None, 1)) == [(0, ["b"]), (1, None)]


def test_two_broken_documents_never_keep_the_same_version() -> None:
    assert after([good("a")], bad("a"), bad("a", 1)) == [(0, ["a"]), (1, None)]


def test_without_a_good_version_it_stays_bad() -> None:
    assert after([], bad("a")) == [(0, None)]
    assert after([bad("a")], bad("a")) == [(0, None)]


def test_routes_of_a_config_map_that_can_not_be_opened_any_more_stay() -> None:
    before = [good("a", 0, True, "ns/map/a.yaml"), good("b", 1, True, "ns/map/b.yaml")]
    assert after(before, bad(None, 0, identity="f.yaml")) == [(0, ["a"]), (1, ["b"])]


def test_a_broken_key_of_a_config_map_keeps_its_own_version_only() -> None:
    before = [good("a", 0, True, "ns/map/a.yaml"), good("b", 1, True, "ns/map/b.yaml")]
    assert after(before, bad(None, 0, True, "ns/map/a.yaml")) == [(0, ["a"])]
