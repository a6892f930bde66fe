"""Fuse: decides from a plugin's failures when to leave it alone for a while. Pure: time in, decisions out."""

from __future__ import annotations

#: Failures in a row, without one success between them, and seconds of rest after them.
LIMIT = 5
REST = 5.0


class Fuse:
    """`failed` and `succeeded` tell what happened; `blown` until the rest is over and one more try may be made.

    One failure of that try blows it again; one success, and all is forgotten.
    """

    __slots__ = ("_failures", "_until")

    def __init__(self) -> None:
        self._failures = 0
        self._until: float | None = None

    def failed(self, now: float) -> bool:
        """One more failure; True where that blows the fuse."""
        self._failures += 1
        if self._failures < LIMIT:
            return False
        self._until = now + REST
        return True

    def succeeded(self) -> None:
        """It works (again)."""
        self._failures, self._until = 0, None

    @property
    def blown(self) -> bool:
        """Whether the plugin is left alone."""
        return self._until is not None

    def rested(self, now: float) -> bool:
        """Whether the rest is over; from then on one try is made."""
        if self._until is None or now < self._until:
            return False
        self._until = None
        self._failures = LIMIT - 1
        return True
