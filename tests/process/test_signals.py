"""gwt.process.signals: what TERM, INT and HUP do, without sending one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gwt.process.signals import ECHO, Signals


class Reactor:
    """Runs when the test says so."""

    def __init__(self) -> None:
        self.running, self.stopped, self.now = False, 0, 100.0
        self.waiting: list[Any] = []

    def seconds(self) -> float:
        return self.now

    def callWhenRunning(self, call: Any) -> None:
        self.waiting.append(call)

    def callFromThread(self, call: Any) -> None:
        call()

    def run(self) -> None:
        self.running = True
        for call in self.waiting:
            call()

    def stop(self) -> None:
        self.running = False
        self.stopped += 1


class Life:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.drained: Deferred[None] = Deferred()

    def drain(self) -> Deferred[None]:
        self.calls.append("drain")
        return self.drained

    def hurry(self) -> None:
        self.calls.append("hurry")
        self.drained.callback(None)

    def reload(self) -> None:
        self.calls.append("reload")


NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


def running() -> tuple[Reactor, Life]:
    reactor, life = Reactor(), Life()
    Signals(reactor, life).install()
    reactor.run()
    return reactor, life


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_reactor_stops_when_everything_is_drained(number: int) -> None:
    reactor, life = running()
    signal.raise_signal(number)
    assert (life.calls, reactor.stopped) == (["drain"], 0)
    life.drained.callback(None)
    assert reactor.stopped == 1


def test_told_twice_it_does_not_wait() -> None:
    reactor, life = running()
    signal.raise_signal(signal.SIGTERM)
    reactor.now += 2 * ECHO
    signal.raise_signal(signal.SIGTERM)
    assert life.calls == ["drain", "hurry"]
    assert reactor.stopped == 1


def test_one_signal_that_arrives_twice_is_one() -> None:
    reactor, life = running()
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    assert life.calls == ["drain"]
    assert not reactor.stopped


def test_a_drain_that_fails_stops_the_reactor_all_the_same() -> None:
    reactor, life = running()
    signal.raise_signal(signal.SIGTERM)
    life.drained.errback(RuntimeError("no"))
    assert reactor.stopped == 1


def test_hup_reloads_and_stops_nothing() -> None:
    reactor, life = running()
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)
    assert life.calls == ["reload", "reload"]
    assert reactor.stopped == 0


def test_hup_before_the_reactor_runs_does_not_kill() -> None:
    reactor, life = Reactor(), Life()
    Signals(reactor, life).install()
    signal.raise_signal(signal.SIGHUP)
    assert life.calls == ["reload"]
