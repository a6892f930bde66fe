"""What keeps a Kubernetes object from being used, and where."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.model.kubecheck import faults_of
from gwt.model.validate import flatten


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [
        ("Service", {"spec": {"ports": [{"name": "a"}]}}, ("spec", "ports", 0)),
        ("Service", {"spec": {"ports": [{"port": 0}]}}, ("spec", "ports", 0, "port")),
        ("Service", {"spec": {"type": "ExternalName"}}, ("spec",)),
        ("EndpointSlice", {"addressType": "v4"}, ("addressType",)),
        ("EndpointSlice", {"endpoints": [{"addresses": []}]}, ("endpoints", 0, "addresses")),
        (
            "EndpointSlice",
            {"endpoints": [{"addresses": ["x"], "conditions": {"ready": "yes"}}]},
            ("endpoints", 0, "conditions", "ready"),
        ),
        ("Endpoints", {"subsets": [{"addresses": [{}]}]}, ("subsets", 0, "addresses", 0)),
    ],
)
def test_faults(kind: str, value: Any, path: tuple[Any, ...]) -> None:
    (fault,) = faults_of(kind, value)
    assert flatten(fault.trail) == path


def test_nulls_and_unknown_fields_are_nothing() -> None:
    assert faults_of("Service", {"spec": None, "status": {}}) == []
    assert faults_of("EndpointSlice", {"endpoints": None, "ports": None, "x": 1}) == []
    assert (
        faults_of("EndpointSlice", {"endpoints": [{"addresses": ["x"], "conditions": {"ready": None}, "zone": None}]})
        == []
    )
    assert faults_of("Endpoints", {"subsets": None}) == []
