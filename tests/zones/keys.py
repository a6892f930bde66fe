"""Which keys stay in a table: those of one set drive each other out, and which these are is Python's seed's choice."""

from __future__ import annotations

from collections.abc import Iterable

from gwt.zones.table import WAYS


def newest(keys: Iterable[bytes], sets: int) -> set[bytes]:
    """What is kept of `keys` in this order of use: the last of each set."""
    by_set: dict[int, list[bytes]] = {}
    for key in keys:
        by_set.setdefault((hash(key) or 1) % sets, []).append(key)
    return {key for row in by_set.values() for key in row[-WAYS:]}
