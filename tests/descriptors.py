"""What this process has open, by kind: other tests' threads and the collector open and close others meanwhile."""

from __future__ import annotations

import os
from contextlib import suppress


def opened(kind: str) -> set[tuple[str, str]]:
    """The descriptors of whatever has `kind` in its name, each with that name."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of this listing, or one that another thread has closed
            place = os.readlink(f"/proc/self/fd/{number}")
            if kind in place:
                found.add((number, place))
    return found
