"""Each turn of the reactor does its share of what waits, the oldest first, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gwt.phase.share import SECONDS, Share


class Reactor:
    """Turns are the test's; every call takes `cost` seconds."""

    def __init__(self, cost: float = 0.0) -> None:
        self.now, self.cost = 100.0, cost
        self.done: list[int] = []
        self._calls: list[Callable[[], None]] = []

    def seconds(self) -> float:
        return self.now

    def callLater(self, delay: float, call: Any, *arguments: Any) -> None:
        assert delay == 0
        self._calls.append(lambda: call(*arguments))

    def work(self, number: int) -> Callable[[], None]:
        def call() -> None:
            self.now += self.cost
            self.done.append(number)

        return call

    def turn(self) -> list[int]:
        """What one turn did."""
        calls, self._calls = self._calls, []
        before = len(self.done)
        for call in calls:
            call()
        return self.done[before:]


def test_what_waits_is_done_in_a_later_turn_in_order() -> None:
    reactor = Reactor()
    share = Share(reactor.seconds)
    for number in range(100):
        share.wait(reactor, reactor.work(number))
    assert not reactor.done
    assert reactor.turn() == list(range(100))
    assert reactor.turn() == []


def test_a_turn_does_no_more_than_its_share_but_always_something() -> None:
    reactor = Reactor(cost=SECONDS / 2)
    share = Share(reactor.seconds)
    for number in range(5):
        share.wait(reactor, reactor.work(number))
    assert [reactor.turn() for _ in range(4)] == [[0, 1], [2, 3], [4], []]
    reactor.cost = SECONDS * 10
    share.wait(reactor, reactor.work(5))
    share.wait(reactor, reactor.work(6))
    assert [reactor.turn() for _ in range(3)] == [[5], [6], []]


def test_what_a_call_asks_for_is_of_a_later_turn() -> None:
    reactor = Reactor()
    share = Share(reactor.seconds)

    def again() -> None:
        reactor.done.append(len(reactor.done))
        share.wait(reactor, again)

    share.wait(reactor, again)
    assert [reactor.turn() for _ in range(3)] == [[0], [1], [2]]


def test_a_call_that_raises_stops_no_other() -> None:
    reactor = Reactor()
    share = Share(reactor.seconds)

    def fail() -> None:
        raise ValueError("oops")

    share.wait(reactor, fail)
    share.wait(reactor, reactor.work(1))
    with pytest.raises(ValueError, match="oops"):
        reactor.turn()
    assert reactor.turn() == [1]


def test_what_is_wanted_soon_is_done_now_while_the_share_lasts() -> None:
    reactor = Reactor(cost=SECONDS * 0.4)
    share = Share(reactor.seconds)
    for number in range(6):
        share.soon(reactor, reactor.work(number))
    assert reactor.done == [0, 1, 2]
    share.wait(reactor, reactor.work(6))
    assert [reactor.turn() for _ in range(3)] == [[3, 4, 5], [6], []]
    share.soon(reactor, reactor.work(7))
    assert reactor.done[-1] == 7


def test_nothing_overtakes_what_waits() -> None:
    reactor = Reactor()
    share = Share(reactor.seconds)
    share.wait(reactor, reactor.work(1))
    share.soon(reactor, reactor.work(2))
    assert not reactor.done
    assert reactor.turn() == [1, 2]
