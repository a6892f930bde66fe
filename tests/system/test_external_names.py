"""ExternalName Services: a DNS server -> controller -> Redis, and a gateway that resolves by itself; real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from dns.server import DnsServer
from kube.apiserver import ApiServer, config_map, external
from system.controlling import ControllerProcess
from system.harness import GatewayProcess, Origin, get, poll
from system.raw import TooSlow, one_good_run
from system.redis import RedisServer
from system.shared import document
from system.test_controller import answer, gateway, stored

#: An origin of a test is on loopback; what is denied here stands for what is denied by default.
DENIED = ["127.0.0.66/32", "127.0.1.0/24", "169.254.0.0/16"]
METADATA = "169.254.169.254"


def each_time(story: Callable[[Path, DnsServer], None], tmp_path: Path) -> None:
    """`story`, again if the threads of its DNS server stood still: each time with another server and directory."""

    def run() -> None:
        with DnsServer() as names:
            story(Path(mkdtemp(dir=tmp_path)), names)

    one_good_run(run)


def external_name(names: DnsServer) -> dict[str, Any]:
    return {"servers": [names.address], "deny_addresses": DENIED}


def addresses(redis: RedisServer, key: str) -> list[str] | None:
    entry = stored(redis, "services").get(key)
    return None if entry is None else [one["address"] for one in entry["endpoints"]]


def test_a_controller_resolves_and_goes_on_resolving(tmp_path: Path) -> None:
    each_time(a_controller_resolves, tmp_path)


def a_controller_resolves(directory: Path, names: DnsServer) -> None:
    names.says = {
        "stays.example.com": ["127.0.0.1"], "moves.example.com": ["=b.example.com"], "b.example.com": ["127.0.0.66"],
        "rebinds.example.com": ["127.0.0.1", METADATA],
    }  # fmt: skip
    with RedisServer() as redis, ApiServer() as api, Origin() as origin:
        for name in ("stays", "moves", "rebinds"):
            api.put(
                "services", external(f"n/{name}", f"{name}.Example.com.", *([origin.port] if name != "moves" else []))
            )
        route = {**document("a.example.com", "moves"), "name": "a"}
        route["services"][0]["port"] = origin.port  # the Service says none
        api.put("configmaps", config_map("n/routes", route))
        here, settings = f"127.0.0.1:{origin.port}", {"external_name": external_name(names)}
        keys = [f"n/{name}:{origin.port}" for name in ("stays", "moves", "rebinds")]
        with ControllerProcess(directory / "c", api, redis, **settings) as controller, gateway(directory, redis) as one:
            poll(lambda: [addresses(redis, key) for key in keys] == [[here], [], [here]])
            poll(lambda: answer(one) == 503)
            controller.wait_line(f"rebinds.example.com leads to {METADATA}, left out")
            names.says |= {
                "stays.example.com": "SERVFAIL", "b.example.com": ["127.0.0.1"], "rebinds.example.com": [METADATA],
            }  # fmt: skip
            poll(lambda: answer(one) == "origin")
            poll(lambda: addresses(redis, keys[2]) == [])
            said = controller.wait_line("stays.example.com can't be resolved")
            if "no answer within" in said:
                raise TooSlow(said)
            assert "can't be resolved: 127.0.0.1: SERVFAIL; what it led to holds" in said
            assert addresses(redis, keys[0]) == [here]
            assert controller.metric("gwt_controller_external_names") == 3
            assert stored(redis, "services")[keys[0]]["external_name"] == "stays.example.com"
            assert controller.stop() == 0
        names.says = dict.fromkeys(names.says, "SERVFAIL")
        before = redis.command("GET", "{gwt}:services:rev")
        with ControllerProcess(directory / "c", api, redis, **settings) as controller:  # what it takes over holds
            poll(controller.leads)
            controller.wait_line("stays.example.com can't be resolved")
            api.put("services", external("n/late", "192.0.2.7", 80))
            poll(lambda: addresses(redis, "n/late:80") == ["192.0.2.7:80"])
            assert [addresses(redis, key) for key in keys] == [[here], [here], []]
            assert int(redis.command("GET", "{gwt}:services:rev")) == int(before) + 1


def seen(one: GatewayProcess, host: str) -> Any:
    """The Host that the origin saw, else the status."""
    found = get(one.proxy, "/", host=host)
    return found.json()["headers"]["host"] if found.status == 200 else found.status


def test_a_gateway_with_files_resolves_by_itself(tmp_path: Path) -> None:
    each_time(a_gateway_resolves, tmp_path)


def a_gateway_resolves(directory: Path, names: DnsServer) -> None:
    names.says = {f"{name}.example.com": ["127.0.0.1"] for name in ("stays", "moves", "rebinds", "any")}
    with Origin() as origin:
        documents = []
        for name in ("stays", "moves", "rebinds", "any"):
            documents.append(external(f"n/{name}", f"{name}.example.com", *([origin.port] if name != "any" else [])))
            route = {**document(f"{name}.test", name), "name": name}
            route["services"][0] |= {"port": origin.port, "host": "preserve" if name == "any" else "upstream"}
            documents.append(route)
        names.says["moves.example.com"] = ["127.0.0.66"]
        names.says["any.example.com"] = ["127.0.0.1", *(f"127.0.1.{n}" for n in range(100))]  # too much for UDP
        with GatewayProcess(directory, documents, {"external_name": external_name(names)}) as one:
            first = [seen(one, f"{name}.test") for name in ("stays", "any")]
            if 503 in first:
                raise TooSlow("a start waits for names, but for 2 s at most")
            assert first == [f"stays.example.com:{origin.port}", "any.test"]  # from the first request on
            assert seen(one, "moves.test") == 503
            names.says |= {
                "stays.example.com": "nothing", "moves.example.com": ["127.0.0.1"], "rebinds.example.com": [METADATA],
            }  # fmt: skip
            poll(lambda: seen(one, "moves.test") == f"moves.example.com:{origin.port}")
            poll(lambda: seen(one, "rebinds.test") == 503)
            assert ("any.example.com", 1, "tcp") in names.asked
            one.wait_line(
                "external name any.example.com leads to 127.0.1.0, 127.0.1.1, 127.0.1.10 and 97 more, left out"
            )
            one.wait_line(f"external name rebinds.example.com leads to {METADATA}, left out")
            assert seen(one, "stays.test") == f"stays.example.com:{origin.port}"
            told = get(one.admin, f"/v1/upstreams/n/any:{origin.port}").json()
            assert told["external_name"] == "any.example.com" and len(told["endpoints"]) == 1
            metrics = get(one.admin, "/metrics").body.decode()
            assert "gwt_external_names 4" in metrics and 'gwt_external_lookups_total{outcome="found"}' in metrics
            one.configure({"external_name": {**external_name(names), "deny_addresses": ["127.0.0.0/8"]}})
            one.signal(1)
            poll(lambda: seen(one, "any.test") == 503)
