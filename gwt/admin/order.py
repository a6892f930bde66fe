"""Long things in order, without sorting them in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any

from gwt.admin.answers import PAUSE

#: Keys sorted between two pauses, some milliseconds' half.
CHUNK = 1000


def ascending(keys: Iterable[str], after: str | None = None) -> Iterator[Any]:
    """`keys` in ascending order, those that come after `after` only; PAUSE in between."""
    rest, chunks = iter(keys), []
    while chunk := list(islice(rest, CHUNK)):
        chunks.append(sorted(chunk if after is None else [key for key in chunk if key > after]))
        yield PAUSE
    yield from merge(*chunks)


class Page:
    """The first `limit` of some items (None: all). `next` is the key of the last one if others follow, else None."""

    def __init__(self, items: Iterable[Any], limit: int | None) -> None:
        self._items, self._limit = items, limit
        self.next: str | None = None

    def rows(self, row: Callable[[Any], tuple[str, Any]]) -> Iterator[Any]:
        """What `row` makes of each item: (its key, what is shown)."""
        count, last = 0, None
        for item in self._items:
            if item is PAUSE:
                yield PAUSE
                continue
            if count == self._limit:
                self.next = last
                return
            last, shown = row(item)
            count += 1
            yield shown
