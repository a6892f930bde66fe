"""What is of etcd alone; tests/system/test_shared_stores.py has what is the same of all shared stores."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

from system.etcd import EtcdServer, b64
from system.harness import GatewayProcess, Origin, get, poll
from system.raw import TooSlow, one_good_run
from system.shared import EtcdStore, document


def status(one: GatewayProcess, host: str) -> int:
    return get(one.proxy, "/", host=host).status


def test_what_was_compacted_while_it_was_gone_is_read_again(tmp_path: Path) -> None:
    with EtcdServer() as etcd, Origin() as origin:
        store = EtcdStore(etcd)
        store.service("n/s:80", origin.address)
        store.route("a", document("a.example.com"))
        with GatewayProcess(tmp_path, settings={"store": etcd.url, "refresh": 0.2}) as one:
            etcd.put("/gwt/routes/bad", "no json")
            poll(lambda: get(one.admin, "/v1/problems").json()["problems"])
            etcd.stop()
            etcd.start()
            etcd.put("/gwt/routes/b", json.dumps(document("b.example.com")))
            etcd.delete("/gwt/routes/a")
            etcd.compact()
            poll(lambda: status(one, "b.example.com") == 200)
            poll(lambda: status(one, "a.example.com") == 404)
            etcd.put("/gwt/routes/c", json.dumps(document("c.example.com")))
            poll(lambda: status(one, "c.example.com") == 200)


def test_gateways_share_a_limit_and_one_that_is_killed_leaves_its_part_to_the_other(tmp_path: Path) -> None:
    one_good_run(lambda: share_a_limit(Path(mkdtemp(dir=tmp_path))))


def share_a_limit(directory: Path) -> None:
    for name in ("one", "two"):
        (directory / name).mkdir()
    with EtcdServer() as etcd, Origin() as origin:
        store = EtcdStore(etcd)
        store.service("n/s:80", origin.address)
        limit = {"rate": 1, "burst": 19, "selectors": ["path"]}
        store.route("a", document("a.example.com", access={"rate_limits": [limit]}))
        paths = count()

        def passed(one: GatewayProcess) -> int:
            """Of 25 requests that fall into a bucket of their own."""
            path = f"/{next(paths)}"
            return [get(one.proxy, path, host="a.example.com").status for _ in range(25)].count(200)

        with GatewayProcess(directory / "one", settings={"store": etcd.url, "workers": 2}) as one:
            first = poll(lambda: set(etcd.below("/gwt/node/")))
            assert len(first) == 1 and passed(one) >= 20
            with GatewayProcess(directory / "two", settings={"store": etcd.url}) as two:
                (other,) = poll(lambda: set(etcd.below("/gwt/node/")) - first)
                poll(lambda: passed(two) < 20 and passed(one) < 20)
                two.kill()
            lease = etcd.ask("/v3/kv/range", {"key": b64(f"/gwt/node/{other}")})["kvs"][0]["lease"]
            assert etcd.ask("/v3/lease/timetolive", {"ID": lease})["grantedTTL"] == "15"
            etcd.ask("/v3/lease/revoke", {"ID": lease})  # what time does too, in 15 seconds
            poll(lambda: passed(one) >= 20)
            assert one.stop() == 0
        if etcd.below("/gwt/node/"):
            raise TooSlow("who stops says so, and waits a second for the answer")
