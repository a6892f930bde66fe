"""What a gateway reads of gRPC: deadlines, and how large messages are. Bytes in, numbers out."""

from __future__ import annotations

import re
from functools import lru_cache

from gwt.wire.names import field

#: The type of a call's messages, `application/grpc` or `+proto` and the like, in any case.
is_grpc = re.compile(rb"(?i:application/grpc)(?![^+; \t])").match
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])").fullmatch
_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
#: A flag (compressed or not) and four bytes of length stand before each message.
_PREFIX = 5


def timeout_seconds(value: bytes) -> float | None:
    """What `grpc-timeout` says, in seconds; None where it says nothing that can be understood."""
    found = _TIMEOUT(value)
    return None if found is None else int(found.group(1)) * _SECONDS[found.group(2)]


def called(fields: bytes) -> tuple[bool, float | None]:
    """Whether a request with these field lines is a call of gRPC, and its deadline in seconds (None: no)."""
    return _called_remembered(fields) if len(fields) <= _REMEMBERED else _called(fields)


def _called(fields: bytes) -> tuple[bool, float | None]:
    kind = field(fields, b"content-type")
    if kind is None or is_grpc(kind) is None:
        return False, None
    said = field(fields, b"grpc-timeout")
    return True, None if said is None else timeout_seconds(said)


#: Field lines of at most this many bytes are remembered.
_REMEMBERED = 1024
_called_remembered = lru_cache(maxsize=512)(_called)


class Messages:
    """The messages of a stream, measured as they pass, in whatever pieces they come."""

    __slots__ = ("_begun", "_left")

    def __init__(self) -> None:
        self._begun = b""
        self._left = 0

    def largest(self, data: bytes) -> int:
        """The bytes of the largest message that begins in `data`; 0 where none does."""
        at, size, largest = 0, len(data), 0
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            head = self._begun + data[at : at + _PREFIX - len(self._begun)]
            at += len(head) - len(self._begun)
            if len(head) < _PREFIX:
                self._begun = head
                break
            self._begun = b""
            self._left = int.from_bytes(head[1:])
            largest = max(largest, self._left)
        return largest
