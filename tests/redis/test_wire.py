"""gwt.redis.wire: who owns a connection hears of it; everything else is tests/redis/test_client.py's."""

from __future__ import annotations

import pytest
from redis_wire import Transport, words

from gwt.redis import wire as module
from gwt.redis.wire import Wire, WireFactory


class Owner:
    def __init__(self) -> None:
        self.told: list[str] = []

    def connected(self, wire: Wire) -> None:
        self.told.append("connected")

    def refused(self, why: str) -> None:
        self.told.append(why)

    def lost(self, wire: Wire) -> None:
        self.told.append("lost")


def connected(owner: Owner, password: str | None = None) -> tuple[Wire, Transport]:
    factory = WireFactory(owner, None, password, None, (0.1, 1.0))
    wire, transport = factory.buildProtocol(None), Transport()
    wire.makeConnection(transport)
    return wire, transport


def test_a_password_comes_first_and_a_wrong_one_is_told() -> None:
    owner = Owner()
    wire, transport = connected(owner, "secret")
    assert words(transport.sent()) == [[b"AUTH", b"secret"]]
    wire.dataReceived(b"-WRONGPASS invalid username-password pair\r\n")
    assert owner.told and "WRONGPASS" in owner.told[0] and "secret" not in owner.told[0]


def test_attempts_are_made_ever_more_slowly() -> None:
    factory = WireFactory(Owner(), None, None, None, (0.1, 1.0))
    factory.jitter = 0
    assert [factory.retryDelay(attempt) for attempt in (1, 2, 100)] == [0.1, pytest.approx(0.1 * 2.718281828), 1.0]
    assert factory.stopTrying() is None


def test_it_works_without_hiredis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACK", None)
    wire, transport = connected(Owner())
    wire.send(b"GET", b"\xff")
    assert words(transport.sent()) == [[b"GET", b"\xff"]]
