"""The ports that Routes of the store ask of Services without any."""

from __future__ import annotations

import json
from typing import Any

from gwt.controller.asking import Asking
from gwt.steps import finish


def route(name: str, port: Any, service: str = "ext") -> bytes:
    doc = {"hosts": [f"{name}.example.com"], "namespace": "n", "services": [
        {"name": service, "port": port, "paths": [{"uri": "/"}]}]}  # fmt: skip
    return json.dumps({"doc": doc, "source": "kube"}).encode()


def test_only_routes_that_name_them_count() -> None:
    asking = Asking()
    routes = {
        "a": route("a", 80), "b": route("b", 81), "c": route("c", 80), "d": route("d", "http"),
        "e": route("e", 9, "other"), "f": b"garbage ext", "g": b'{"doc": null, "held": 3, "x": "ext"}',
    }  # fmt: skip
    assert finish(asking.look(routes, {"n/ext"})) == {"n/ext": {80, 81}}
    del routes["b"]
    routes["c"] = route("c", 82)
    assert finish(asking.look(routes, {"n/ext"})) == {"n/ext": {80, 82}}
    assert finish(asking.look(routes, {"n/other"})) == {"n/other": {9}}
    assert finish(asking.look({}, {"n/other"})) == {}
