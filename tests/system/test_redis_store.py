"""What is of Redis alone: its ways of being reached, and what gateways share through it besides documents.

tests/system/test_shared_stores.py has what is the same of all shared stores.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from system.harness import PATIENCE, GatewayProcess, Origin, get, poll
from system.redis import RedisServer, Sentinel
from system.shared import RedisStore, document


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one


@pytest.fixture
def store(redis: RedisServer, origin: Origin) -> RedisStore:
    """With one Route, `a.example.com`, to the origin."""
    made = RedisStore(redis)
    made.service("n/s:80", origin.address)
    made.route("a", document("a.example.com"))
    return made


def gateway(directory: Path, store: RedisStore, **settings: Any) -> GatewayProcess:
    return GatewayProcess(directory, settings={"store": store.url, "refresh": 0.5, **settings})


def status(one: GatewayProcess, host: str) -> int:
    return get(one.proxy, "/", host=host).status


def test_a_change_that_nobody_told_of_is_found_by_the_next_pull(tmp_path: Path, store: RedisStore) -> None:
    with gateway(tmp_path, store, refresh=0.1) as one:
        store.route("b", document("b.example.com"), publish=False)
        poll(lambda: status(one, "b.example.com") == 200)


def test_a_password_that_is_wrong_is_told_and_not_shown(tmp_path: Path) -> None:
    with RedisServer("--requirepass", "right") as redis:
        url = f"redis://:wrong-secret@127.0.0.1:{redis.port}/0"
        with GatewayProcess(tmp_path, settings={"store": url}, wait=False) as one:
            one.wait_line("no content yet")
            assert "wrong-secret" not in json.dumps(one.lines)


def test_by_a_socket(tmp_path: Path, origin: Origin) -> None:
    path = tmp_path / "redis.sock"
    with RedisServer("--unixsocket", str(path)) as redis:
        store = RedisStore(redis)
        store.service("n/s:80", origin.address)
        store.route("a", document("a.example.com"))
        with GatewayProcess(tmp_path, settings={"store": f"redis+unix://{path}"}) as one:
            assert status(one, "a.example.com") == 200


def promoted(replica: RedisServer) -> bool:
    try:
        return b"role:master" in replica.command("INFO", "replication")
    except OSError:
        return False  # Sentinel ends the connections to whoever it promotes


def test_a_replica_that_is_promoted_is_followed(tmp_path: Path, store: RedisStore, redis: RedisServer) -> None:
    """Sentinel's part, who says where the master is, is played by a Redis that is a Sentinel of both."""
    with RedisServer("--replicaof", "127.0.0.1", str(redis.port)) as replica:
        poll(lambda: b"master_link_status:up" in replica.command("INFO", "replication"))
        with Sentinel(tmp_path / "sentinel", redis.port) as sentinel:
            poll(lambda: sentinel.command("SENTINEL", "REPLICAS", "main"))
            url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
            with GatewayProcess(tmp_path, settings={"store": url, "refresh": 0.2}) as one:
                assert status(one, "a.example.com") == 200
                redis.stop()
                # A Sentinel that stood still for 2 s replaces nobody for 30 s (it calls that TILT).
                poll(lambda: promoted(replica), timeout=3 * PATIENCE)
                after = RedisStore.__new__(RedisStore)
                after.server = replica
                after.route("b", document("b.example.com"))
                poll(lambda: status(one, "b.example.com") == 200)
                assert status(one, "a.example.com") == 200


def test_gateways_of_one_redis_share_limits_and_know_of_each_other(
    tmp_path: Path, store: RedisStore, redis: RedisServer
) -> None:
    limit = {"access": {"rate_limits": [{"rate": 1, "burst": 19}]}}
    store.route("limited", document("limited.example.com", **limit))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with gateway(tmp_path / "one", store) as one, gateway(tmp_path / "two", store, workers=2) as two:
        poll(lambda: redis.command("ZCARD", "{gwt}:nodes") == 2)
        for process in (one, two):
            process.wait_line("rate limits are shared through Redis")
        begun = time.monotonic()
        passed = [status(process, "limited.example.com") for _ in range(20) for process in (one, two)].count(200)
        took = time.monotonic() - begun
        assert 20 <= passed <= 20 + took + 2, (passed, took)
        assert one.stop() == 0
        poll(lambda: redis.command("ZCARD", "{gwt}:nodes") == 1)


def test_what_a_limit_says_holds_while_redis_is_gone(tmp_path: Path, store: RedisStore, redis: RedisServer) -> None:
    for fail in ("local", "open", "closed"):
        limit = {"access": {"rate_limits": [{"rate": 1, "burst": 4, "fail": fail}]}}
        store.route(fail, document(f"{fail}.example.com", **limit))
    shared = "rate limits are shared through Redis"
    with gateway(tmp_path, store) as one:
        one.wait_line(shared)
        redis.stop()
        one.wait_line("until it is back each gateway keeps its own part of every rate limit")
        begun, said = time.monotonic(), len(one.lines)
        passed = {
            fail: [status(one, f"{fail}.example.com") for _ in range(20)].count(200) for fail in ("open", "local")
        }
        assert passed["open"] == 20 and 5 <= passed["local"] <= 5 + time.monotonic() - begun
        for _ in range(3):
            answer = get(one.proxy, "/", host="closed.example.com")
            assert (answer.status, answer.json()["code"], answer.headers["retry-after"]) == (429, "rate_limit", "1")
        redis.start()
        one.wait_line(shared, said)
        poll(lambda: status(one, "closed.example.com") == 200)
