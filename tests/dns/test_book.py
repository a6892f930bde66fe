"""The names that are followed: what is asked for and when, who is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gwt.dns.book import A_TURN, AT_ONCE, Book, Change
from gwt.dns.message import AAAA, EMPTY, FAILED, FOUND, MISSING, A, Answer
from gwt.dns.permits import Permits

NOTHING, BROKEN = Answer(EMPTY, why="empty"), Answer(FAILED, why="SERVFAIL")


def found(*addresses: str, ttl: int = 5) -> dict[int, Answer]:
    return {A: Answer(FOUND, addresses, ttl), AAAA: NOTHING}


FAILING = {A: BROKEN, AAAA: BROKEN}


class Told:
    def __init__(self, allow: tuple[str, ...] = ("*",), **more: Any) -> None:
        self.lines: list[str] = []
        self.of = Book(Permits(allow, ["127.0.0.0/8"]), lambda: 0.0, self.lines.append, **more)


def test_a_name_is_asked_for_once_whoever_wants_it_and_again_in_time() -> None:
    told = Told()
    book = told.of
    book.want("A.example.com.", 0.0)
    book.want("a.example.com", 0.0)
    assert len(book) == 1 and not book.settled and book.next_at() == 0.0
    assert book.due(0.0) == ["a.example.com"]
    assert (book.due(99.0), book.next_at()) == ([], None)
    assert book.answered("a.example.com", found("192.0.2.1"), 1.0) == Change(gone=False)
    assert book.settled and book.addresses("a.Example.com") == ("192.0.2.1",)
    assert book.next_at() == 6.0
    assert (book.due(5.9), book.due(6.0)) == ([], ["a.example.com"])
    assert book.answered("a.example.com", found("192.0.2.1"), 6.0) is None  # nothing changed, nothing told
    assert book.due(11.0) and book.answered("a.example.com", found("192.0.2.2", "192.0.2.3"), 11.0) == Change(gone=True)
    assert told.lines == []


def test_no_more_than_so_many_at_a_time() -> None:
    told = Told()
    for number in range(AT_ONCE + 5):
        told.of.want(f"n{number}.example.com", 0.0)
    first = told.of.due(0.0)
    assert len(first) == A_TURN and told.of.next_at() == 0.0
    while told.of.next_at() is not None:
        first += told.of.due(0.0)
    assert len(first) == AT_ONCE and told.of.next_at() is None
    for name in first[:3]:
        told.of.answered(name, FAILING, 0.0)
    assert len(told.of.due(0.0)) == 3


def test_a_name_that_is_dropped_and_wanted_again_while_it_is_asked_for() -> None:
    told = Told(at_once=1)
    book = told.of
    book.want("a.b", 0.0)
    assert book.due(0.0) == ["a.b"]
    book.drop("a.b")
    assert len(book) == 0 and book.settled
    book.want("a.b", 1.0)
    assert book.due(1.0) == []  # there is no room
    assert book.answered("a.b", found("192.0.2.1"), 1.0) is None
    assert book.due(1.0) == ["a.b"]
    assert book.answered("a.b", found("192.0.2.2"), 1.0) == Change(gone=False)


def test_addresses_are_their_own_answer() -> None:
    told = Told()
    told.of.want("192.0.2.7", 0.0)
    told.of.want("127.0.0.1", 0.0)
    told.of.want("not a\nname", 0.0)
    assert told.of.settled and told.of.next_at() is None
    assert [told.of.addresses(one) for one in ("192.0.2.7", "127.0.0.1")] == [("192.0.2.7",), ()]
    assert "127.0.0.1, left out" in told.lines[0] and "no name of the DNS" in told.lines[1]
    assert r"'not a\nname'" in told.lines[1]
    assert told.of.seed("127.0.0.1", ["192.0.2.1"], 0.0) is None
    assert (told.of.unresolved, told.of.refused) == (1, 1)


def test_names_that_are_not_allowed_are_not_asked_for() -> None:
    told = Told(("*.example.com", "192.0.2.*"))
    for name in ("a.example.org", "a.example.com", "192.0.2.1", "192.0.3.1"):
        told.of.want(name, 0.0)
    assert told.of.due(0.0) == ["a.example.com"]
    assert [told.of.addresses(one) for one in ("192.0.2.1", "192.0.3.1")] == [("192.0.2.1",), ()]
    assert all("external_name.allow" in line for line in told.lines) and len(told.lines) == 2
    assert told.of.seed("a.example.org", ["192.0.2.1"], 0.0) is None


def test_each_trouble_is_told_once() -> None:
    told = Told()
    book = told.of
    book.want("a.b", 0.0)
    gone = {A: Answer(MISSING, why="NXDOMAIN"), AAAA: NOTHING}
    answers = [FAILING, FAILING, found("192.0.2.1"), FAILING, {**FAILING, A: NOTHING}, gone, gone, gone,
               found("192.0.2.1", "127.0.0.1"), found("127.0.0.1", "192.0.2.1"), found("192.0.2.1")]  # fmt: skip
    for step, one in enumerate(answers):
        assert book.due(100.0 * step) == ["a.b"]
        book.answered("a.b", one, 100.0 * step)
    assert [line.removeprefix("external name a.b ") for line in told.lines] == [
        "can't be resolved: SERVFAIL", "is resolved again",
        "can't be resolved: SERVFAIL; what it led to holds (1 addresses)",
        "can't be resolved: NXDOMAIN", "is resolved again",
        "leads to 127.0.0.1, left out: external_name.deny_addresses denies that",
    ]  # fmt: skip


def test_seeds() -> None:
    told = Told()
    book = told.of
    assert book.seed("a.b", ["192.0.2.1"], 0.0) is None
    book.want("a.b", 0.0)
    assert book.seed("a.b", ["127.0.0.1"], 0.0) is None
    assert book.seed("a.b", ["192.0.2.1"], 0.0) == Change(gone=False)
    book.due(0.0)
    assert book.answered("a.b", FAILING, 0.0) is None
    assert book.addresses("a.b") == ("192.0.2.1",) and book.settled


class Following(RuleBasedStateMachine):
    """Whatever is wanted, dropped and answered: no name is asked for twice at once, and none is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.now = Book(Permits(["*"], []), lambda: 0.5, lambda line: None, 2), 0.0
        self.wanted: set[str] = set()
        self.asked: list[str] = []

    @rule(name=st.sampled_from("abc"))
    def want(self, name: str) -> None:
        self.wanted.add(name)
        self.book.want(name, self.now)

    @rule(name=st.sampled_from("abc"))
    def drop(self, name: str) -> None:
        self.wanted.discard(name)
        self.book.drop(name)

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.asked += self.book.due(self.now)

    @rule(data=st.data(), good=st.booleans())
    def answer(self, data: Any, good: bool) -> None:
        if self.asked:
            name = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
            self.book.answered(name, found("192.0.2.1") if good else FAILING, self.now)

    @invariant()
    def holds(self) -> None:
        assert len(self.asked) <= 2 and len(self.book) == len(self.wanted)
        if not self.asked:
            assert self.book.next_at() is not None or not self.wanted
            self.asked += self.book.due(self.now + 400.0)
            assert len(self.asked) == min(2, len(self.wanted))
            for name in self.asked:
                assert name in self.wanted
                self.book.answered(name, FAILING, self.now)
            self.asked = []


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=50, stateful_step_count=20)


@given(st.lists(st.booleans(), max_size=20))
def test_the_counts_are_what_can_be_counted(course: list[bool]) -> None:
    book = Told().of
    book.want("a.b", 0.0)
    for step, good in enumerate(course):
        book.due(400.0 * step)
        book.answered("a.b", found("127.0.0.1") if good else FAILING, 400.0 * step)
        assert (book.unresolved, book.refused) == ((0, 1) if good else (1, book.refused))
    book.drop("a.b")
    assert (len(book), book.unresolved, book.refused) == (0, 0, 0)
