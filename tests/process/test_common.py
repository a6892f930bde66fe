"""gwt.process.common: reloads one at a time, clocks that never step, and how many workers there are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred

from gwt.configuration import ConfigurationError, parse
from gwt.fitting import Unfit
from gwt.model.route import Problem
from gwt.process.common import Reloads, check_certificates, one_line, prepare, running_for, wanted, worker_count
from gwt.resources import ResourceError
from gwt.workers import WorkerDied


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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigurationError(["gwt: cannot read x: gone"]), "cannot read x: gone"),
        (Unfit([Problem("g", 2, 3, "odd"), Problem("g", 4, 5, "")]), "g:2:3: error: odd (and 1 more: gwt check g)"),
        (WorkerDied("one\ntwo", "one (and 1 more)"), "one (and 1 more)"),
        (ResourceError("resources.x: SyntaxError:\n  here"), "resources.x: SyntaxError: here"),
        (OSError("access_log.path: no"), "access_log.path: no"),
    ],
)  # fmt: skip
def test_what_ends_a_start_is_one_line(error: Exception, said: str) -> None:
    assert one_line(error) == said


def test_certificates_that_cannot_be_used_have_their_place(tmp_path: Path) -> None:
    text = "tls:\n  certificates: [{cert: a, key: a}, {cert: b, key: b}]\n"
    with pytest.raises(ConfigurationError) as caught:
        check_certificates(parse(text, tmp_path / "gateway.yaml", {}))
    assert "gateway.yaml:2:18: error: tls.certificates: a: can't be read" in caught.value.brief
    assert [line.rpartition("\n")[2].index("^") for line in caught.value.lines] == [26, 45]
