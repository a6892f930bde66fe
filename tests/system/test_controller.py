"""Kubernetes -> controller -> Redis or etcd -> gateway, each of them a real process but for the API server."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from kube.apiserver import ApiServer, config_map, service, slice_
from system.controlling import SHORT_LEASE, ControllerProcess
from system.harness import GatewayProcess, Origin, get, poll, request
from system.raw import one_good_run, within
from system.redis import RedisServer
from system.shared import KINDS, SharedStore, document, opened

from gwt.cli.main import run


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[SharedStore]:
    with opened(request.param, bare=True) as one:
        yield one


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


@contextmanager
def fresh(tmp_path: Path) -> Iterator[tuple[Path, RedisServer, ApiServer]]:
    """For one run of several: a directory, a store and a cluster of its own."""
    with RedisServer() as redis, ApiServer() as api:
        yield Path(mkdtemp(dir=tmp_path)), redis, api


def fill(api: ApiServer, *origins: Origin) -> None:
    """Service n/s, and a Route of a.example.com to it."""
    api.put("services", service("n/s"))
    replace(api, *origins)
    api.put("configmaps", config_map("n/routes", {"name": "a", **document("a.example.com")}))


def replace(api: ApiServer, *origins: Origin) -> None:
    for number, origin in enumerate(origins, 1):
        api.put("endpointslices", slice_("n/s", "127.0.0.1", port=origin.port, number=number))


def gateway(directory: Path, store: SharedStore | RedisServer) -> GatewayProcess:
    return GatewayProcess(directory, settings={"store": store.url, "refresh": 0.5}, wait=False)


def answer(one: GatewayProcess, host: str = "a.example.com") -> Any:
    """Who answers: the origin's name, else the status."""
    try:
        found = get(one.proxy, "/", host=host)
    except OSError:
        return None
    return found.json()["origin"] if found.status == 200 else found.status


def stored(redis: RedisServer, hash_: str) -> dict[str, Any]:
    reply = redis.command("HGETALL", f"{{gwt}}:{hash_}")
    return {name.decode(): json.loads(raw) for name, raw in zip(reply[::2], reply[1::2], strict=True)}


def told(api: ApiServer, key: str) -> Any:
    """What a ConfigMap says of itself, but for which data it says it of."""
    text = (api.objects["configmaps"][key]["metadata"].get("annotations") or {}).get("gwt.io/status")
    return None if text is None else {name: said for name, said in json.loads(text).items() if name != "data"}


ACCEPTED = {"accepted": 1, "routes": ["a"]}


def types_of_events(api: ApiServer, name: str) -> set[str]:
    events = list(api.objects["events"].values())
    return {event["type"] for event in events if event["involvedObject"]["name"] == name}


def test_routes_and_services_appear_change_and_go(
    tmp_path: Path, store: SharedStore, api: ApiServer, origin: Origin
) -> None:
    with ControllerProcess(tmp_path / "c", api, store), gateway(tmp_path, store) as one, Origin("new") as new:
        fill(api, origin)
        poll(lambda: answer(one) == "origin")
        replace(api, new)
        poll(lambda: answer(one) == "new")
        poll(lambda: told(api, "n/routes") == ACCEPTED)
        api.delete("configmaps", "n/routes")
        poll(lambda: answer(one) == 404)
        api.delete("services", "n/s")
        poll(lambda: store.entries("services") == {})
    assert api.count("/api/v1/endpoints") == 0  # slices are served


def test_garbage_stops_no_other_and_is_told(tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, redis), gateway(tmp_path, redis) as one:
        poll(lambda: answer(one) == "origin")
        api.put("configmaps", config_map("n/garbage", "hosts: [b.example.com]\nservices: {{"))
        api.put("configmaps", config_map("n/routes", {"name": "a", "hosts": "nonsense"}))
        api.put("configmaps", config_map("n/more", {"name": "c", **document("c.example.com")}))
        poll(lambda: answer(one, "c.example.com") == "origin")
        assert answer(one) == "origin"  # as it was last good
        assert poll(lambda: get(one.proxy, "/", host="b.example.com").status == 503)
        status = poll(lambda: told(api, "n/garbage"))
        assert status["accepted"] == 0 and "n/garbage/routes.yaml:" in status["errors"][0]
        assert poll(lambda: (told(api, "n/routes") or {}).get("accepted") == 0)
        assert poll(lambda: types_of_events(api, "garbage")) == {"Warning"}


