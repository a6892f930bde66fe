"""Gateways that follow a store which they share, in a real Redis and in a real etcd: the same of both."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from system.harness import GatewayProcess, Origin, get, poll, request, simple_route
from system.shared import KINDS, SharedStore, document, endpoints, opened, writes_are_there_at_once


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest) -> Iterator[SharedStore]:
    """Without an id."""
    with opened(request.param, bare=True) as store:
        yield store


@pytest.fixture
def store(empty: SharedStore, origin: Origin) -> SharedStore:
    """With one Route, `a.example.com`, to the origin."""
    fill(empty, origin, "a")
    return empty


def fill(store: SharedStore, origin: Origin, *routes: str, id_: str = "a") -> None:
    store.fill(id_)
    store.service("n/s:80", origin.address)
    store.write("routes", {"routes": {name: document(f"{name}.example.com") for name in routes}})


def gateway(directory: Path, store: SharedStore, **settings: Any) -> GatewayProcess:
    directory.mkdir(exist_ok=True)
    return GatewayProcess(directory, settings={"store": store.url, "refresh": 0.1, **settings})


def status(one: GatewayProcess, host: str) -> int:
    return get(one.proxy, "/", host=host).status


def test_changes_are_followed(tmp_path: Path, store: SharedStore) -> None:
    with gateway(tmp_path, store, refresh=30) as one, Origin("other") as other:
        assert status(one, "a.example.com") == 200 and status(one, "b.example.com") == 404
        store.route("b", {"doc": document("b.example.com", "t"), "source": "admin"})
        poll(lambda: status(one, "b.example.com") == 503)
        store.service("n/t:80", other.address)
        poll(lambda: status(one, "b.example.com") == 200)
        store.write("routes", {"routes": {"bad": {"hosts": "x"}, "c": document("c.example.com")}})
        poll(lambda: status(one, "c.example.com") == 200)
        assert {one["file"] for one in get(one.admin, "/v1/problems").json()["problems"]} == {"routes/bad"}
        store.route("a", None)
        poll(lambda: status(one, "a.example.com") == 404)
        store.write("routes", {"rules": {"old": {"host": "a.example.com", "url": "/", "action": "deny"}}})
        poll(lambda: status(one, "a.example.com") == 403)


def test_gone_and_back(tmp_path: Path, store: SharedStore) -> None:
    with gateway(tmp_path, store) as one:
        for name in "bc":
            seen = len(one.lines)
            store.stop()
            one.wait_line("pull failed", seen)
            assert status(one, "a.example.com") == 200
            store.start()
            store.route(name, document(f"{name}.example.com"))
            poll(lambda name=name: status(one, f"{name}.example.com") == 200)


def test_what_answers_nothing_keeps_nobody_waiting(tmp_path: Path, store: SharedStore) -> None:
    with gateway(tmp_path, store) as one:
        with store.frozen():
            assert status(one, "a.example.com") == 200
            one.wait_line(store.silence)
            assert status(one, "a.example.com") == 200
        store.route("b", document("b.example.com"))
        poll(lambda: status(one, "b.example.com") == 200)


def test_what_is_empty_or_of_another_format_is_not_followed(tmp_path: Path, store: SharedStore, origin: Origin) -> None:
    with gateway(tmp_path, store) as one:
        store.clear()
        one.wait_line("the store is empty")
        assert status(one, "a.example.com") == 200
        fill(store, origin, "c", id_="b")
        poll(lambda: status(one, "c.example.com") == 200)
        assert status(one, "a.example.com") == 404
        store.put("format", "2")
        one.wait_line("the store is of format 2, this gwt reads 1")
        store.route("c", None)
        put = request(one.admin, "PUT", "/v1/routes/d", body=json.dumps(document("d.example.com")).encode())
        assert put.status == 503 and "format" in put.json()["error_msg"]
        assert status(one, "c.example.com") == 200
        store.put("format", "1")
        poll(lambda: status(one, "c.example.com") == 404)


def many(**routes: Any) -> dict[str, Any]:
    """Thirty routes, and others."""
    return {"routes": {**{f"r{n}": document(f"r{n}.example.com") for n in range(30)}, **routes}}


def test_what_has_shrunk_while_a_gateway_was_down_is_followed(tmp_path: Path, store: SharedStore) -> None:
    store.write("routes", many())
    with gateway(tmp_path, store) as one:
        assert one.stop() == 0
    store.write("routes", {"routes": {**dict.fromkeys(many()["routes"]), "b": document("b.example.com")}})
    store.stop()
    with gateway(tmp_path, store) as one:
        assert any("starting with the copy" in line for line in one.lines)
        assert status(one, "a.example.com") == status(one, "r7.example.com") == 200
        store.start()
        poll(lambda: status(one, "r7.example.com") == 404)
        assert status(one, "b.example.com") == 200
        assert not any("has shrunk from" in line for line in one.lines)


def test_a_smaller_store_in_the_place_of_one_is_held_back(tmp_path: Path, store: SharedStore, origin: Origin) -> None:
    store.write("routes", many())
    with gateway(tmp_path, store, shrink_hold=5) as one:
        store.clear()
        one.wait_line("the store is empty")
        fill(store, origin, "b", id_="b")
        one.wait_line("has shrunk from 31 to 1 routes")
        assert status(one, "r7.example.com") == 200
        poll(lambda: status(one, "r7.example.com") == 404)
        assert status(one, "b.example.com") == 200


def test_how_long_is_held_back_may_change_by_sighup(tmp_path: Path, store: SharedStore, origin: Origin) -> None:
    store.write("routes", many())
    with gateway(tmp_path, store, shrink_hold=600) as one:
        store.clear()
        one.wait_line("the store is empty")
        fill(store, origin, "b", id_="b")
        one.wait_line("has shrunk from 31 to 1 routes")
        for seconds, wanted in ((900, 200), (0.1, 404)):
            one.configure({"shrink_hold": seconds})
            told = len(one.lines)
            one.signal(signal.SIGHUP)
            one.wait_line("is in force", start=told)
            poll(lambda wanted=wanted: status(one, "r7.example.com") == wanted)


def test_deletions_that_were_not_heard_of_are_followed_and_what_comes_after_them(
    tmp_path: Path, store: SharedStore
) -> None:
    store.write("routes", many())
    with gateway(tmp_path, store) as one:
        store.stop()
        one.wait_line("pull failed")
        store.start()
        store.write("routes", {"routes": dict.fromkeys(many()["routes"])})
        poll(lambda: status(one, "r7.example.com") == 404)
        body = json.dumps(document("new.example.com")).encode()
        assert request(one.admin, "PUT", "/v1/routes/new", body=body).status == 200
        assert get(one.admin, "/v1/routes/new").status == 200
        assert not any("has shrunk from" in line for line in one.lines)


def test_a_store_that_only_tools_write_to_needs_no_id(tmp_path: Path, empty: SharedStore, origin: Origin) -> None:
    settings = {"store": empty.url, "refresh": 0.1}
    with GatewayProcess(tmp_path, settings=settings, wait=False) as one:
        one.wait_line("the store is empty")
        assert get(one.admin, "/readyz").status == 503
        empty.route("a", document("a.example.com"))
        one.wait_ready()
        empty.service("n/s:80", origin.address)
        poll(lambda: status(one, "a.example.com") == 200)
        empty.write("routes", many())
        poll(lambda: status(one, "r7.example.com") == 200)
        assert empty.get("id") is None
        body = json.dumps(document("new.example.com")).encode()
        assert request(one.admin, "PUT", "/v1/routes/new", body=body).status == 200
        assert empty.get("id"), "the first of us that writes gives it one"
        for host in ("a", "r7", "new"):
            assert status(one, f"{host}.example.com") == 200
        empty.route("b", document("b.example.com"))
        poll(lambda: status(one, "b.example.com") == 200)
        assert not any("has shrunk from" in line for line in one.lines) and get(one.admin, "/readyz").status == 200


def test_a_store_without_an_id_that_is_emptied_and_filled_again_takes_nothing_away(
    tmp_path: Path, empty: SharedStore, origin: Origin
) -> None:
    empty.service("n/s:80", origin.address)
    empty.write("routes", many())
    with gateway(tmp_path, empty) as one:
        assert status(one, "r7.example.com") == 200
        empty.clear()
        one.wait_line("the store is empty")
        empty.service("n/more:80", origin.address)
        one.wait_line("has shrunk from 30 to 0 routes")
        assert status(one, "r7.example.com") != 404  # its service is another part, of which there is something
        empty.service("n/s:80", origin.address)
        poll(lambda: status(one, "r7.example.com") == 200)
        empty.write("routes", many(a=document("a.example.com")))
        poll(lambda: status(one, "a.example.com") == 200)
        assert status(one, "r7.example.com") == 200
        assert one.stop() == 0
    empty.stop()
    with gateway(tmp_path, empty) as one:
        assert any("starting with the copy" in line for line in one.lines)
        assert status(one, "a.example.com") == 200


def test_what_has_changed_while_a_gateway_was_down_is_followed(
    tmp_path: Path, store: SharedStore, origin: Origin
) -> None:
    with gateway(tmp_path, store) as one:
        assert one.stop() == 0
    store.write("routes", {"routes": {"a": None, "b": document("b.example.com")}})
    store.stop()
    with gateway(tmp_path, store) as one:
        assert status(one, "a.example.com") == 200
        store.start()
        poll(lambda: status(one, "b.example.com") == 200)
        assert status(one, "a.example.com") == 404


def test_a_start_without_anything_waits(tmp_path: Path, empty: SharedStore, origin: Origin) -> None:
    with GatewayProcess(tmp_path, settings={"store": empty.url, "refresh": 0.1}, wait=False) as one:
        one.wait_line("the store is empty")
        assert get(one.admin, "/readyz").status == 503
        fill(empty, origin, "a")
        one.wait_ready()
        poll(lambda: status(one, "a.example.com") == 200)


def test_another_store_by_sighup(tmp_path: Path, store: SharedStore, origin: Origin) -> None:
    with GatewayProcess(tmp_path, simple_route(origin.address)) as one:
        one.configure({"store": store.url})
        one.signal(signal.SIGHUP)
        poll(lambda: status(one, "a.example.com") == 200)
        store.route("b", document("b.example.com"))
        poll(lambda: status(one, "b.example.com") == 200)


def test_what_is_written_by_the_admin_api_reaches_all_gateways_and_can_be_taken_back(
    tmp_path: Path, store: SharedStore, origin: Origin
) -> None:
    body, other = (json.dumps(document(host)).encode() for host in ("new.example.com", "other.example.com"))
    with gateway(tmp_path / "one", store) as one, gateway(tmp_path / "two", store) as two:
        put = request(one.admin, "POST", "/upstream/n%2Fs:80", body=f"server {origin.address};".encode())
        assert (put.status, put.body) == (200, b"success")
        begun = get(one.admin, "/v1/history").json()["revision"]
        first = request(one.admin, "PUT", "/v1/routes/new", body=body, headers={"If-Match": f'"{begun}"'})
        assert first.status == 200
        poll(lambda: status(two, "new.example.com") == 200)
        lost = request(two.admin, "PUT", "/v1/routes/new", body=other, headers={"If-Match": f'"{begun}"'})
        assert (lost.status, lost.json()["revision"]) == (412, first.json()["revision"])
        won = request(two.admin, "PUT", "/v1/routes/new", body=other, headers={"If-Match": first.headers["etag"]})
        assert won.status == 200
        poll(lambda: status(one, "other.example.com") == 200 and status(one, "new.example.com") == 404)
        assert request(two.admin, "DELETE", "/v1/routes/new").status == 200
        poll(lambda: status(one, "other.example.com") == 404)
        back = request(one.admin, "POST", f"/v1/rollback/{first.json()['revision']}")
        assert back.status == 200 and back.json()["changed"] == ["new"]
        poll(lambda: status(two, "new.example.com") == 200)
        told = get(two.admin, "/v1/history").json()
        assert [entry["reason"].split()[0] for entry in told["history"]] == ["rollback", "DELETE", "PUT", "PUT"]
        assert told["history"][0]["rev"] == told["revision"] == back.json()["revision"]


def test_what_is_the_controllers_is_not_deleted(tmp_path: Path, store: SharedStore) -> None:
    entry = {"doc": document("k.example.com"), "source": "kube", "origin": "n/m/r.yaml"}
    service = {**endpoints("10.0.0.1:80"), "source": "kube"}
    store.write("routes", {"routes": {"k": entry}})
    store.write("services", {"services": {"n/k:80": service}})
    with gateway(tmp_path, store) as one:
        for path in ("/v1/routes/k", "/v1/upstreams/n%2Fk:80"):
            assert request(one.admin, "DELETE", path).status == 409
        assert store.entries("routes")["k"] == entry and store.entries("services")["n/k:80"] == service
        ours = json.dumps(document("l.example.com")).encode()
        assert request(one.admin, "PUT", "/v1/routes/k", body=ours).status == 200
        assert store.entries("routes")["k"]["source"] == "admin"
        assert request(one.admin, "DELETE", "/v1/routes/k").status == 200


@pytest.mark.parametrize("workers", [1, 3])
def test_what_was_just_written_is_there(tmp_path: Path, store: SharedStore, workers: int) -> None:
    with gateway(tmp_path, store, workers=workers) as one:
        writes_are_there_at_once(one)
        store.route("b", document("b.example.com"))
        poll(lambda: all(status(one, "b.example.com") == 200 for _ in range(8)))


def test_what_was_brought_back_or_released_is_there_in_all_workers(tmp_path: Path, store: SharedStore) -> None:
    entry = {"doc": document("k.example.com"), "source": "kube", "origin": "n/m/r.yaml"}
    store.write("routes", {"routes": {"k": entry, "l": {**entry, "doc": None, "held": 1}}})
    with gateway(tmp_path, store, workers=3) as one:
        for number in range(10):
            body = json.dumps(document(f"v{number}.example.com")).encode()
            put = request(one.admin, "PUT", "/v1/routes/k", body=body)
            assert status(one, f"v{number}.example.com") == 200
            back = request(one.admin, "POST", f"/v1/rollback/{put.json()['revision'] - 1}")
            assert back.status == 200 and back.json()["changed"] == ["k"], back.body
            assert status(one, "k.example.com") == 200 and status(one, f"v{number}.example.com") == 404
            assert store.entries("routes")["k"]["held"] == put.json()["revision"] - 1
            free = request(one.admin, "POST", "/v1/rollback/release?name=k&reason=mended")
            assert free.json()["changed"] == ["k"] and store.entries("routes")["k"] == entry
            assert {get(one.admin, "/v1/routes/k").headers["etag"] for _ in range(4)} == {free.headers["etag"]}
        assert request(one.admin, "POST", "/v1/rollback/release").json()["changed"] == ["l"]
        assert "l" not in store.entries("routes")
        last = get(one.admin, "/v1/history").json()["history"]
        assert [one["reason"] for one in last[:2]] == ["release of what was held", "mended"]


def test_what_was_read_is_changed_on_the_condition_that_it_is_still_so(tmp_path: Path, store: SharedStore) -> None:
    store.route("b", document("b.example.com"))
    store.route("c", document("c.example.com"))  # the revision of routes is another than that of services
    bodies = {
        "/v1/upstreams/n%2Fs:80": [json.dumps([f"10.0.0.{number}:80"]).encode() for number in (1, 2)],
        "/v1/routes/a": [json.dumps(document(f"{host}.example.com")).encode() for host in "xy"],
    }
    with gateway(tmp_path, store) as one:
        for path, (first, second) in bodies.items():
            seen = get(one.admin, path).headers["etag"]
            assert request(one.admin, "PUT", path, body=first, headers={"If-Match": seen}).status == 200
            assert request(one.admin, "PUT", path, body=second, headers={"If-Match": seen}).status == 412
            assert request(one.admin, "PUT", path, body=first).status == 200
            seen = get(one.admin, path).headers["etag"]  # what was written again is of another revision
            assert request(one.admin, "DELETE", path, headers={"If-Match": seen}).status == 200
        listed = get(one.admin, "/v1/upstreams")
        put = request(one.admin, "PUT", "/v1/upstreams/u", body=b'["10.0.0.1:80"]', headers={
            "If-Match": listed.headers["etag"]})  # fmt: skip
        assert put.status == 200 and get(one.admin, "/v1/upstreams/u").json()["revision"] >= put.json()["revision"]
