"""gwt.store.redis: what is asked of Redis and what its answers mean; tests/system has a real one."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock

from gwt.redis.address import Address
from gwt.redis.client import RedisGone, ResponseError
from gwt.redis.layout import READ
from gwt.store.base import StoreError
from gwt.store.commit import Commit
from gwt.store.follow import Question, State
from gwt.store.redis import RedisReader


class Asked:
    """A Client whose answers are given beforehand."""

    up = True

    def __init__(self, *answers: Any) -> None:
        self.answers, self.commands = list(answers), list[tuple[bytes, ...]]()

    def ask(self, *words: bytes) -> Deferred[Any]:
        self.commands.append(words)
        answer = self.answers.pop(0)
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def check(self) -> None:
        """Everything is well."""


class Store:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def heard(self, change: Any) -> None:
        self.told.append(change)

    def follow_from(self) -> None:
        self.told.append("up")


def reader(*answers: Any) -> Any:
    made: Any = RedisReader(MemoryReactorClock(), Address((("a", 1),)))
    made._client = made._listener = Asked(*answers)
    return made


def result(asked: Deferred[Any]) -> Any:
    told: list[Any] = []
    asked.addBoth(told.append)
    return told[0]


def test_the_state_is_one_round_trip() -> None:
    one = reader([b"a", b"1", b"7", None, b"3"])
    assert result(one.state()) == State("a", "1", {"routes": 7, "services": 0, "certificates": 3})
    keys = ("id", "format", "rev", "services:rev", "certificates:rev")
    assert one._client.commands == [(b"MGET", *(f"{{gwt}}:{key}".encode() for key in keys))]


@pytest.mark.parametrize(("reply", "id_"), [
    ([None, None, None, None, None], None), ([None, b"1", b"0", None, None], None),
    ([None, None, b"1", None, None], ""), ([None, None, None, None, b"1"], ""), ([b"a", None, None, None, None], "a"),
])  # fmt: skip
def test_a_store_is_empty_where_it_has_neither_an_id_nor_a_revision(reply: Any, id_: str | None) -> None:
    assert result(reader(reply).state()).id == id_


def test_names_or_all() -> None:
    one = reader([b"a", b"1", b"7", b"8", None, [b"v"]], [b"a", b"1", b"7", b"8", None, [b"x", b"1", b"y", b"2"]])
    state, found = result(one.read(Question("services", frozenset(["n/s:80"]))))
    assert state.revs == {"routes": 7, "services": 8, "certificates": 0} and found == {"services": {"n/s:80": b"v"}}
    _, found = result(one.read(Question("services", None)))
    assert found == {"services": {"x": b"1", "y": b"2"}}
    assert one._client.commands[0][-1] == b"n/s:80" and one._client.commands[1][-1] == b"{gwt}:services"


def test_a_script_that_redis_forgot_is_sent_whole() -> None:
    one = reader(ResponseError("NOSCRIPT No matching script"), [b"a", b"1", b"7", b"8", b"9", [], [], [], []])
    result(one.read(Question("routes", None)))
    assert [command[0] for command in one._client.commands] == [b"EVALSHA", b"EVAL"]
    assert one._client.commands[1][1] == READ


@pytest.mark.parametrize("answer", [RedisGone("gone"), ResponseError("WRONGTYPE no"), [b"a", b"1", b"x", b"1", b"1"]])
def test_what_fails_is_a_line_for_people(answer: Any) -> None:
    failure = result(reader(answer).state())
    assert failure.check(StoreError) and "\n" not in failure.getErrorMessage()


@pytest.mark.parametrize(
    "reply", [5, b"OK", None, [], [b"a"], [[]] * 5, [b"a", b"1", b"2", b"3", b"4", 5], [1, 2, 3, 4, 5, []]]
)
def test_a_reply_that_is_none_of_redis_is_a_line_for_people(reply: Any) -> None:
    one = reader(reply, reply, reply, reply, reply)
    change = Commit("routes", {"routes": {"a": None}}, "me")
    asked = [
        one.state(),
        one.read(Question("services", None)),
        one.commit(change),
        one.history(),
        one.entry("routes", "a"),
    ]
    for failure in map(result, asked):
        assert not hasattr(failure, "check") or (failure.check(StoreError) and len(failure.getErrorMessage()) < 200)


def test_messages_and_connections_are_told_until_it_is_stopped() -> None:
    one, store = reader(), Store()
    one._store = store
    one._heard("routes 3 a")
    one._heard("nonsense")
    one._up()
    assert len(store.told) == 2 and store.told[1] == "up"
    one._store = None
    one._heard("routes 4 a")
    one._up()
    assert len(store.told) == 2
