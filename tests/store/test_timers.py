"""What is to be done later."""

from __future__ import annotations

from twisted.internet.task import Clock

from gwt.store.timers import Timers


def test_each_is_done_once_in_its_time() -> None:
    clock, done = Clock(), list[int]()
    timers = Timers(clock)
    timers.later("a", 1.0, lambda: done.append(1))
    timers.later("a", 1.0, lambda: done.append(2))
    timers.later("b", 2.0, lambda: timers.later("b", 1.0, lambda: done.append(3)))
    clock.pump([1.0] * 3)
    assert done == [1, 3]


def test_what_was_taken_back_is_not_done() -> None:
    clock, done = Clock(), list[int]()
    timers = Timers(clock)
    for name in "abc":
        timers.later(name, 1.0, lambda: done.append(1))
    timers.cancel("a")
    timers.cancel("unknown")
    timers.stop()
    assert clock.getDelayedCalls() == [] and done == []
