"""Clusters that serve no EndpointSlices: the controller takes Endpoints, and only there."""

from __future__ import annotations

from pathlib import Path

from kube.apiserver import ApiServer, config_map, endpoints, service
from system.controlling import ControllerProcess
from system.harness import Origin, poll
from system.redis import RedisServer
from system.shared import document
from system.test_controller import answer, gateway, stored


def test_endpoints_stand_for_slices_that_are_not_served(tmp_path: Path) -> None:
    with RedisServer() as redis, ApiServer() as api, Origin() as origin, Origin("new") as new:
        api.unserved = {"endpointslices"}
        api.put("services", service("n/s"))
        api.put("endpoints", endpoints("n/s", "127.0.0.1", port=origin.port))
        api.put("configmaps", config_map("n/routes", {"name": "a", **document("a.example.com")}))
        with ControllerProcess(tmp_path / "c", api, redis) as controller, gateway(tmp_path, redis) as one:
            poll(lambda: answer(one) == "origin")
            api.put("endpoints", endpoints("n/s", "127.0.0.1", port=new.port))
            poll(lambda: answer(one) == "new")
            state = controller.ready()
            assert state is not None and state["kubernetes"]["endpoints"] is True
            api.put("endpoints", endpoints("n/s", port=new.port))
            poll(lambda: answer(one) == 503)
            api.delete("services", "n/s")
            poll(lambda: stored(redis, "services") == {})
