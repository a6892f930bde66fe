"""The order of methods both ways, and who sees the answer of whom."""

from __future__ import annotations

from gwt.phase.lineup import Lineup, Stand, ordered
from gwt.phase.member import Member

ALL = ("rewrite", "access", "header_filter", "body_filter", "log")


def member(name: str, priority: int, *phases: str) -> Member:
    return Member(name, priority, {phase: (name, phase).__class__ for phase in phases})  # any callable


def lineup(*members: Member) -> Lineup:
    return Lineup([Stand(one, one.methods) for one in ordered(members)])


def names(found: Lineup, index: int, inclusive: bool = True) -> str:
    return "".join(one.name for one in found.stopped(index, inclusive).members)


def test_rewrite_comes_before_access_and_each_by_priority() -> None:
    found = lineup(member("b", 1, *ALL), member("a", 2, *ALL), member("c", 0, "log"))
    assert [(found.member(n).name, step.phase) for n, step in enumerate(found.plan)] == [
        ("a", "rewrite"), ("b", "rewrite"), ("a", "access"), ("b", "access"),
    ]  # fmt: skip
    assert "".join(one.name for one in found.back.members) == "cba"
    assert len(found.steps) == 4 and found.watches and found.back.filters


def test_who_stops_in_rewrite_is_seen_by_those_above() -> None:
    found = lineup(member("a", 3, *ALL), member("b", 2, *ALL), member("c", 1, *ALL))
    assert names(found, 1) == "ba"
    assert names(found, 1, inclusive=False) == "a"
    assert names(found, 0, inclusive=False) == ""


def test_who_stops_in_access_is_also_seen_by_those_who_ran_in_rewrite() -> None:
    found = lineup(member("a", 4, *ALL), member("b", 3, "header_filter"), member("c", 2, "access", "log"),
                   member("d", 1, "rewrite", "log"), member("e", 0, "access", "log"))  # fmt: skip
    index = next(n for n, step in enumerate(found.plan) if found.member(n).name == "c" and step.phase == "access")
    assert names(found, index) == "dcba"
    assert names(found, index, inclusive=False) == "dba"
    assert found.stopped(index, True) is found.stopped(index, True)


def test_nobody_costs_nothing() -> None:
    assert lineup().steps == () and not lineup().watches
    only_in = lineup(member("a", 1, "access"))
    assert not only_in.watches and not only_in.back.filters
    assert lineup(member("a", 1, "log")).watches and not lineup(member("a", 1, "log")).back.filters


def test_those_beyond_a_member() -> None:
    found = lineup(member("a", 3, *ALL), member("b", 2, *ALL), member("c", 1, *ALL))
    back = found.back.after(found.back.members[0])
    assert [one.name for one in back.members] == ["b", "a"]
    assert found.labels(0, back)[:3] == ["a#rewrite", "b#header_filter", "a#header_filter"]
