"""The controller and a real kube-apiserver; without one this is skipped. system/kubernetes.py says how to get it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kube.apiserver import config_map, service, slice_
from system.authority import person
from system.controlling import SHORT_LEASE, ControllerProcess
from system.harness import PATIENCE, poll
from system.kubernetes import PROGRAM, KubeServer, path_of
from system.redis import RedisServer
from system.shared import document

pytestmark = pytest.mark.skipif(not PROGRAM, reason="GWT_KUBE_APISERVER names no kube-apiserver")

#: Seconds until a controller must have found its way back to an API server that was gone.
BACK = 2 * PATIENCE

ACCEPTED = {"accepted": 1, "routes": ["a"]}


@pytest.fixture(scope="module")
def server() -> Iterator[KubeServer]:
    with KubeServer() as one:
        yield one


@pytest.fixture
def api(server: KubeServer) -> Iterator[KubeServer]:
    yield server
    server.clear()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as one:
        yield one


def start(directory: Path, api: KubeServer, redis: RedisServer, **settings: Any) -> ControllerProcess:
    return ControllerProcess(directory, api, redis, **{"namespaces": ["gwt"], **settings})


def stored(redis: RedisServer, hash_: str) -> dict[str, Any]:
    reply = redis.command("HGETALL", f"{{gwt}}:{hash_}")
    return {name.decode(): json.loads(raw) for name, raw in zip(reply[::2], reply[1::2], strict=True)}


def addresses(redis: RedisServer, key: str) -> list[str] | None:
    entry = stored(redis, "services").get(key)
    return None if entry is None else [one["address"] for one in entry["endpoints"]]


def told(api: KubeServer, key: str) -> Any:
    """What a ConfigMap says of itself, but for which data it says it of."""
    value = api.get("configmaps", key) or {"metadata": {}}
    text = (value["metadata"].get("annotations") or {}).get("gwt.io/status")
    return None if text is None else {name: said for name, said in json.loads(text).items() if name != "data"}


def fill(api: KubeServer) -> None:
    """Service n/s with an endpoint, and a Route to it."""
    api.put("services", service("n/s"))
    api.put("endpointslices", slice_("n/s", "10.1.0.1", port=8080))
    api.put("configmaps", config_map("gwt/routes", {"name": "a", **document("a.example.com")}))


def revisions(redis: RedisServer) -> Any:
    return redis.command("MGET", "{gwt}:rev", "{gwt}:services:rev", "{gwt}:id")


def test_services_and_slices_appear_change_and_go(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    ports = [
        {"name": "http", "port": 80},
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "other", "port": 81},
    ]
    open_ports = [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    going = {"addresses": ["10.1.0.2"], "conditions": {"ready": False, "serving": True, "terminating": True}}
    one = {**slice_("n/s", "10.1.0.1"), "ports": open_ports}
    with start(tmp_path / "c", api, redis):
        api.put("services", {**service("n/s"), "spec": {"ports": ports, "ipFamilyPolicy": "PreferDualStack"}})
        api.put("endpointslices", {**one, "endpoints": [*one["endpoints"], going]})
        api.put("endpointslices", {**slice_("n/s", "fd00::1", number=6), "ports": open_ports, "addressType": "IPv6"})
        api.put("endpointslices", {**slice_("n/s", "10.1.0.3", number=2), "ports": [{"name": "http", "port": 8081}]})
        all_of_them = ["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8081", "[fd00::1]:8080"]
        poll(lambda: addresses(redis, "n/s:80") == all_of_them)
        entry = stored(redis, "services")["n/s:80"]
        assert entry["port_name"] == "http"
        going_on = {"ready": False, "serving": True, "terminating": True}
        assert entry["endpoints"][1] == {"address": "10.1.0.2:8080", **going_on}
        assert addresses(redis, "n/s:81") == [] and addresses(redis, "n/s:53") is None
        api.put("endpointslices", one)
        api.delete("endpointslices", "n/s-2")
        poll(lambda: addresses(redis, "n/s:80") == ["10.1.0.1:8080", "[fd00::1]:8080"])
        api.delete("services", "n/s")
        poll(lambda: addresses(redis, "n/s:80") is None)


def test_routes_and_what_is_told_of_them(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    fill(api)
    with start(tmp_path / "c", api, redis) as controller:
        poll(lambda: told(api, "gwt/routes") == ACCEPTED)
        api.put("configmaps", config_map("gwt/bad", "hosts: [b.example.com]\nservices: {{"))
        assert "gwt/bad/routes.yaml:2:13" in poll(lambda: told(api, "gwt/bad"))["errors"][0]
        poll(lambda: {one["type"] for one in api.items("events", "gwt")} == {"Normal", "Warning"})
        rev = revisions(redis)[0]
        api.put("services", service("n/later"))  # comes after the patches, by the same way
        poll(lambda: "n/later:80" in stored(redis, "services"))
        assert revisions(redis)[0] == rev, "it is woken by what it has written itself"
        api.put("configmaps", config_map("gwt/routes", {"name": "a", **document("new.example.com")}))
        poll(lambda: stored(redis, "routes")["a"]["doc"]["hosts"] == ["new.example.com"])
        unlabelled = config_map("gwt/routes", {"name": "a", **document("new.example.com")}, labels={})
        api.put("configmaps", unlabelled)
        poll(lambda: "a" not in stored(redis, "routes"))
        assert "not told" not in controller.output and "no Event" not in controller.output


def test_what_the_controller_may_do(api: KubeServer) -> None:
    api.put("configmaps", config_map("gwt/routes", "{}"))
    api.put("configmaps", config_map("gwt/others", "{}", labels={}))

    def patched(name: str, change: dict[str, Any]) -> int:
        path = path_of("configmaps", "gwt", name)
        return api.ask("PATCH", path, change, "application/merge-patch+json", api.token)[0]

    def annotated(name: str) -> dict[str, Any]:
        return {"metadata": {"annotations": {name: "x"}}}

    poll(lambda: patched("routes", {"data": {"routes.yaml": "[]"}}) == 422)  # a policy takes a moment
    assert patched("routes", annotated("gwt.io/status")) == 200
    assert patched("routes", annotated("other")) == 422
    assert patched("others", annotated("gwt.io/status")) == 422
    for path in (path_of("configmaps", "n"), path_of("configmaps", "gwt", "routes"), "/api/v1/secrets", "/api/v1/pods"):
        assert api.ask("GET", path, token=api.token)[0] == 403, path


def test_a_restart_writes_nothing(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    fill(api)
    with start(tmp_path / "c", api, redis) as controller:
        poll(lambda: told(api, "gwt/routes") == ACCEPTED)
        assert controller.stop() == 0
    before, kept = revisions(redis), api.get("configmaps", "gwt/routes")
    with start(tmp_path / "c", api, redis) as controller:
        poll(controller.leads)
        api.put("services", service("n/later"))
        poll(lambda: "n/later:80" in stored(redis, "services"))
    after = revisions(redis)
    assert (after[0], int(after[1]), after[2]) == (before[0], int(before[1]) + 1, before[2])
    assert api.get("configmaps", "gwt/routes") == kept


def test_one_leads_and_the_other_takes_over(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    with start(tmp_path / "c1", api, redis) as first:
        poll(first.leads)
        before = first.metric("gwt_controller_epoch")
        with start(tmp_path / "c2", api, redis) as second:
            assert not second.leads()
            first.kill()
            poll(second.leads)
            api.put("services", service("n/s"))
            poll(lambda: "n/s:80" in stored(redis, "services"))
            assert int(redis.command("GET", "{gwt}:epoch")) == before + 1
            with start(tmp_path / "c3", api, redis) as third:
                second.signal(signal.SIGTERM)
                poll(third.leads)
                assert second.wait() == 0


def test_an_api_server_killed_and_back(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    fill(api)
    with start(tmp_path / "c", api, redis, lease=SHORT_LEASE) as controller:
        poll(lambda: addresses(redis, "n/s:80") == ["10.1.0.1:8080"])
        api.kill()
        controller.wait_line("leads no more")
        api.serve()
        api.put("endpointslices", slice_("n/s", "10.1.0.2", port=8080))
        poll(lambda: addresses(redis, "n/s:80") == ["10.1.0.2:8080"], timeout=BACK)


def test_an_api_server_that_stands_still(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    with start(tmp_path / "c", api, redis, lease=SHORT_LEASE) as controller:
        poll(controller.leads)
        with api.frozen():
            controller.wait_line("leads no more")
        api.put("services", service("n/s"))
        poll(lambda: "n/s:80" in stored(redis, "services"), timeout=BACK)


def test_an_api_server_that_is_back_in_the_past(tmp_path: Path, api: KubeServer, redis: RedisServer) -> None:
    fill(api)
    copy = api.keep()
    with start(tmp_path / "c", api, redis):
        poll(lambda: addresses(redis, "n/s:80") == ["10.1.0.1:8080"])
        api.put("services", service("n/lost"))
        api.put("endpointslices", slice_("n/s", "10.1.0.2", port=8080))
        poll(lambda: addresses(redis, "n/s:80") == ["10.1.0.2:8080"] and "n/lost:80" in stored(redis, "services"))
        api.restore(copy)
        poll(lambda: addresses(redis, "n/s:80") == ["10.1.0.1:8080"], timeout=BACK)
        poll(lambda: "n/lost:80" not in stored(redis, "services"), timeout=BACK)


def test_a_client_certificate_and_the_server_by_another_name(
    tmp_path: Path, api: KubeServer, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = "system:serviceaccount:gwt:gwt-controller"
    api.authority.issue("client", person(account, "system:serviceaccounts"))
    config = api.kubeconfig()
    config["clusters"][0]["cluster"]["tls-server-name"] = "api.example.com"
    files = {
        f"client-{what}": str(api.directory / f"client.{end}") for what, end in (("certificate", "pem"), ("key", "key"))
    }
    config["users"][0]["user"] = files
    monkeypatch.setattr(api, "kubeconfig", lambda: config)
    with start(tmp_path / "c", api, redis) as controller:
        poll(controller.leads)
        api.put("services", service("n/s"))
        poll(lambda: "n/s:80" in stored(redis, "services"))
