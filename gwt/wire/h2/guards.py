"""Budgets: how much of what costs us and gains nobody anything a peer may send before it is shown out.

A budget is points, spent by what a peer does and won back with time, and with what it does of use. Nobody who uses
HTTP/2 as it is meant comes near the end of one.
"""

from __future__ import annotations

from gwt.wire.h2.faults import Code, ConnectionFault


class Budget:
    """`most` points at first, `rate` of them back in a second; `left` are left, of which `earn` saves up to `full`."""

    __slots__ = ("_at", "_rate", "_why", "full", "left", "most")

    def __init__(self, most: float, rate: float, why: str, savings: float = 0) -> None:
        self.most, self._rate, self._why = most, rate, why
        self.left = most
        self.full = most + savings
        self._at = 0.0

    def spend(self, points: float, now: float) -> None:
        """ConnectionFault ENHANCE_YOUR_CALM once nothing is left. `now` is monotonic seconds."""
        left = self.left - points
        if left < 0:
            left = min(self.most, self.left + (now - self._at) * self._rate) - points
            self._at = now
            if left < 0:
                raise ConnectionFault(Code.ENHANCE_YOUR_CALM, self._why)
        elif not self._at:
            self._at = now
        self.left = left

    def earn(self, points: float) -> None:
        """The peer did something of use."""
        left = self.left + points
        self.left = left if left < self.full else self.full
