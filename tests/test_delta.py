from __future__ import annotations

from gwt.delta import Delta, quarantine_key
from gwt.model.route import Problem, Route, Rule, ServiceSpec

FOO, BAR = Route("foo", ("foo.x",)), Route("bar", ("bar.x",))


def test_a_delta_that_says_nothing_is_false() -> None:
    assert not Delta(7)
    assert Delta(7, rules=())
    assert Delta(7, routes={"foo": None})
    assert Delta(7, problems=())


def test_only_services_and_problems_share_the_router() -> None:
    assert Delta(1, services={"u": ServiceSpec("u")}, problems=(Problem("f", 1, 1, "m"),)).endpoints_only
    assert not Delta(1, routes={"foo": None}).endpoints_only
    assert not Delta(1, rules=()).endpoints_only
    assert not Delta(1, lists={}).endpoints_only


def test_of_two_the_later_word_holds() -> None:
    first = Delta(1, {"foo": FOO, "bar": BAR}, {"u": ServiceSpec("u")}, (Rule("*", "/", "deny"),), services_revision=5)
    later = Delta(2, {"foo": None}, {"v": None}, None, {"net": ("10.0.0.0/8",)})
    both = first.merged(later)
    assert (both.revision, both.services_revision) == (2, 5)
    assert both.routes == {"foo": None, "bar": BAR}
    assert both.services == {"u": ServiceSpec("u"), "v": None}
    assert both.rules == (Rule("*", "/", "deny"),)
    assert both.lists == {"net": ("10.0.0.0/8",)}
    assert both.consumers is None


def test_no_name_is_a_quarantine_key() -> None:
    assert not quarantine_key("a.yaml").isprintable()
