from __future__ import annotations

from gwt.delta import quarantine_key
from gwt.model.route import Problem, Quarantined, Route, Rule, Source
from gwt.steps import finish
from gwt.store.claims import Place
from gwt.store.shelves import RouteShelf, RuleShelf, Shelf, TableShelf, all_problems


def place(source: str, line: int = 0) -> Place:
    return Place(source, 0, 0, source, line)


def route(source: str, host: str = "x") -> Route:
    return Route("foo", (host,), source=Source(source, 1))


def test_only_what_changed_is_given_out() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put("a", place("f"), "1")
    shelf.put("b", place("f"), "2")
    assert finish(shelf.settle()) == {"a": "1", "b": "2"}
    assert finish(shelf.settle()) == {}
    shelf.drop("a", place("f"))
    shelf.put("a", place("f"), "1")
    shelf.drop("b", place("f"))
    assert finish(shelf.settle()) == {"b": None}


def test_a_second_definition_is_reported_with_both_places() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put("a", place("one.yaml", 4), "1")
    shelf.put("a", place("two.yaml", 7), "2")
    assert finish(shelf.settle()) == {"a": "1"}
    (problem,) = all_problems(shelf)
    assert (problem.file, problem.line) == ("two.yaml", 7)
    assert "one.yaml:4" in problem.message
    shelf.drop("a", place("one.yaml", 4))
    assert finish(shelf.settle()) == {"a": "2"}
    assert list(all_problems(shelf)) == []


def test_the_second_holder_of_a_name_is_quarantined_with_its_hosts() -> None:
    shelf = RouteShelf()
    shelf.put("foo", place("a.yaml"), route("a.yaml"))
    shelf.put("foo", place("b.yaml"), route("b.yaml", "y"))
    changed = finish(shelf.settle())
    assert changed.pop("foo") == route("a.yaml")
    ((key, loser),) = changed.items()
    assert isinstance(loser, Quarantined)
    assert (loser.name, loser.hosts, key[0]) == ("foo", ("y",), "\0")
    assert "a.yaml:1" in loser.problems[0].message
    shelf.drop("foo", place("a.yaml"))
    assert finish(shelf.settle()) == {"foo": route("b.yaml", "y"), key: None}


def test_a_double_that_turns_bad_stays_closed_in_any_order() -> None:
    shelf = RouteShelf()
    shelf.put("foo", place("a.yaml"), route("a.yaml"))
    shelf.put("foo", place("b.yaml"), route("b.yaml"))
    finish(shelf.settle())
    shelf.drop("foo", place("b.yaml"))
    bad = Quarantined("foo", ("x",), (Problem("b.yaml", 1, 1, "wrong"),), Source("b.yaml", 1))
    shelf.put(quarantine_key("b.yaml"), place("b.yaml"), bad)
    finish(shelf.settle())
    assert shelf.given == {"foo": route("a.yaml"), quarantine_key("b.yaml"): bad}


def test_rules_are_given_out_whole_in_the_order_of_their_places() -> None:
    shelf = RuleShelf()
    one, two = Rule("*", "/1", "deny"), Rule("*", "/2", "deny")
    shelf.put(place("b.yaml"), (two,))
    shelf.put(place("a.yaml"), (one,))
    assert shelf.settle() == (one, two)
    assert shelf.settle() is None
    shelf.drop(place("a.yaml"))
    assert shelf.settle() == (two,)


def test_tables_are_given_out_whole() -> None:
    shelf: TableShelf[tuple[str, ...]] = TableShelf()
    assert finish(shelf.settle_whole()) is None
    shelf.put("net", place("a.yaml"), ("10.0.0.0/8",))
    shelf.put("lan", place("b.yaml"), ())
    both = finish(shelf.settle_whole())
    assert both == {"net": ("10.0.0.0/8",), "lan": ()} and list(both) == ["lan", "net"]
    shelf.drop("lan", place("b.yaml"))
    assert finish(shelf.settle_whole()) == {"net": ("10.0.0.0/8",)}
