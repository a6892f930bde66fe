"""Lines: what a watch sends, cut into lines, with a cap on what one may hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Bytes of one line: a hundred times the largest EndpointSlice.
LONGEST: Final = 4 * 1024 * 1024


class TooLong(Exception):
    """A line is longer than the cap."""


class Lines:
    """Bytes in, lines out."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` completes, empty ones left out. Raises TooLong."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            if self._pieces:
                line = b"".join((*self._pieces, line))
                self._pieces, self._size = [], 0
            if len(line) > self._longest:
                raise TooLong(f"a line of more than {self._longest >> 20} MiB")
            if line.strip():
                yield line
        if rest:
            self._pieces.append(rest)
            self._size += len(rest)
            if self._size > self._longest:
                raise TooLong(f"a line of more than {self._longest >> 20} MiB")
