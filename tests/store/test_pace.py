from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from gwt.steps import Steps
from gwt.store.pace import Pacer


class Watch:
    """A clock that goes on by `step` whenever it is looked at."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def counting(log: list[int], end: int) -> Steps[str]:
    for number in range(end):
        log.append(number)
        yield
    return "done"


def paced(clock: Clock, watch: Callable[[], float], budget: float = 0.003) -> Pacer:
    return Pacer(clock, budget, watch)


def test_short_work_is_done_at_once() -> None:
    log: list[int] = []
    done: list[str] = []
    paced(Clock(), Watch(0.0)).run(counting(log, 5)).addCallback(done.append)
    assert done == ["done"]


def test_long_work_lets_the_loop_turn_when_its_time_is_up() -> None:
    clock, log, done = Clock(), list[int](), list[str]()
    paced(clock, Watch(0.001)).run(counting(log, 5)).addCallback(done.append)
    assert log == [0, 1, 2]
    assert done == []
    clock.advance(0)
    assert log == [0, 1, 2, 3, 4]
    assert done == ["done"]


def test_the_longest_slice_is_known() -> None:
    pacer = paced(Clock(), Watch(0.001))
    pacer.run(counting([], 5))
    assert pacer.longest == pytest.approx(0.004)


def test_what_the_work_raises_is_the_failure() -> None:
    def failing() -> Steps[None]:
        yield
        raise ValueError("oops")

    failures: list[object] = []
    paced(Clock(), Watch(0.0)).run(failing()).addErrback(lambda failure: failures.append(failure.check(ValueError)))
    assert failures == [ValueError]


def test_cancelled_work_is_closed_and_never_goes_on() -> None:
    closed: list[bool] = []

    def endless() -> Steps[None]:
        try:
            while True:
                yield
        finally:
            closed.append(True)

    clock = Clock()
    work = paced(clock, Watch(0.001)).run(endless())
    work.addErrback(lambda failure: None)
    work.cancel()
    assert closed == [True]
    assert clock.getDelayedCalls() == []
