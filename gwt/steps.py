"""Steps: long work as a generator that yields wherever it may pause, so that a live event loop can slice it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from heapq import merge
from typing import Any, TypeVar

T = TypeVar("T")

#: Items that `in_order` sorts, or puts in their places, between two yields.
RUN = 128

#: Work that may pause at each yield and returns a T. No stretch between two yields should last over a millisecond.
Steps = Generator[None, None, T]


def finish(steps: Steps[T]) -> T:
    """Run the work to its end at once: for tests, tools and whatever serves nobody yet."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def in_order(items: Sequence[T], key: Callable[[T], Any]) -> Steps[list[T]]:
    """`sorted(items, key=key)`: sorts short runs, then merges them."""
    if len(items) <= RUN:
        return sorted(items, key=key)
    runs = []
    for begin in range(0, len(items), RUN):
        numbered = enumerate(items[begin : begin + RUN], begin)
        runs.append(sorted((key(item), number) for number, item in numbered))
        yield
    ordered = []
    for _, number in merge(*runs):
        ordered.append(items[number])
        if len(ordered) % RUN == 0:
            yield
    return ordered