GOOD = "hosts: [h{0}.example.com]\nservices:\n- {{name: s, port: 80, paths: [{{uri: /}}]}}\n"

#: What becomes of a good text, and what is said of it then.
SPOILED = [
    ("hosts: [h{0}.example.com]\nservices: [{{", "expected"),
    (GOOD + "\ttimeout: 1\n", "tab"),
    (GOOD + "timout: 1\n", "did you mean"),
    (GOOD.replace("80", "eighty thousand"), "port"),
    (GOOD.replace("uri: /", "uri: '(', match: regex"), "regular expression"),
    (GOOD + "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c, *c]\n", "unknown key"),
    (GOOD + "access: !!python/object/apply:os.system [id]\n", "tag"),
    (GOOD + "plugins: " + "[" * 5000, "nest"),
    (GOOD + "\x00", "character"),
    (GOOD + GOOD, "duplicate key"),
]


def test_of_a_thousand_config_maps_ten_are_garbage(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin
) -> None:
    api.put("services", service("n/s"))
    replace(api, origin)
    bad = {97 * number: spoiled for number, spoiled in enumerate(SPOILED, 1)}
    for number in range(1000):
        text = bad.get(number, (GOOD,))[0]
        api.put("configmaps", config_map(f"n/m{number}", text.format(number)))
    with ControllerProcess(tmp_path / "c", api, redis) as controller, gateway(tmp_path, redis) as one:
        poll(lambda: controller.metric("gwt_controller_rejected_maps") == 10)
        poll(lambda: answer(one, "h999.example.com") == "origin")
        hosts = [get(one.proxy, "/", host=f"h{number}.example.com").status for number in range(1000)]
        assert {number for number, status in enumerate(hosts) if status != 200} == set(bad)
        for number, (_, said) in bad.items():
            status = poll(lambda key=f"n/m{number}": told(api, key))
            assert status["accepted"] == 0
            assert f"n/m{number}/routes.yaml:" in status["errors"][0] and said in " ".join(status["errors"]), status
        assert poll(lambda: types_of_events(api, f"m{max(bad)}")) == {"Warning"}


def test_the_controller_is_not_woken_by_what_it_writes(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, redis) as controller:
        poll(lambda: told(api, "n/routes") == ACCEPTED)
        rev = redis.command("GET", "{gwt}:rev")
        api.put("services", service("n/other"))  # comes after the patch, by the same way
        poll(lambda: "n/other:80" in stored(redis, "services"))
        assert api.count("/configmaps/routes") == 1
        assert redis.command("GET", "{gwt}:rev") == rev == b"1"
        assert controller.metric('gwt_controller_commits_total{part="routes"}') == 1


def test_every_change_of_a_config_map_gets_its_event(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, redis) as controller:
        poll(lambda: len(api.objects["events"]) == 1)
        for number in (2, 3):  # each of them is accepted, as the one before
            changed = {"name": "a", **document(f"a{number}.example.com")}
            value = api.objects["configmaps"]["n/routes"]
            api.put("configmaps", {**config_map("n/routes", changed), "metadata": dict(value["metadata"])})
            poll(lambda number=number: len(api.objects["events"]) == number)
            assert told(api, "n/routes") == ACCEPTED
        assert types_of_events(api, "routes") == {"Normal"}
        assert api.count("/configmaps/routes") == 3
        assert controller.stop() == 0
    with ControllerProcess(tmp_path / "c2", api, redis) as again:
        poll(again.leads)
        api.put("configmaps", config_map("n/more", {"name": "c", **document("c.example.com")}))
        poll(lambda: types_of_events(api, "more") == {"Normal"})
        assert len(api.objects["events"]) == 4, "what was told is not told again"


def test_the_api_server_gone_and_back(tmp_path: Path, origin: Origin) -> None:
    def run() -> None:
        with (
            fresh(tmp_path) as (directory, redis, api),
            ControllerProcess(directory / "c", api, redis, lease=SHORT_LEASE) as controller,
            gateway(directory, redis) as one,
            Origin("new") as new,
        ):
            fill(api, origin)
            poll(lambda: answer(one) == "origin")
            api.stop()
            controller.wait_line("leads no more")
            assert answer(one) == "origin"
            api.put("configmaps", config_map("n/more", {"name": "c", **document("c.example.com")}))
            replace(api, new)
            api.start()
            with within(25):  # it allows nothing at first, which is no reason to wait for long
                poll(lambda: answer(one) == "new" and answer(one, "c.example.com") == "new")

    one_good_run(run)


