"""gwt.store.reach: a commit is waited for until it is known, or for REACH seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from gwt.admin import site
from gwt.cli import live
from gwt.store.reach import REACH, Reach


def reach() -> tuple[Reach, Clock]:
    clock = Clock()
    return Reach(lambda part, rev, revs: revs.get(part, -1) >= rev, clock), clock


def results(*asked: Any) -> list[int | None]:
    found: list[Any] = [None] * len(asked)
    for number, one in enumerate(asked):
        one.addCallback(lambda rev, number=number: found.__setitem__(number, rev))
    return found


def test_each_is_released_by_what_holds_it() -> None:
    made, clock = reach()
    found = results(made.wait(3, "routes"), made.wait(4, "routes"), made.wait(1, "services"))
    made.release({"routes": 2})
    assert found == [None, None, None]
    made.release({"routes": 3, "services": 7})
    assert found == [3, None, 1]
    clock.advance(REACH)
    assert found == [3, 4, 1] and not clock.getDelayedCalls()
    made.release({"routes": 9})


def test_who_waits_no_more_is_left_out() -> None:
    made, clock = reach()
    one = made.wait(3, "routes")
    found: list[Any] = []
    one.addErrback(found.append)
    one.cancel()
    made.release({"routes": 3})
    assert found[0].check(CancelledError) and not clock.getDelayedCalls()


def test_clients_of_the_admin_api_wait_longer() -> None:
    """And are told how long that may be."""
    assert min(live.PATIENCE, site.PATIENCE) > REACH
    page = (Path(__file__).resolve().parents[2] / "docs/admin.md").read_text()
    assert f"or after {REACH:g} seconds; a worker" in page.replace("\n", " ")
