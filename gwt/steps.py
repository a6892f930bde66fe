"""Steps: long work as a generator that yields wherever it may pause, so that a live event loop can slice it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

#: Work that may pause at each yield and returns a T. No stretch between two yields should last over a millisecond.
Steps = Generator[None, None, T]


def finish(steps: Steps[T]) -> T:
    """Run the work to its end at once: for tests, tools and whatever serves nobody yet."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