@pytest.mark.parametrize("lists", ["streamed", "broken off", "not streamed"])
def test_an_api_server_that_hangs_forgets_and_refuses(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin, lists: str
) -> None:
    api.streams, api.unstreamed = lists != "not streamed", lists == "broken off"
    fill(api, origin)
    short = {"lease": SHORT_LEASE}
    with ControllerProcess(tmp_path / "c", api, redis, **short) as controller, gateway(tmp_path, redis) as one:
        poll(lambda: answer(one) == "origin")
        api.silent = True
        controller.wait_line("leads no more")
        with Origin("new") as new:
            replace(api, new)
            api.put("services", service("n/gone"))
            api.put("services", service("n/late"))
            assert answer(one) == "origin"
            api.fail("/services?", 429, 500, Retry_After="1")
            api.cut()
            api.delete("services", "n/gone")
            api.forget()
            api.silent = False
            poll(lambda: answer(one) == "new")
            poll(lambda: stored(redis, "services").keys() == {"n/s:80", "n/late:80"})


def test_a_store_that_is_emptied_or_gone_is_filled_again(
    tmp_path: Path, store: SharedStore, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, store), gateway(tmp_path, store) as one:
        poll(lambda: answer(one) == "origin")
        store.clear()
        poll(lambda: "a" in store.entries("routes") and "n/s:80" in store.entries("services"))
        api.put("configmaps", config_map("n/more", {"name": "c", **document("c.example.com")}))
        poll(lambda: answer(one, "c.example.com") == "origin")  # it is the new one that is followed now
        store.stop()
        api.put("services", service("n/late"))
        api.delete("configmaps", "n/routes")
        assert answer(one) == "origin"
        store.start()
        poll(lambda: store.entries("services").keys() == {"n/s:80", "n/late:80"})
        poll(lambda: store.entries("routes").keys() == {"c"})
        poll(lambda: answer(one) == 404)
        assert answer(one, "c.example.com") == "origin"


def test_who_is_fenced_writes_no_more_until_it_leads_anew(tmp_path: Path, store: SharedStore, api: ApiServer) -> None:
    fill(api)
    with ControllerProcess(tmp_path / "c", api, store) as controller:
        poll(lambda: "a" in store.entries("routes"))
        assert store.get("epoch") == "1"
        store.put("epoch", "7")  # of a leader that we have not heard of
        api.put("services", service("n/late"))
        controller.wait_line("another controller writes here, of epoch 7")
        poll(lambda: "n/late:80" in store.entries("services"))
        assert store.get("epoch") == "8"
        assert controller.metric('gwt_controller_errors_total{kind="fenced"}') == 1


def test_one_of_two_leads_and_the_other_takes_over(tmp_path: Path, origin: Origin) -> None:
    def run() -> None:
        with fresh(tmp_path) as (directory, redis, api):
            fill(api, origin)
            take_over(directory, redis, api)

    one_good_run(run)


def take_over(directory: Path, redis: RedisServer, api: ApiServer) -> None:
    """From one that was killed, then from one that was told to end."""
    with ControllerProcess(directory / "c1", api, redis) as first:
        poll(first.leads)
        with ControllerProcess(directory / "c2", api, redis) as second:
            assert not second.leads()
            with within(15):
                first.kill()
                api.put("services", service("n/late"))
                poll(lambda: "n/late:80" in stored(redis, "services"))
            assert second.leads()
            assert int(redis.command("GET", "{gwt}:epoch")) == 2
            with ControllerProcess(directory / "c3", api, redis) as third:
                with within(6):
                    second.signal(signal.SIGTERM)
                    poll(third.leads)
                assert second.wait() == 0


def test_who_ends_hands_over_without_being_asked(tmp_path: Path, redis: RedisServer, api: ApiServer) -> None:
    asked_never = {"duration": 600, "renew": 400, "retry": 300}
    with ControllerProcess(tmp_path / "c1", api, redis, lease=asked_never) as first:
        poll(first.leads)
        with ControllerProcess(tmp_path / "c2", api, redis, lease=asked_never) as second:
            poll(lambda: api.count("/leases?watch=1"))
            first.signal(signal.SIGTERM)
            poll(second.leads)
            assert first.wait() == 0


