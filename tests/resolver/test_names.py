"""Names: who asks when, and who is told; time and answers are the test's."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from gwt.dns.book import Book
from gwt.dns.message import AAAA, EMPTY, FAILED, FOUND, A, Answer
from gwt.dns.permits import Permits
from gwt.metrics import Metrics, exposition
from gwt.resolver.names import Names

EMPTY_ = Answer(EMPTY, why="empty")
BROKEN = {A: Answer(FAILED, why="SERVFAIL"), AAAA: EMPTY_}


def found(*addresses: str, ttl: int = 60) -> dict[int, Answer]:
    return {A: Answer(FOUND, addresses, ttl), AAAA: EMPTY_}


class Rig:
    def __init__(self) -> None:
        self.clock, self.metrics, self.lines = Clock(), Metrics.private(), list[str]()
        self.asked: list[tuple[str, Deferred[Any]]] = []
        self.at_once: Any = None
        book = Book(Permits(["*"], ["127.0.0.0/8"]), lambda: 0.0, self.lines.append)
        self.names = Names(self.clock, book, self.lookup, self.metrics, "x")
        self.changes: list[tuple[str, bool]] = []
        self.names.changed = lambda name, gone: self.changes.append((name, gone))

    def lookup(self, name: str) -> Deferred[Any]:
        asked: Deferred[Any] = Deferred() if self.at_once is None else succeed(self.at_once)
        self.asked.append((name, asked))
        return asked

    def metric(self, line: str) -> int:
        text = exposition(self.metrics)
        return next((int(one.rpartition(" ")[2]) for one in text.splitlines() if one.startswith(f"{line} ")), 0)


def test_a_name_is_asked_for_told_of_and_asked_for_again() -> None:
    rig = Rig()
    rig.names.want("a.b", True)
    rig.names.want("a.b", True)
    rig.clock.advance(0)
    assert [name for name, _ in rig.asked] == ["a.b"]
    rig.asked[0][1].callback(found("192.0.2.1"))
    assert rig.names.addresses("a.b") == ("192.0.2.1",) and rig.changes == [("a.b", False)]
    rig.clock.advance(59.9)
    assert len(rig.asked) == 1
    rig.clock.advance(0.2)
    rig.asked[1][1].callback(found("192.0.2.1"))
    assert rig.changes == [("a.b", False)]
    rig.clock.advance(60)
    rig.asked[2][1].callback(found("192.0.2.2", "127.0.0.1"))
    assert rig.changes == [("a.b", False), ("a.b", True)]
    assert [rig.metric(f"x_external_{one}") for one in ("names", "names_unresolved", "addresses_refused")] == [1, 0, 1]
    assert rig.metric('x_external_lookups_total{outcome="found"}') == 3
    rig.names.want("a.b", False)
    rig.clock.advance(1000)
    assert len(rig.asked) == 3 and rig.metric("x_external_names") == 0


def test_answers_that_are_there_at_once() -> None:
    rig = Rig()
    rig.at_once = found("192.0.2.1")
    for name in ("a.b", "c.d"):
        rig.names.want(name, True)
    rig.clock.advance(0)
    assert rig.changes == [("a.b", False), ("c.d", False)]
    rig.clock.pump([10.0] * 7)
    assert len(rig.asked) == 4


def test_settled() -> None:
    rig = Rig()
    assert rig.names.settled(2.0).called
    rig.names.want("a.b", True)
    rig.names.want("c.d", True)
    first, second = rig.names.settled(2.0), rig.names.settled(9.0)
    rig.clock.advance(0)
    rig.asked[0][1].callback(BROKEN)
    assert not first.called
    rig.clock.advance(2.0)
    assert first.called and not second.called
    rig.asked[1][1].callback(found("192.0.2.1"))
    assert second.called
    assert rig.clock.getDelayedCalls() and len(rig.clock.getDelayedCalls()) == 1  # the next question


def test_the_end() -> None:
    rig = Rig()
    rig.names.want("a.b", True)
    waiting = rig.names.settled(5.0)
    rig.clock.advance(0)
    rig.names.want("c.d", True)
    rig.names.stop()
    assert waiting.called and rig.clock.getDelayedCalls() == []
    rig.names.want("e.f", True)
    rig.clock.advance(100)
    assert len(rig.asked) == 1 and rig.names.settled(5.0).called


def test_seeds_are_told_of() -> None:
    rig = Rig()
    rig.names.want("a.b", True)
    rig.names.seed("a.b", ["192.0.2.1"])
    rig.names.seed("a.b", ["192.0.2.1"])
    assert rig.changes == [("a.b", False)] and rig.names.addresses("a.b") == ("192.0.2.1",)
