"""What was read of a shared store."""

from __future__ import annotations

from gwt.steps import finish
from gwt.store.follow import Question
from gwt.store.stock import Stock

ROUTE = b'{"hosts": ["a.example.com"], "services": [{"upstream": "u", "paths": [{"uri": "/"}]}]}'
NONE: dict[str, dict[str, bytes | None]] = {hash_: {} for hash_ in ("routes", "rules", "lists", "consumers")}


def test_what_is_read_takes_the_place_of_what_was_asked_for() -> None:
    stock = Stock()
    delta = finish(stock.take(Question("routes", None), {**NONE, "routes": {"a": ROUTE}, "lists": {"l": b"[]"}}))
    assert delta.routes.keys() == {"a"} and stock.names("routes") == ["routes/a", "lists/l"]
    delta = finish(stock.take(Question("routes", frozenset("ab")), {**NONE, "routes": {"a": None, "b": ROUTE}}))
    assert delta.routes["a"] is None and stock.raw["routes"] == {"b": ROUTE} and stock.raw["lists"] == {"l": b"[]"}
    delta = finish(stock.take(Question("routes", None), {**NONE, "routes": {"b": ROUTE}}))
    assert not delta.routes and stock.names("routes") == ["routes/b"] and stock.names("services") == []
