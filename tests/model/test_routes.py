"""Reading one Route that has passed the schema (test_parse has every refusal)."""

from __future__ import annotations

from gwt.model.access import Reader
from gwt.model.route import Path, Source
from gwt.model.routes import read_hosts, read_route

VALUE = {"hosts": ["A.b:80"], "services": [{"name": "s", "port": 80.0, "paths": [{"uri": "/"}]}]}


def test_the_smallest_route() -> None:
    route = read_route(Reader(lambda path: 1, [], lambda owner, key: 3), VALUE, Source("f", 3), "ns")
    assert (route.name, route.hosts, route.namespace) == ("f", ("a.b",), "ns")
    assert route.services[0].port == 80 and isinstance(route.services[0].port, int)
    assert route.services[0].paths == (Path("/", line=3),)


def test_its_own_namespace_wins() -> None:
    assert read_route(Reader(lambda path: 1, []), {**VALUE, "namespace": "own"}, Source("f"), "ns").namespace == "own"


def test_hosts_that_are_the_same() -> None:
    reader = Reader(lambda path: 1, [])
    assert read_hosts(reader, ["a.b", "A.B.", "c"], None) == ("a.b", "c")
    assert [fault.severity for fault in reader.faults] == ["warning"]
