"""Words of life; Redis is played by the test."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from gwt.redis.layout import Layout
from gwt.redis.presence import RedisRegister


class Asked:
    up = True

    def __init__(self) -> None:
        self.commands: list[tuple[bytes, ...]] = []
        self.answers: list[Deferred[Any]] = []

    def ask(self, *words: bytes) -> Deferred[Any]:
        self.commands.append(words)
        self.answers.append(Deferred())
        return self.answers[-1]


def register(client: Any) -> RedisRegister:
    return RedisRegister(client, Layout("p"), "n1", "{}")


def test_it_tells_and_hears_how_many_there_are() -> None:
    client, counts = Asked(), list[int]()
    register(client).tell(15).addCallback(counts.append)
    (command,) = client.commands
    assert command[2:] == (b"2", b"{p}:node:n1", b"{p}:nodes", b"n1", b"{}", b"15")
    client.answers[0].callback(3)
    assert counts == [3]


def test_it_says_good_bye_where_it_can() -> None:
    client = Asked()
    register(client).leave()
    assert [command[0] for command in client.commands] == [b"DEL", b"ZREM"]
    client.up = False
    assert register(client).leave().called and len(client.commands) == 2
