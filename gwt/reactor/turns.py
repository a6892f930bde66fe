"""Turns: what thousands of streams want done at the same moment is done some at a time, so that others are served.

A closing costs some 25 µs, most of it the kernel's: for 10,000 clients that leave at once, a quarter of a second.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

#: Steps of one turn of the loop: a few milliseconds.
IN_A_TURN = 128


class Turns:
    """Runs steps at once, but no more than `most` in one turn of the loop: the others wait for later turns.

    Those that wait run in the order in which they came. A step must bear it if its time is over when it runs.
    """

    __slots__ = ("_left", "_loop", "_most", "_waiting")

    def __init__(self, loop: AbstractEventLoop, most: int = IN_A_TURN) -> None:
        self._loop = loop
        self._left = self._most = most
        self._waiting: deque[Callable[[], object]] = deque()

    def take(self, step: Callable[[], object]) -> None:
        """Run `step`, now or in a later turn."""
        left = self._left
        if left == self._most:
            self._loop.call_soon(self._next)
        if left:
            self._left = left - 1
            step()
        else:
            self._waiting.append(step)

    def _next(self) -> None:
        """The loop has been round."""
        waiting = self._waiting
        self._left = self._most
        if not waiting:
            return
        self._loop.call_soon(self._next)
        while waiting and self._left:
            self._left -= 1
            waiting.popleft()()
