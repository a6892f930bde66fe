"""Members are looked at in turns."""

from __future__ import annotations

from gwt.phase.ticker import Ticker


class Member:
    def __init__(self) -> None:
        self.seen: list[float] = []

    def tick(self, now: float) -> None:
        self.seen.append(now)


def test_each_once_in_a_round() -> None:
    ticker, members = Ticker(5), [Member() for _ in range(12)]
    slots = [ticker.join(member) for member in members]
    assert len(ticker) == 12
    for now in range(10):
        ticker.tick(now)
    assert all(len(member.seen) == 2 for member in members)
    for slot, member in zip(slots, members, strict=True):
        del slot[member]
    ticker.tick(11)
    assert len(ticker) == 0 and all(len(member.seen) == 2 for member in members)


def test_a_member_may_leave_while_others_are_looked_at() -> None:
    ticker = Ticker()
    other = Member()

    class Leaving:
        def tick(self, now: float) -> None:
            slot.pop(other, None)

    slot = ticker.join(Leaving())
    ticker.join(other)
    ticker.tick(1.0)
    assert len(ticker) == 1
