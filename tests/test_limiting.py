"""Rate limits in the chain: who is let through, who is asked when, and what a refusal looks like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from edge.rig import Rig
from twisted.internet.defer import Deferred

from gwt.compile import compile_now
from gwt.delta import Delta
from gwt.limit.selectors import compile_limits
from gwt.limiter.node import NodeLimiter
from gwt.limiting import LIMITS, USER_LIMITS, Bid, limits_member
from gwt.model.route import Access, Path, RateLimit
from gwt.phase.roster import Roster
from gwt.zones.arena import PrivateArena

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
IP = RateLimit(1, 0, ("ip",))


def limited(*limits: RateLimit, **more: Any) -> Rig:
    return Rig(access=Access(rate_limits=limits), **more)


def test_who_comes_too_often_is_told_when_to_come_back() -> None:
    visit = limited(RateLimit(1, 1, ("ip",))).send(GET).send(GET).send(GET)
    assert visit.statuses == [200, 200, 429] and len(visit.seen) == 2
    answer = visit.answers()[-1]
    assert answer.headers[b"retry-after"] == b"1" and json.loads(answer.body)["code"] == "rate_limit"
    assert visit.finished[-1].code == "rate_limit"
    visit.now += 1.0
    assert visit.send(GET).statuses[-1] == 200


def test_a_slow_limit_says_how_long() -> None:
    visit = limited(RateLimit(1, 0, ()), RateLimit(1000, 0, ("ip",))).send(GET)
    visit.now += 0.25
    visit.send(GET)
    assert visit.statuses == [200, 429] and visit.answers()[-1].headers[b"retry-after"] == b"1"
    shut = limited(RateLimit(0, 5)).send(GET)
    assert shut.statuses == [429] and shut.answers()[0].headers[b"retry-after"] == b"86400"


def test_clients_have_buckets_of_their_own() -> None:
    visit = limited(IP).send(GET)
    visit.connect("192.0.2.8")
    visit.send(GET)
    visit.connect("192.0.2.7")
    assert visit.send(GET).statuses == [429] and len(visit.seen) == 2


def test_what_one_limit_refuses_the_others_do_not_count() -> None:
    visit = limited(RateLimit(1, 2), IP).send(GET).send(GET).send(GET)
    assert visit.statuses == [200, 429, 429]
    for number in range(3):
        visit.connect(f"198.51.100.{number}")
        visit.send(GET)
    assert len(visit.seen) == 3, "two of them pass, as the refused ones took nothing"


def test_an_edit_neither_resets_nor_shuts() -> None:
    visit = limited(RateLimit(1, 3, ("ip",))).send(GET).send(GET).send(GET)
    visit.configure(access=Access(rate_limits=(RateLimit(100, 3, ("ip",)),)))
    visit.send(GET).send(GET)
    assert visit.statuses == [200, 200, 200, 200, 429]
    visit.now += 0.01
    assert visit.send(GET).statuses[-1] == 200


def test_levels_have_buckets_of_their_own() -> None:
    paths = Path("/"), Path("/own", access=Access(rate_limits=(RateLimit(1),)))
    visit = limited(RateLimit(1), paths=paths)
    for path in (b"/a", b"/own", b"/b", b"/own/x"):
        visit.send(GET.replace(b" / ", b" %b " % path))
    assert visit.statuses == [200, 200, 429, 429]


def test_limits_of_users_are_asked_when_the_user_is_known() -> None:
    visit = limited(IP, RateLimit(5, 0, ("user", "path")), RateLimit(7, 0, ("user",)))
    chain = visit.current.snapshot.router.entries_of("*")[0].target.chain
    assert [(one.name, one.priority) for one in chain.members] == [
        ("rate_limits", LIMITS),
        ("rate_limits", USER_LIMITS),
    ]
    assert (LIMITS, USER_LIMITS) == (2900, 1001)


def test_equal_limits_of_one_level_have_one_member() -> None:
    roster, limiter = Roster(), NodeLimiter(PrivateArena(), 16)
    one, same, edited, other = (
        limits_member(roster, limiter, compile_limits(who, [RateLimit(rate)]))
        for who, rate in (("route:r", 1), ("route:r", 1), ("route:r", 2), ("route:s", 1))
    )
    assert one is same and len({one, edited, other}) == 3
    assert limits_member(roster, limiter, compile_limits("route:r", [RateLimit(1, fail="open")])) is not one
    assert limits_member(roster, NodeLimiter(PrivateArena(), 16), compile_limits("route:r", [RateLimit(1)])) is not one


class Asking:
    """A limiter that must ask."""

    def __init__(self) -> None:
        self.asked: list[Deferred[float]] = []

    def admit(self, key: bytes, limit: Any, now: float) -> Deferred[float]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def admit_all(self, bids: Sequence[Bid], now: float) -> Deferred[float]:
        return self.admit(*bids[0], now)


@pytest.mark.parametrize("limits", [(IP,), (IP, RateLimit(5))], ids=["one", "two"])
def test_an_answer_that_takes_time_is_waited_for(limits: Sequence[RateLimit]) -> None:
    limiter = Asking()
    visit = limited(*limits, limiter=limiter).send(GET)
    assert visit.statuses == [] and not visit.seen
    limiter.asked[0].callback(0.0)
    visit.settle()
    assert visit.statuses == [200]
    visit.send(GET)
    limiter.asked[1].callback(2.5)
    visit.settle()
    assert visit.statuses == [200, 429] and visit.answers()[-1].headers[b"retry-after"] == b"3"


def test_where_nobody_counts_the_path_is_closed() -> None:
    visit = limited(IP)
    visit.surroundings = replace(visit.surroundings, limiter=None)
    visit.current.swap(compile_now(visit.current.snapshot, Delta(2), visit.surroundings))
    assert visit.send(GET).statuses == [503] and not visit.seen
