"""Members are looked at in turns."""

from __future__ import annotations

from gwt.phase.ticker import Ticker, Waiver


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


def test_a_tick_after_a_standstill_is_waived_once() -> None:
    waiver = Waiver(0.1, now=0.0)
    assert [waiver.waives(now) for now in (0.1, 0.2, 0.35)] == [False] * 3
    assert [waiver.waives(now) for now in (2.0, 2.1, 2.2)] == [True, False, False]


def test_load_puts_no_deadline_off() -> None:
    waiver = Waiver(0.1, now=0.0)
    assert [waiver.waives(now) for now in (1.0, 2.0, 3.0, 4.0, 5.0)] == [True, False, True, False, True]
