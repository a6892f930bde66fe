"""Windowless: which requests wait until their client lets them be answered.

An answer with a body can't be sent on a stream with as good as no window, and what has come of it holds an upstream
connection until it is. A client that asks for a thousand such answers gets few of them at a time: as one of these is
over, or has a window, the next one is begun. Those whose window opens meanwhile need not wait for any other.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

R = TypeVar("R")

#: Requests of one client that are begun though nothing of their answers' bodies can be sent.
MOST: Final = 8


class Windowless(Generic[R]):
    """The streams of one connection that had no window when their requests' turn came."""

    __slots__ = ("_begun", "_waiting")

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._waiting: dict[int, R] = {}

    def holds(self, number: int, request: R) -> bool:
        """Whether the request of stream `number`, which has no window, must wait: `freed` gives it back."""
        if number in self._begun:
            return False
        if len(self._begun) < MOST:
            self._begun.add(number)
            return False
        self._waiting[number] = request
        return True

    def freed(self, number: int) -> R | None:
        """Stream `number` has a window now, or is over: the request that may be begun by that."""
        if number in self._waiting:
            return self._waiting.pop(number)
        if number not in self._begun:
            return None
        self._begun.discard(number)
        if not self._waiting:
            return None
        next_ = next(iter(self._waiting))
        self._begun.add(next_)
        return self._waiting.pop(next_)
