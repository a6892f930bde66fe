"""Doubt: what a store no longer holds and has not said so is not believed for a while. Pure: times are passed in.

A store that was emptied, replaced, or restored from an old copy looks like one in which much was deleted. Deletions
that are revisions of their own are believed at once, also by a gateway that has missed the messages of them.
"""

from __future__ import annotations

from collections.abc import Collection

from gwt.store.base import StoreError
from gwt.store.follow import shrinks


class Doubt:
    """Of the store called `name`; `hold` is for how many seconds a part is doubted, and may be set at any time."""

    def __init__(self, name: str, hold: float) -> None:
        self._name, self.hold = name, hold
        self._since: dict[str, float] = {}

    @property
    def parts(self) -> set[str]:
        """Those that are held back."""
        return set(self._since)

    def believed(self, part: str) -> None:
        """What was read of `part` is put in force."""
        self._since.pop(part, None)

    def of(self, part: str, before: Collection[str], after: Collection[str], now: float) -> StoreError | None:
        """Why what was read of `part` is held back, where no revision says that these names of entries are gone."""
        if not (shrinks(before, after) or (before and not after)):
            return None
        left = self._since.setdefault(part, now) + self.hold - now
        if left <= 0.0:
            return None
        return StoreError(
            f"{self._name} has shrunk from {len(before)} to {len(after)} {part} at once: that is held back for"
            f" {left:.0f} s more, unless it comes back"
        )
