"""The chunked coding (RFC 9112 7.1): a strict decoder, and what a sender writes.

Extensions are checked and dropped, line ends are CRLF, sizes are plain hex digits: what is
let through here is encoded anew, so that no server behind can read it otherwise.
"""

from __future__ import annotations

import re

from gwt.wire.names import TEXT, trailer_lines

_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})"
    rb"(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    rb"(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|\"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*\"))?)*"
).fullmatch

LAST = b"0\r\n\r\n"
_MAX_SIZE_LINE = 1024


class BadChunk(ValueError):
    """The coding is broken; the message is for people."""


def encode(data: bytes) -> bytes:
    """One chunk. `data` must not be empty: that would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last(trailers: list[bytes]) -> bytes:
    """The last chunk with its trailer section."""
    if not trailers:
        return LAST
    return b"0\r\n" + b"\r\n".join(trailers) + b"\r\n\r\n"


class Decoder:
    """Bytes in, body bytes out.

    `feed` returns the body bytes that are complete; once `done`, `trailers` holds the lines that
    may be forwarded and `rest` what follows the message. Errors: BadChunk.
    With `at_once`, no more chunks than that are read in one call: `behind` says that others wait for the next.
    """

    __slots__ = ("_at_once", "_buffer", "_left", "_max_trailers", "_state", "behind", "done", "rest", "trailers")

    _SIZE, _DATA, _END, _TRAILERS = range(4)

    def __init__(self, max_trailers: int = 16384, at_once: int | None = None) -> None:
        self._at_once = at_once
        self.behind = False
        self._buffer = b""
        self._left = 0
        self._state = self._SIZE
        self._max_trailers = max_trailers
        self.done = False
        self.rest = b""
        self.trailers: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """The body bytes in `data` and what was held before."""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        out: list[bytes] = []
        at, size = 0, len(data)
        most, self.behind = self._at_once, False
        while at < size:
            if self._state == self._DATA:
                piece = data[at : at + self._left]
                out.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = self._END
            elif self._state == self._END:
                if data[at : at + 2] == b"\r\n":
                    at += 2
                    self._state = self._SIZE
                elif data[at:] == b"\r":
                    break
                else:
                    raise BadChunk("a chunk is not followed by CRLF")
            elif self._state == self._SIZE:
                if len(out) == most:
                    self.behind = True
                    break
                end = self._size_line(data, at)
                if end < 0:
                    break
                at = end
            else:
                self._trailer_section(data[at:])
                return b"".join(out)
        self._buffer = data[at:]
        return out[0] if len(out) == 1 else b"".join(out)

    def _size_line(self, data: bytes, at: int) -> int:
        """Read the size line that starts at `at`; returns where the next thing starts, -1 if it is not complete."""
        end = data.find(b"\r\n", at, at + _MAX_SIZE_LINE)
        if end < 0:
            if len(data) - at >= _MAX_SIZE_LINE:
                raise BadChunk("the chunk size line is too long")
            held = data[at:]
            if held[:-1].translate(None, TEXT) or held[-1:].translate(None, TEXT) not in (b"", b"\r"):
                raise BadChunk("a control character in the chunk size line")
            return -1
        match = _SIZE_LINE(data, at, end)
        if match is None:
            raise BadChunk("malformed chunk size line")
        self._left = int(match.group(1), 16)
        self._state = self._DATA if self._left else self._TRAILERS
        return end + 2

    def _trailer_section(self, data: bytes) -> None:
        if data[:2] == b"\r\n":
            self._finish([], data[2:])
            return
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > self._max_trailers:
                raise BadChunk("the trailer section is too long")
            if data.removesuffix(b"\r").replace(b"\r\n", b"").translate(None, TEXT):
                raise BadChunk("a control character in the trailer section")
            self._buffer = data
            return
        if end > self._max_trailers:
            raise BadChunk("the trailer section is too long")
        lines = data[:end].split(b"\r\n")
        if data[:end].translate(None, TEXT) != b"\r\n" * (len(lines) - 1):
            raise BadChunk("a control character in the trailer section")
        kept = trailer_lines(lines)
        if kept is None:
            raise BadChunk("a trailer line that is not NAME: VALUE")
        self._finish(kept, data[end + 4 :])

    def _finish(self, trailers: list[bytes], rest: bytes) -> None:
        self.trailers, self.rest, self.done = trailers, rest, True
