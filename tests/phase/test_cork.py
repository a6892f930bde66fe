"""What is written while something is handled leaves at its end, once."""

from __future__ import annotations

from gwt.phase.cork import Cork


class Connection:
    def __init__(self, cork: Cork) -> None:
        self.cork, self.writes = cork, 0

    def write_out(self) -> None:
        self.writes += 1


def test_outside_everything_leaves_at_once() -> None:
    cork = Cork()
    one = Connection(cork)
    cork.flush(one)
    cork.flush(one)
    assert one.writes == 2


def test_within_it_waits_for_the_outermost_end() -> None:
    cork = Cork()
    one, other = Connection(cork), Connection(cork)
    cork.depth += 1
    cork.flush(one)
    cork.depth += 1
    cork.flush(one)
    cork.flush(other)
    cork.leave()
    assert (one.writes, other.writes) == (0, 0)
    cork.leave()
    assert (one.writes, other.writes) == (1, 1)
    cork.depth += 1
    cork.leave()
    assert one.writes == 1