def test_a_restart_writes_nothing_where_nothing_has_changed(
    tmp_path: Path, store: SharedStore, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, store) as controller:
        poll(lambda: told(api, "n/routes") == ACCEPTED)
        assert controller.stop() == 0
    routes, services, before = store.entries("routes"), store.entries("services"), store.revisions()
    with ControllerProcess(tmp_path / "c", api, store) as controller:
        poll(controller.leads)
        assert store.revisions() == before
        api.put("services", service("n/other"))
        poll(lambda: "n/other:80" in store.entries("services"))
        poll(lambda: controller.metric('gwt_controller_entries_total{part="services"}') == 1)
        assert controller.metric('gwt_controller_commits_total{part="routes"}') == 0
    assert store.entries("routes") == routes and store.entries("services").keys() == {*services, "n/other:80"}


def test_what_others_wrote_stays(tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin) -> None:
    redis.transaction([
        ("SET", "{gwt}:id", "x"), ("SET", "{gwt}:format", "1"),
        ("HSET", "{gwt}:routes", "a", json.dumps({"doc": document("x.example.com"), "source": "admin"})),
        ("HSET", "{gwt}:services", "n/t:80", json.dumps({"endpoints": [{"address": origin.address}]})),
        ("INCR", "{gwt}:rev"), ("INCR", "{gwt}:services:rev"),
    ])  # fmt: skip
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, redis):
        status = poll(lambda: told(api, "n/routes"))
        assert status["accepted"] == 0 and "is taken by an entry of the store" in status["errors"][0]
        assert stored(redis, "routes")["a"]["source"] == "admin"
        assert stored(redis, "services").keys() == {"n/s:80", "n/t:80"}
        redis.transaction([("HDEL", "{gwt}:routes", "a"), ("INCR", "{gwt}:rev")])
        poll(lambda: told(api, "n/routes") == ACCEPTED)
        assert stored(redis, "routes")["a"]["origin"] == "n/routes/routes.yaml"


