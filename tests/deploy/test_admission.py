"""The admission policy lets the controller do what it does to ConfigMaps, and nothing else: its CEL is evaluated."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from deploy.manifests import KUBERNETES, find, rendered

from gwt.controller.maps import STATUS
from gwt.controller.status import patch
from gwt.model.controlleroptions import ControllerSettings

celpy = pytest.importorskip("celpy", reason="cel-python is not installed")

POLICY = find(rendered(KUBERNETES / "admission"), "ValidatingAdmissionPolicy", "gwt-controller")["spec"]
CONTROLLER = "system:serviceaccount:gwt:gwt-controller"
OLD = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "r", "namespace": "gwt", "labels": {"gwt.io/route": "true"}, "annotations": {"a": "b"}},
    "data": {"routes.yaml": "hosts: []"},
}


def evaluate(expression: str, known: Mapping[str, Any]) -> Any:
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    return program.evaluate({name: celpy.json_to_cel(value) for name, value in known.items()})


def refusals(new: Any, old: Any = OLD, user: str = CONTROLLER) -> list[str]:
    """The messages of what does not hold."""
    known = {"object": new, "oldObject": old, "request": {"userInfo": {"username": user}}}
    if not all(evaluate(one["expression"], known) for one in POLICY["matchConditions"]):
        return []
    known["variables"] = {one["name"]: evaluate(one["expression"], known) for one in POLICY["variables"]}
    return [one["message"] for one in POLICY["validations"] if not evaluate(one["expression"], known)]


def merged(old: Any, change: Any) -> Any:
    """RFC 7396."""
    if not isinstance(change, dict):
        return change
    result = copy.deepcopy(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def test_what_the_controller_does_is_let_through() -> None:
    first = merged(OLD, json.loads(patch("x", STATUS)))
    assert first["metadata"]["annotations"] == {"a": "b", STATUS: "x"}
    assert refusals(first) == []
    assert refusals(merged(first, json.loads(patch("y", STATUS))), first) == []
    bare = merged(OLD, {"metadata": {"annotations": None}, "data": None})
    assert refusals(merged(bare, json.loads(patch("x", STATUS))), bare) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"data": {"routes.yaml": "hosts: ['*']"}}, "data"),
        ({"data": {"more.yaml": ""}}, "data"),
        ({"data": None}, "data"),
        ({"binaryData": {"a": "YQ=="}}, "data"),
        ({"immutable": True}, "data"),
        ({"metadata": {"annotations": {"a": "c"}}}, "annotations"),
        ({"metadata": {"annotations": {"a": None}}}, "annotations"),
        ({"metadata": {"annotations": None}}, "annotations"),
        ({"metadata": {"annotations": {"c": "d"}}}, "annotations"),
        ({"metadata": {"labels": {"x": "y"}}}, "labels"),
        ({"metadata": {"labels": None}}, "labels"),
        ({"metadata": {"finalizers": ["x/y"]}}, "finalizers"),
        ({"metadata": {"ownerReferences": [{"name": "x"}]}}, "owners"),
    ],
)
def test_anything_else_is_refused_to_it_and_to_nobody_else(change: Any, word: str) -> None:
    (message,) = refusals(merged(OLD, change))
    assert word in message
    assert refusals(merged(OLD, change), user="system:serviceaccount:gwt:somebody") == []


@pytest.mark.parametrize("labels", [None, {}, {"gwt.io/route": "false"}, {"other": "true"}])
def test_config_maps_without_the_label_are_not_its_business(labels: Any) -> None:
    old = copy.deepcopy(OLD)
    old["metadata"]["labels"] = labels  # type: ignore[index]
    if labels is None:
        del old["metadata"]["labels"]  # type: ignore[attr-defined]
    assert any("gwt.io/route=true" in one for one in refusals(merged(old, json.loads(patch("x", STATUS))), old))


def test_the_label_is_the_controller_s() -> None:
    assert ControllerSettings().label == "gwt.io/route=true"
