"""Cork: what is written while something is being handled leaves once it is, in one piece for each connection.

One read may hold a dozen requests, and each of them is written to another connection than it came from.
"""

from __future__ import annotations

from typing import Protocol


class Corked(Protocol):
    """A connection that writes when it is told to."""

    def write_out(self) -> None:
        """Write what there is to be written."""


class Cork:
    """`depth` says how many things are being handled, one within the other."""

    __slots__ = ("_waiting", "depth")

    def __init__(self) -> None:
        self.depth = 0
        self._waiting: dict[Corked, None] = {}

    def flush(self, connection: Corked) -> None:
        """Have `connection` write: now, or at the end of what is being handled."""
        if self.depth:
            self._waiting[connection] = None
        else:
            connection.write_out()

    def leave(self) -> None:
        """What was begun by adding to `depth` is handled."""
        self.depth -= 1
        if not self.depth:
            waiting = self._waiting
            while waiting:
                connection, _ = waiting.popitem()
                connection.write_out()
