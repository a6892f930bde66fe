"""Laws of following: whatever is lost, comes twice or late, what is applied is the store as it was at one moment."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gwt.store.follow import FORMAT, PARTS, Change, Follower, Question, State

KEYS = ("a", "b", "c", "d")
parts = st.sampled_from(sorted(PARTS))


class Following(RuleBasedStateMachine):
    """A store that others write to, and one who follows it over a channel that loses messages."""

    @initialize(id_=st.sampled_from(["s0", ""]))
    def begin(self, id_: str) -> None:
        self.id, self.count = id_, 0
        self.revs = dict.fromkeys(PARTS, 0)
        self.content: dict[str, dict[str, int]] = {part: {} for part in PARTS}
        self.past: dict[str, list[dict[str, int]]] = {part: [{}] for part in PARTS}
        self.channel: list[Change] = []
        self.follower = Follower()
        self.seen: dict[str, dict[str, int]] = {part: {} for part in PARTS}
        self.asked: tuple[Question, State, dict[str, Any]] | None = None

    def state(self) -> State:
        return State(self.id, FORMAT, dict(self.revs))

    @rule(part=parts, keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True), named=st.booleans())
    def write(self, part: str, keys: list[str], named: bool) -> None:
        self.count += 1
        self.revs[part] += 1
        for key in keys:
            if self.count % 3:
                self.content[part][key] = self.count
            else:
                self.content[part].pop(key, None)
        self.past[part].append(dict(self.content[part]))
        self.channel.append(Change(part, self.revs[part], tuple(keys) if named else ()))

    @rule()
    def given_an_id(self) -> None:
        """By whoever is the first of us to write there."""
        self.count += 1
        self.id = self.id or f"s{self.count}"

    @rule()
    def replaced(self) -> None:
        """Somebody emptied the store, and filled it with less."""
        self.count += 1
        self.id = f"s{self.count}"
        self.revs = dict.fromkeys(PARTS, 1)
        for part in PARTS:
            self.content[part] = {"a": self.count}
            self.past[part].append(dict(self.content[part]))
        self.channel.clear()

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        if self.channel:
            change = self.channel.pop(data.draw(st.integers(0, len(self.channel) - 1)))
            self.follower.heard(change)
            if data.draw(st.booleans()):
                self.follower.heard(change)

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        if self.channel:
            self.channel.pop(data.draw(st.integers(0, len(self.channel) - 1)))

    @rule()
    def reconnect(self) -> None:
        self.follower.deaf()

    @rule()
    def pull(self) -> None:
        self.follower.looked(self.state())

    @rule()
    def ask(self) -> None:
        """The store answers at this moment; the answer is on its way."""
        question = self.follower.question()
        if self.asked is None and question is not None:
            content = self.content[question.part]
            keys = content if question.names is None else question.names
            self.asked = question, self.state(), {key: content.get(key) for key in keys}

    @rule()
    def hear_the_answer(self) -> None:
        if self.asked is None:
            return
        (question, state, read), self.asked = self.asked, None
        if not self.follower.answered(question, state):
            return
        seen = {} if question.names is None else self.seen[question.part]
        seen.update(read)
        self.seen[question.part] = {key: value for key, value in seen.items() if value is not None}

    @invariant()
    def what_is_applied_was_the_store(self) -> None:
        for part, seen in getattr(self, "seen", {}).items():
            assert seen in self.past[part]

    def teardown(self) -> None:
        """Left in peace it gets there."""
        if not hasattr(self, "follower"):
            return
        for _ in range(2):
            self.hear_the_answer()
            self.pull()
            for _ in PARTS:
                self.ask()
                self.hear_the_answer()
        assert self.seen == self.content


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