def test_the_hosts_of_a_second_holder_of_a_name_are_closed_until_the_first_goes(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    wild, second = document("*.example.com"), document("second.example.com")
    api.put("configmaps", config_map("n/wild", {"name": "wild", **wild}))
    redis.transaction([
        ("SET", "{gwt}:id", "x"), ("SET", "{gwt}:format", "1"),
        ("HSET", "{gwt}:routes", "t", json.dumps({"doc": document("t.example.com"), "source": "admin"})),
        ("INCR", "{gwt}:rev"),
    ])  # fmt: skip
    with ControllerProcess(tmp_path / "c", api, redis), gateway(tmp_path, redis) as one:
        poll(lambda: answer(one, "second.example.com") == "origin")
        api.put("configmaps", config_map("n/second", {"name": "a", **second}))
        api.put("configmaps", config_map("n/third", {"name": "t", **document("third.example.com")}))
        for host, name, said in (
            ("second.example.com", "n/second", "the name 'a' is taken by n/routes/routes.yaml"),
            ("third.example.com", "n/third", "the name 't' is taken by an entry of the store"),
        ):
            status = poll(lambda name=name: told(api, name))
            assert status["accepted"] == 0 and said in status["errors"][0]
            poll(lambda host=host: answer(one, host) == 503)
            assert get(one.proxy, "/", host=host).json()["code"] == "policy"
        assert answer(one) == answer(one, "any.example.com") == "origin"
        api.delete("configmaps", "n/routes")
        redis.transaction([("HDEL", "{gwt}:routes", "t"), ("INCR", "{gwt}:rev")])
        poll(lambda: answer(one, "second.example.com") == answer(one, "third.example.com") == "origin")
        assert set(stored(redis, "routes")) == {"a", "t", "wild"}


def test_an_entry_that_is_held_stays_until_its_config_map_changes(
    tmp_path: Path, redis: RedisServer, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, redis) as controller:
        entry = poll(lambda: stored(redis, "routes").get("a"))
        held = {**entry, "doc": {**entry["doc"], "hosts": ["old.example.com"]}, "held": 0}
        redis.transaction([
            ("HSET", "{gwt}:routes", "a", json.dumps(held)), ("INCR", "{gwt}:rev"),
            ("HSET", "{gwt}:history", "2", json.dumps(
                {"rev": 2, "time": 0, "actor": "x", "reason": "", "changed": {"a": [entry, held]}})),
            ("PUBLISH", "{gwt}:changed", "routes 2 a"),
        ])  # fmt: skip
        poll(lambda: told(api, "n/routes") == {"accepted": 0, "held": ["a"]})
        assert stored(redis, "routes")["a"] == held
        assert controller.stop() == 0
    with ControllerProcess(tmp_path / "c", api, redis) as controller:  # it knows from the history
        poll(controller.leads)
        api.put("configmaps", config_map("n/more", {"name": "c", **document("c.example.com")}))
        poll(lambda: "c" in stored(redis, "routes"))
        assert stored(redis, "routes")["a"] == held
        api.put("configmaps", config_map("n/routes", {"name": "a", **document("new.example.com")}))
        poll(lambda: stored(redis, "routes")["a"]["doc"]["hosts"] == ["new.example.com"])


def test_an_entry_that_is_released_is_what_its_config_map_says_now(
    tmp_path: Path, store: SharedStore, api: ApiServer, origin: Origin
) -> None:
    fill(api, origin)
    with ControllerProcess(tmp_path / "c", api, store), gateway(tmp_path, store) as one:
        poll(lambda: answer(one) == "origin")
        first = get(one.admin, "/v1/history").json()["revision"]
        api.put("configmaps", config_map("n/routes", {"name": "a", **document("new.example.com")}))
        api.put("configmaps", config_map("n/more", {"name": "b", **document("b.example.com")}))
        poll(lambda: answer(one, "new.example.com") == answer(one, "b.example.com") == "origin")
        assert request(one.admin, "POST", f"/v1/rollback/{first}").json()["changed"] == ["a", "b"]
        assert answer(one) == "origin" and answer(one, "new.example.com") == answer(one, "b.example.com") == 404
        poll(lambda: told(api, "n/routes") == {"accepted": 0, "held": ["a"]})
        poll(lambda: told(api, "n/more") == {"accepted": 0, "held": ["b"]})
        release = ["rollback", "--admin", f"http://127.0.0.1:{one.admin}", "--release"]
        assert run([*release, "b"]) == 0
        poll(lambda: answer(one, "b.example.com") == "origin")
        assert answer(one) == "origin" and store.entries("routes")["a"]["held"] == first
        assert run(release) == 0
        poll(lambda: answer(one, "new.example.com") == "origin" and answer(one) == 404)
        poll(lambda: told(api, "n/routes") == ACCEPTED)
        assert not any("held" in entry for entry in store.entries("routes").values())


def test_a_store_that_a_tool_has_begun_without_an_id_is_gone_on_with(
    tmp_path: Path, store: SharedStore, api: ApiServer, origin: Origin
) -> None:
    routes = {f"r{number}": document(f"r{number}.example.com", "t") for number in range(30)}
    store.write("routes", {"routes": routes})
    store.service("n/t:80", origin.address)
    with gateway(tmp_path, store) as one:
        poll(lambda: answer(one, "r7.example.com") == "origin")
        fill(api, origin)
        with ControllerProcess(tmp_path / "c", api, store), Origin("new") as new:
            poll(lambda: answer(one) == "origin")
            assert store.get("id")
            replace(api, new)
            poll(lambda: answer(one) == "new")
        assert answer(one, "r7.example.com") == "origin"
        assert not any("has shrunk from" in line for line in one.lines)


@pytest.mark.parametrize(
    "settings",
    [
        {"kubernetes": {"path": "kubeconfig", "context": "test"}},
        {"kubernetes": {"kubeconfig": {"path": "kubeconfig", "context": "test"}}},
        {"kubernetes": "in-cluster", "kubeconfig": {"path": "kubeconfig", "context": "test"}},
    ],
    ids=["kubernetes", "inside", "beside"],
)
def test_a_kubeconfig_in_every_form(
    tmp_path: Path, redis: RedisServer, api: ApiServer, settings: dict[str, Any]
) -> None:
    with ControllerProcess(tmp_path / "c", api, redis, **settings) as controller:
        poll(controller.leads)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"store": "file:x"}, "expected redis://"),
        ({"store": "etcd://x?what=1"}, "unknown option 'what'"),
        ({"kubernetes": {"path": "missing"}}, "cannot read"),
        ({"lease": {"renew": 20}}, "retry < renew < duration"),
        ({"namespaces": ["N_"]}, "namespace"),
    ],
)
def test_a_start_that_can_not_be(
    tmp_path: Path, redis: RedisServer, api: ApiServer, settings: dict[str, Any], said: str
) -> None:
    with ControllerProcess(tmp_path / "c", api, redis, wait=False, **settings) as controller:
        assert controller.wait() == 2
        assert said in controller.output and "Traceback" not in controller.output
