"""gwt.admin.bodies: one document, or the answer that says why not."""

from __future__ import annotations

from typing import Any

import pytest
from admin.world import told

from gwt.admin.bodies import Refused, json_of, refuse, route_document, sole
from gwt.model.route import Problem


def refused(call: Any, *arguments: Any) -> Any:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.reply.status == 400
    return told(caught.value.reply)


def test_a_route_is_called_as_the_path_says() -> None:
    assert route_document(b"hosts: [a.x]\n", "shop") == {"hosts": ["a.x"], "name": "shop"}
    assert "the path says 'shop'" in refused(route_document, b"{name: other}", "shop")["error_msg"]


def test_one_document_of_yaml_or_json() -> None:
    assert sole(b'{"a": 1}', "x/y", "thing") == sole(b"a: 1\n", "x/y", "thing") == {"a": 1}
    assert "expected one thing, got 2" in refused(sole, b"a: 1\n---\nb: 1\n", "x/y", "thing")["error_msg"]
    for bad in (b"\xff", b"a: [", b"[1]"):
        refused(sole, bad, "x/y", "thing")


def test_json() -> None:
    assert json_of(b"[1]") == [1]
    assert "no JSON" in refused(json_of, b"[")["error_msg"]


def test_problems_are_told_all_at_once() -> None:
    refuse([])
    found = refused(refuse, [Problem("f", 1, 2, "first"), Problem("f", 3, 4, "second")])
    assert found["error_msg"] == "first" and [one["message"] for one in found["problems"]] == ["first", "second"]
