"""Work that may wait: each turn of the reactor does a share of it, however much there is.

What clients send ahead is such work: further requests, hundreds of chunks. Who has nothing here waits for one share of
it at most, and not for what a hundred clients wanted at the same moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

#: Seconds of a turn of the reactor that go into such work.
SECONDS = 0.001


class Share:
    """A queue of calls, the oldest first. `clock` gives monotonic seconds."""

    __slots__ = ("_clock", "_due", "_until", "_waiting")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: deque[Callable[[], None]] = deque()
        self._due = False
        self._until = 0.0

    def wait(self, reactor: Any, call: Callable[[], None]) -> None:
        """Have `call` done in a later turn of `reactor` (IReactorTime)."""
        self._waiting.append(call)
        self._see_to_it(reactor)

    def soon(self, reactor: Any, call: Callable[[], None]) -> None:
        """`call` now, or, once what was done so in this turn of `reactor` took its share, in a later one."""
        self._see_to_it(reactor)
        if self._waiting or self._clock() > self._until:
            self._waiting.append(call)
            self._see_to_it(reactor)
        else:
            call()

    def _see_to_it(self, reactor: Any) -> None:
        if not self._due:
            self._due = True
            self._until = self._clock() + SECONDS
            reactor.callLater(0, self._serve, reactor)

    def _serve(self, reactor: Any) -> None:
        """Do what was there when this turn began, as far as its share goes. A call that raises stops no other."""
        until = self._clock() + SECONDS
        self._due = False
        left = len(self._waiting)
        try:
            while left:
                left -= 1
                self._waiting.popleft()()
                if self._clock() >= until:
                    break
        finally:
            if self._waiting:
                self._see_to_it(reactor)
