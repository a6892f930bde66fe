"""Chains at work on whole exchanges: order, stops, failures, fuses, report mode; no sockets."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from edge.rig import Rig
from phase.plugins import Base, Deny, Fails, Later, Upper, recorder

from gwt.errors import GatewayError
from gwt.phase.chain import Chain
from gwt.phase.fuse import LIMIT, REST
from gwt.phase.lineup import ordered
from gwt.phase.member import Member
from gwt.phase.plugin import Exchange, Plugin, Reply
from gwt.phase.tools import Tools

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ALL = ("rewrite", "access", "header_filter", "body_filter", "log")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Base.calls.clear()
    Later.waiting.clear()
    Fails.times[0] = 0
    yield


def calls() -> list[str]:
    found = list(Base.calls)
    Base.calls.clear()
    return found


def test_in_by_priority_and_back_in_reverse() -> None:
    kinds = [recorder("low", 1, *ALL), recorder("high", 9, *ALL), recorder("mid", 5, "access", "log")]
    rig = Rig(kinds=kinds, plugins={"low": {}, "mid": {}, "high": {}}).send(GET)
    assert rig.statuses == [200]
    assert calls() == [
        "high#rewrite", "low#rewrite", "high#access", "mid#access", "low#access",
        "low#header_filter", "high#header_filter", "low#body_filter", "high#body_filter",
        "low#log", "mid#log", "high#log",
    ]  # fmt: skip


def test_a_priority_of_ones_own_and_equal_ones_by_name() -> None:
    kinds = [recorder(name, 5, "access") for name in ("b", "a", "c")]
    Rig(kinds=kinds, plugins={"b": {}, "a": {}, "c": {"_meta": {"priority": 6}}}).send(GET)
    assert calls() == ["c#access", "a#access", "b#access"]


def test_who_replies_stops_and_only_those_who_ran_see_the_answer() -> None:
    kinds = [
        recorder("above", 900, "header_filter", "log"),
        recorder("below", 100, "access", "header_filter", "log"),
        recorder("rewriter", 50, "rewrite", "header_filter"),
        Deny,
    ]
    rig = Rig(kinds=kinds, plugins={"above": {}, "below": {}, "deny": {}, "rewriter": {}}).send(GET * 2)
    assert [(got.status, got.body) for got in rig.answers()] == [(403, b"no")] * 2
    assert rig.answers()[0].headers[b"x-denied"] == b"yes"
    assert rig.finished[0].code == "denied" and not rig.seen
    once = ["rewriter#rewrite", "rewriter#header_filter", "above#header_filter", "above#log"]
    assert calls() == once * 2


def test_an_error_of_the_gateways_own_is_told_as_such() -> None:
    def refuse(ctx: Exchange) -> None:
        raise GatewayError("rate_limit", "too many", fields=b"Retry-After: 1\r\n")

    rig = Rig(kinds=[recorder("limit", 1, access=refuse)], plugins={"limit": {}}).send(GET)
    (got,) = rig.answers()
    assert (got.status, got.headers[b"retry-after"]) == (429, b"1")
    assert json.loads(got.body)["code"] == "rate_limit" and rig.raised == []


def test_errors_that_come_after_the_chain_pass_the_filters_too() -> None:
    rig = Rig(kinds=[recorder("watch", 1, "header_filter")], plugins={"watch": {}}, answer=None).send(GET)
    rig.reply(b"nonsense\r\n\r\n")
    assert rig.statuses == [502] and calls() == ["watch#header_filter"]


def test_what_raises_is_500_with_the_request_id_and_no_word_of_why() -> None:
    Fails.times[0] = 1
    rig = Rig(kinds=[Fails, recorder("above", 900, "header_filter")], plugins={"fails": {}, "above": {}})
    rig.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\n\r\n")
    (got,) = rig.answers()
    told = json.loads(got.body)
    assert (got.status, told["code"], told["request_id"]) == (500, "plugin", "abc")
    assert b"secret" not in got.body and b"fails" not in got.body
    assert [(name, str(error)) for name, error in rig.raised] == [("fails", "a secret that nobody must see")]
    assert calls() == ["above#header_filter"]


@pytest.mark.parametrize("said", [1, "text", b"bytes", True, object()])
def test_what_is_no_reply_is_a_failure(said: Any) -> None:
    rig = Rig(kinds=[recorder("odd", 1, access=lambda ctx: said)], plugins={"odd": {}}).send(GET)
    assert rig.statuses == [500] and "no Reply" in str(rig.raised[0][1])


def blow(rig: Rig) -> None:
    Fails.times[0] = LIMIT
    rig.send(GET * LIMIT)


@pytest.mark.parametrize("phase", ["rewrite", "access", "header_filter", "body_filter"])
def test_a_fuse_blows_denies_and_comes_back(phase: str) -> None:
    rig = Rig(kinds=[Fails], plugins={"fails": {"phase": phase}}).send(GET)
    blow(rig)
    rig.send(GET)
    assert rig.statuses == [200] + [500] * (LIMIT + 1)
    assert len(rig.raised) == LIMIT  # left alone: nothing of it runs any more
    rig.pass_time(REST + 0.1).send(GET).send(GET).send(GET)
    assert rig.statuses[-3:] == [500, 200, 200]  # the first after the rest finds it out of order still


def test_a_try_that_fails_blows_it_again() -> None:
    rig = Rig(kinds=[Fails], plugins={"fails": {}})
    blow(rig)
    rig.pass_time(REST + 0.1).send(GET)
    Fails.times[0] = 1
    rig.send(GET).send(GET)
    assert len(rig.raised) == LIMIT + 1
    rig.pass_time(REST + 0.1).send(GET).send(GET)
    assert rig.statuses[-1] == 200


def test_failures_that_are_not_in_a_row_do_not_blow_it() -> None:
    rig = Rig(kinds=[Fails], plugins={"fails": {}})
    for _ in range(LIMIT * 2):
        Fails.times[0] = 1
        rig.send(GET).send(GET)
    assert rig.statuses == [500, 200] * (LIMIT * 2)


def test_failures_that_come_late_count_as_well() -> None:
    rig = Rig(kinds=[Later], plugins={"later": {}})
    for _ in range(LIMIT):
        rig.send(GET)
        Later.waiting.pop().errback(ZeroDivisionError())
    rig.send(GET)
    assert rig.statuses == [500] * (LIMIT + 1) and Later.waiting == []


def test_refusing_is_no_failure() -> None:
    rig = Rig(kinds=[Fails, Deny], plugins={"fails": {"_meta": {"priority": 999}}, "deny": {}})
    for _ in range(LIMIT):
        Fails.times[0] = 1
        rig.send(GET).send(GET)
    assert rig.statuses == [500, 403] * LIMIT


def test_on_error_skip_leaves_it_out() -> None:
    skipping = type("Skips", (Fails,), {"name": "skips", "on_error": "skip"})
    rig = Rig(kinds=[dataclass(frozen=True)(skipping)], plugins={"skips": {}})
    blow(rig)
    assert rig.send(GET).statuses == [500] * LIMIT + [200]


def test_what_only_logs_never_keeps_anybody_from_being_served() -> None:
    Fails.times[0] = LIMIT * 2
    rig = Rig(kinds=[Fails, Later], plugins={"fails": {"phase": "log"}, "later": {"phase": "log"}}).send(
        GET * LIMIT * 2
    )
    assert rig.statuses == [200] * LIMIT * 2 and len(rig.raised) == LIMIT * 2
    Later.waiting.pop().errback(ZeroDivisionError())
    assert len(rig.raised) == LIMIT * 2 + 1


def test_report_mode_rejects_nothing_and_counts() -> None:
    report = {"_meta": {"mode": "report"}}
    late = recorder("late", 1, access=lambda ctx: (lambda: Later("access").access(ctx))())
    raises = recorder("raises", 2, access=lambda ctx: 1 // 0)
    error = recorder("error", 3, header_filter=lambda ctx: Reply.error("denied", "no"))
    kinds = [Deny, late, raises, error]
    rig = Rig(kinds=kinds, plugins={kind.name: report for kind in kinds}).send(GET)
    Later.waiting.pop().callback(Reply(401))
    rig.settle()
    assert rig.statuses == [200]
    assert rig.would_reject == [("deny", "r"), ("late", "r"), ("error", "r")]
    assert [name for name, _ in rig.raised] == ["raises"]


def test_a_leaf_without_members_has_no_chain_and_costs_nothing() -> None:
    idle = dataclass(frozen=True)(type("Idle", (Plugin,), {"name": "idle", "start": lambda self, tools: None}))
    rig = Rig(kinds=[idle], plugins={"idle": {}}).send(GET)
    (exchange,) = rig.finished
    assert exchange.leaf.chain is None and exchange.phases is None and rig.statuses == [200]


def test_who_keeps_nothing_needs_no_phases() -> None:
    seen: list[Any] = []
    rig = Rig(kinds=[recorder("look", 1, access=lambda ctx: seen.append(ctx.phases))], plugins={"look": {}}).send(GET)
    assert rig.statuses == [200] and seen == [None]


def test_nothing_is_left_of_an_exchange_that_is_over() -> None:
    runs: list[Any] = []

    def keep(ctx: Exchange) -> None:
        ctx.request.set_header("X-A", "1")
        runs.append(weakref.ref(ctx.phases))

    keeps = recorder("keeps", 1, access=keep)
    rig = Rig(kinds=[Upper, keeps], plugins={"upper": {}, "keeps": {}})
    gc.disable()
    try:
        rig.send(GET)
        assert rig.answers()[0].body == b"OK" and [run() for run in runs] == [None]
    finally:
        gc.enable()


def test_members_are_ordered_whatever_order_they_are_given_in() -> None:
    members = [Member(name, priority, {}) for name, priority in (("a", 1), ("b", 3), ("c", 3), ("d", 2))]
    assert [one.name for one in ordered(members)] == ["b", "c", "d", "a"]
    assert Chain(members[::-1], Tools()).members == tuple(ordered(members))
