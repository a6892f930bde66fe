"""Jwks: one question at a time, keys that hold while the issuer is gone, and questions that can't be provoked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey
from twisted.internet.defer import Deferred

from gwt.asking import Answered
from gwt.errors import GatewayError
from gwt.phase.jwks import FRESH, PATIENCE, Jwks
from gwt.phase.tools import Tools

KEY = ECKey.generate_key("P-256", {"kid": "a"})


class World:
    def __init__(self) -> None:
        self.now, self.asked = 100.0, []
        self.jwks = Jwks(Tools(clock=lambda: self.now, ask=self.ask), "http://issuer/")

    def ask(self, *question: Any) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def say(self, body: bytes, status: int = 200) -> None:
        self.asked[-1].callback(Answered(status, {}, body))


GOOD = json.dumps({"keys": [KEY.as_dict(private=False), {"kty": "oct", "k": "AAAA", "kid": "shared"}]}).encode()


def heard(later: Deferred[Any]) -> list[Any]:
    found: list[Any] = []
    later.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found


def test_all_who_wait_share_one_question() -> None:
    world = World()
    waiting = [heard(world.jwks.keys("a")) for _ in range(3)]
    assert len(world.asked) == 1 and waiting == [[], [], []]
    world.say(GOOD)
    assert all(one[0] is world.jwks.known("a") for one in waiting)


def test_secrets_are_no_public_keys() -> None:
    world = World()
    world.jwks.keys("a")
    world.say(GOOD)
    keys = world.jwks.known("a")
    assert keys is not None and [key.kid for key in keys.keys] == ["a"]


def test_an_unknown_key_is_asked_for_but_not_again_and_again() -> None:
    world = World()
    world.jwks.keys("a")
    world.say(GOOD)
    assert world.jwks.known("b") is not None
    world.now += PATIENCE
    assert world.jwks.known("a") is not None and world.jwks.known("b") is None
    world.jwks.keys("b")
    world.say(GOOD)
    assert world.jwks.known("b") is not None and len(world.asked) == 2


@pytest.mark.parametrize(("body", "status"), [(b"{}", 200), (b"no", 200), (b'{"keys": [1]}', 200), (GOOD, 500)])
def test_keys_hold_while_the_issuer_fails(body: bytes, status: int) -> None:
    world = World()
    first = heard(world.jwks.keys("a"))
    world.say(body, status)
    assert isinstance(first[0], GatewayError) and first[0].code == "identity"
    with pytest.raises(GatewayError):
        world.jwks.keys("a")
    world.now += PATIENCE
    world.jwks.keys("a")
    world.say(GOOD)
    world.now += FRESH
    again = heard(world.jwks.keys("a"))
    world.say(body, status)
    assert again[0] is world.jwks.known("a")
