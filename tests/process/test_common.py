"""gwt.process.common: reloads one at a time, clocks that never step, and how many workers there are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred

from gwt.configuration import ConfigurationError, parse
from gwt.process.common import Reloads, prepare, running_for, wanted, worker_count


def test_reloads_do_not_overlap_and_those_asked_for_meanwhile_become_one() -> None:
    under_way: list[Deferred[None]] = []

    def reload() -> Deferred[None]:
        under_way.append(Deferred())
        return under_way[-1]

    reloads = Reloads(reload)
    for _ in range(4):
        reloads.ask()
    assert len(under_way) == 1
    under_way[0].errback(ConfigurationError(["bad"]))
    assert len(under_way) == 2
    under_way[1].callback(None)
    assert len(under_way) == 2


class Bare(ReactorBase):
    """A reactor that has a class's clock."""

    def installWaker(self) -> None:
        """None."""


class Own(Bare):
    def seconds(self) -> float:  # type: ignore[override]
        return 42.0


def test_a_reactor_of_wall_clock_time_gets_a_monotonic_one() -> None:
    reactor: Any = Bare()
    prepare(reactor)
    before = time.monotonic()
    assert before <= reactor.seconds() <= time.monotonic()
    own: Any = Own()
    prepare(own)
    assert own.seconds() == 42.0


@pytest.mark.parametrize(("text", "least"), [("workers: 3\n", 3), ("workers: auto\n", 1), ("", 1)])
def test_worker_count(text: str, least: int) -> None:
    assert worker_count(parse(text, Path("g.yaml"), {})) >= least


def test_wanted_names_every_role() -> None:
    assert set(wanted(parse("", Path("g.yaml"), {}))) == {"proxy", "service_proxy", "admin"}


def test_running_for_is_since_the_process_began() -> None:
    assert running_for(0.0) > 0
    assert running_for(1e9) == 1e9
