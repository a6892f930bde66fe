"""The script that changes a store, on a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from system.redis import RedisServer

from gwt.redis.commits import SCRIPT, words
from gwt.redis.layout import Layout
from gwt.store.commit import REMEMBERED, Commit, read_revision
from gwt.store.entries import Entry

LAYOUT = Layout("t")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as one:
        yield one


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    server.command("FLUSHALL")
    return server


def do(redis: RedisServer, commit: Commit, remembered: int = REMEMBERED) -> Any:
    return redis.command("EVAL", SCRIPT, *words(LAYOUT, commit, "new", remembered))


def text(**doc: Any) -> str:
    return Entry(doc, "admin").text()


def commit(entries: Any, part: str = "routes", **more: Any) -> Commit:
    return Commit(part, entries, "me", 'a "reason"', 12.0004, **more)


def test_a_change_is_made_counted_told_and_remembered(redis: RedisServer) -> None:
    assert do(redis, commit({"routes": {"a": text(n=1), "é": text()}, "lists": {"x": text()}})) == [b"ok", 1]
    assert redis.command("HGET", "{t}:routes", "a") == text(n=1).encode()
    assert redis.command("MGET", *LAYOUT.state) == [b"new", b"1", b"1", None, None]
    assert do(redis, commit({"routes": {"a": None, "é": text(n=2)}})) == [b"ok", 2]
    assert redis.command("HEXISTS", "{t}:routes", "a") == 0
    record = read_revision(redis.command("HGET", "{t}:history", "2"))
    assert (record.rev, record.actor, record.reason, record.time) == (2, "me", 'a "reason"', 12.0)
    assert record.changed == {"a": (json.loads(text(n=1)), None), "é": (json.loads(text()), json.loads(text(n=2)))}
    assert list(read_revision(redis.command("HGET", "{t}:history", "1")).changed) == ["a", "é", "lists/x"]


def test_empty_lists_stay_lists(redis: RedisServer) -> None:
    do(redis, commit({"routes": {"a": text(hosts=[], envs={})}}))
    assert read_revision(redis.command("HGET", "{t}:history", "1")).changed["a"][1]["doc"] == {"hosts": [], "envs": {}}


def test_what_was_no_json_is_remembered_as_text(redis: RedisServer) -> None:
    redis.command("HSET", "{t}:routes", "a", "no {json")
    do(redis, commit({"routes": {"a": None}}))
    assert read_revision(redis.command("HGET", "{t}:history", "1")).changed["a"] == ("no {json", None)


@pytest.mark.parametrize(("part", "revs"), [("services", [b"1", None]), ("certificates", [None, b"1"])])
def test_each_other_part_has_a_revision_of_its_own_and_no_history(redis: RedisServer, part: str, revs: Any) -> None:
    assert do(redis, commit({part: {"n/s": "{}"}}, part), 0) == [b"ok", 1]
    assert redis.command("HGET", f"{{t}}:{part}", "n/s") == b"{}"
    assert redis.command("MGET", *LAYOUT.state) == [b"new", b"1", None, *revs]
    assert redis.command("EXISTS", "{t}:history") == 0


def test_whoever_expects_another_revision_changes_nothing(redis: RedisServer) -> None:
    do(redis, commit({"routes": {"a": text()}}))
    assert do(redis, commit({"routes": {"a": None}}, expected=0)) == [b"conflict", 1]
    assert redis.command("HEXISTS", "{t}:routes", "a") == 1
    assert do(redis, commit({"routes": {"a": None}}, expected=1)) == [b"ok", 2]


def test_an_old_controller_changes_nothing(redis: RedisServer) -> None:
    assert do(redis, commit({"routes": {"a": text()}}, epoch=3)) == [b"ok", 1]
    assert do(redis, commit({"routes": {"a": None}}, epoch=2)) == [b"fenced", 3]
    assert do(redis, commit({"routes": {"b": text()}})) == [b"ok", 2]
    assert do(redis, commit({"routes": {"a": None}}, epoch=3)) == [b"ok", 3]


def test_another_format_is_left_alone(redis: RedisServer) -> None:
    redis.command("SET", "{t}:format", "2")
    assert do(redis, commit({"routes": {"a": text()}})) == [b"format", b"2"]
    assert redis.command("EXISTS", "{t}:routes") == 0


def test_so_many_revisions_are_remembered(redis: RedisServer) -> None:
    for number in range(6):
        do(redis, commit({"routes": {"a": text(n=number)}}), 3)
    assert sorted(redis.command("HKEYS", "{t}:history")) == [b"4", b"5", b"6"]
