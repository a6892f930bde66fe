"""Upstreams, rules, lists and consumers read by themselves (test_parse has them in files)."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.model import others
from gwt.model.access import Reader
from gwt.model.route import EndpointSpec, Source
from gwt.model.validate import Fault


def reader() -> Reader:
    return Reader(lambda path: 7, [])


@pytest.mark.parametrize(
    ("item", "endpoint"),
    [
        ("10.0.0.1:80", EndpointSpec("10.0.0.1:80")),
        ({"address": "10.0.0.1:80", "weight": 0}, EndpointSpec("10.0.0.1:80", weight=0)),
        ({"address": "a.b:1", "ready": False, "zone": "z"}, EndpointSpec("a.b:1", False, zone="z")),
        ("nonsense", None),
        ({"address": "x"}, None),
    ],
)
def test_endpoints(item: Any, endpoint: EndpointSpec | None) -> None:
    found = reader()
    assert others.read_endpoint(found, item, None) == endpoint
    assert bool(found.faults) == (endpoint is None)


def test_an_address_that_stands_twice_counts_once() -> None:
    found = reader()
    document = others.read_upstreams(found, {"upstreams": {"u": ["1.2.3.4:5", "1.2.3.4:5"]}}, Source("f"))
    assert len(document.services[0].endpoints) == 1
    assert [fault.severity for fault in found.faults] == ["warning"]
    assert document.lines == {"u": 7}


def test_consumers_names_are_printable() -> None:
    faults: list[Fault] = []
    others.read_consumers(Reader(lambda path: 1, faults), {"consumers": {"a\x00": {}}}, Source("f"))
    assert len(faults) == 1
