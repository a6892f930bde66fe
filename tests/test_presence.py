"""gwt.presence: when a gateway says that it lives, and how long its stop waits."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gwt.presence import GOODBYE, INTERVAL, LIFETIME, Presence


class Played:
    """A register that answers when the test says so."""

    def __init__(self) -> None:
        self.told: list[Deferred[int]] = []
        self.lifetimes: list[int] = []
        self.left: list[Deferred[Any]] = []

    def tell(self, lifetime: int) -> Deferred[int]:
        self.lifetimes.append(lifetime)
        self.told.append(Deferred())
        return self.told[-1]

    def leave(self) -> Deferred[Any]:
        self.left.append(Deferred())
        return self.left[-1]


def test_it_tells_again_and_again_and_the_last_number_holds() -> None:
    clock, register, counts = Clock(), Played(), list[int]()
    presence = Presence(clock, register, counts.append)
    presence.start()
    register.told[0].callback(3)
    clock.advance(INTERVAL)
    register.told[1].errback(OSError("gone"))
    clock.advance(INTERVAL)
    register.told[2].callback(0)
    assert counts == [3, 1] and register.lifetimes == [LIFETIME] * 3


def test_one_word_at_a_time() -> None:
    clock, register = Clock(), Played()
    Presence(clock, register, lambda gateways: None).start()
    clock.advance(3 * INTERVAL)
    assert len(register.told) == 1


def test_a_stop_waits_for_the_good_bye_but_not_for_long() -> None:
    for answer in ("callback", "errback", None):
        clock, register, over = Clock(), Played(), list[Any]()
        presence = Presence(clock, register, lambda gateways: None)
        presence.start()
        presence.stop().addBoth(over.append)
        assert not over and len(register.left) == 1
        if answer is None:
            clock.advance(GOODBYE)
            register.left[0].errback(OSError("too late"))
        else:
            getattr(register.left[0], answer)(OSError("gone"))
        assert over == [None]
        register.told[0].callback(1)
        clock.advance(2 * INTERVAL)
        assert len(register.told) == 1 and not clock.getDelayedCalls()
