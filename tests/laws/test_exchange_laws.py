"""Whatever the user system says, and when: nobody is let in whom it did not vouch for, and no longer than it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gwt.errors import GatewayError
from gwt.identities import Exchanged
from gwt.identity.cookie import SessionCookie
from gwt.identity.held import PATIENCE, UNKNOWN_FOR

TTL, GRACE, WALL = 8.0, 20.0, 1_800_000_000.0
COOKIES = (b"a", b"b")


class Said(NamedTuple):
    """An answer: when, what ("known", "unknown", "failed"), and until when the claims were good."""

    at: float
    what: str
    end: float = float("inf")


class World:
    """An Exchanged, its user system, and a diary of all that it was told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.open: dict[bytes, Deferred[Any]] = {}
        self.diary: dict[bytes, list[Said]] = {cookie: [] for cookie in COOKIES}
        self.waiting: dict[bytes, list[list[Any]]] = {cookie: [] for cookie in COOKIES}
        self.identities = Exchanged(
            SessionCookie("s"), self._ask, TTL, GRACE, lambda: self.now, lambda: WALL + self.now
        )

    def _ask(self, cookie: bytes) -> Deferred[Mapping[str, Any] | None]:
        assert cookie not in self.open, "two questions about one cookie"
        assert not self.settled(cookie), "asked although the answer was held"
        self.open[cookie] = Deferred()
        return self.open[cookie]

    def last(self, cookie: bytes, *kinds: str) -> Said | None:
        return next((said for said in reversed(self.diary[cookie]) if said.what in kinds), None)

    def settled(self, cookie: bytes) -> bool:
        """Whether the last real answer is fresh."""
        said = self.last(cookie, "known", "unknown")
        if said is None:
            return False
        return self.now < (min(said.at + TTL, said.end) if said.what == "known" else said.at + UNKNOWN_FOR)

    def request(self, cookie: bytes, number: int) -> None:
        found = self.identities.of((b"s=%b", b"x=1; s=%b")[number % 2] % cookie)
        if isinstance(found, Deferred):
            results: list[Any] = []
            self.waiting[cookie].append(results)
            found.addBoth(results.append)
            if results:
                self.judge(cookie, results[0])
        else:
            assert self.settled(cookie) or self.stands_in(cookie, PATIENCE), "answered without having been told"
            self.judge(cookie, found)

    def stands_in(self, cookie: bytes, patience: float) -> bool:
        failure = self.last(cookie, "failed")
        return failure is not None and failure is self.diary[cookie][-1] and self.now <= failure.at + patience

    def answer(self, cookie: bytes, what: str, seconds: float) -> None:
        question = self.open.pop(cookie, None)
        if question is None:
            return
        end = self.now + seconds
        if what == "known" and seconds <= 0:
            self.diary[cookie].append(Said(self.now, "unknown"))
        else:
            self.diary[cookie].append(Said(self.now, what, end))
        if what == "known":
            question.callback({"sub": cookie.decode(), "exp": WALL + end})
        elif what == "unknown":
            question.callback(None)
        else:
            question.errback(RuntimeError("down"))
        for results in self.waiting[cookie]:
            assert len(results) == 1, "a request was forgotten, or answered twice"
            self.judge(cookie, results[0])
        self.waiting[cookie].clear()

    def judge(self, cookie: bytes, found: Any) -> None:
        """One request's answer, given now."""
        said = self.last(cookie, "known", "unknown")
        if isinstance(found, Failure):
            assert found.check(GatewayError) and found.value.code == "identity"  # type: ignore[attr-defined]
            assert self.diary[cookie][-1].what == "failed" and not self.settled(cookie)
            assert said is None or said.what == "unknown" or self.now >= min(said.at + TTL + GRACE, said.end)
        elif found is None:
            assert said is not None and said.what == "unknown" and self.now < said.at + UNKNOWN_FOR
        else:
            assert found.sub == cookie.decode() and said is not None and said.what == "known"
            assert self.now < said.end and self.now < said.at + TTL + GRACE
            assert self.now < said.at + TTL or self.stands_in(cookie, PATIENCE)


class Step(NamedTuple):
    """Time passes, requests come, and perhaps the user system answers."""

    seconds: float
    cookies: list[bytes]
    answered: bytes
    what: str
    good_for: float


steps = st.builds(
    Step,
    st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 4.0, 7.0, 8.0, 15.0, 20.0, 27.0, 27.5, 28.0, 30.0]),
    st.lists(st.sampled_from((b"a", b"a", b"a", b"b")), min_size=1, max_size=3),
    st.sampled_from((b"a", b"a", b"a", b"b")),
    st.sampled_from(["known", "known", "unknown", "failed", "failed", "nothing yet"]),
    st.sampled_from([-1.0, 0.0, 1.0, 6.0, 15.0, 1000.0, 1000.0]),
)


@given(st.lists(steps, max_size=12))
@settings(max_examples=600, deadline=None)
def test_nobody_is_let_in_whom_it_did_not_vouch_for(script: list[Step]) -> None:
    world = World()
    for step in script:
        world.now += step.seconds
        for number, cookie in enumerate(step.cookies):
            world.request(cookie, number)
        if step.what != "nothing yet":
            world.answer(step.answered, step.what, step.good_for)
        for cookie in step.cookies:
            world.request(cookie, 0)
