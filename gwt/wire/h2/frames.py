"""Frames (RFC 9113 4, 6): their types and flags, and how they are written. How they are read: `connection`."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

#: Bytes of a frame's head; the largest payload that everybody takes, and the one that may be agreed on.
HEAD_SIZE, LEAST_MAX_FRAME, MOST_MAX_FRAME = 9, 1 << 14, (1 << 24) - 1
#: What a window and a stream id can be at most.
MOST_WINDOW = MOST_STREAM = (1 << 31) - 1

#: Length in two parts, type, flags, stream id with its reserved bit.
HEAD = Struct(">HBBBL")
_LONG, _LONGS, _SETTING = Struct(">L"), Struct(">LL"), Struct(">HL")
long_at = _LONG.unpack_from
setting_at = _SETTING.unpack_from


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame. `payload` must fit the peer's limit."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def block_head(size: int, ended: bool, stream: int) -> bytes:
    """What stands before a field block that is a single frame."""
    return HEAD.pack(size >> 8, size & 0xFF, HEADERS, END_HEADERS | END_STREAM if ended else END_HEADERS, stream)


def data_head(size: int, ended: bool, stream: int) -> bytes:
    """What stands before the payload of a DATA frame."""
    return HEAD.pack(size >> 8, size & 0xFF, DATA, END_STREAM if ended else 0, stream)


def headers(stream: int, block: bytes, ended: bool, most: int) -> bytes:
    """A field block: HEADERS, and CONTINUATION for what exceeds `most` bytes."""
    if len(block) <= most:
        return block_head(len(block), ended, stream) + block
    parts = [frame(HEADERS, END_STREAM if ended else 0, stream, block[:most])]
    for at in range(most, len(block), most):
        last = END_HEADERS if at + most >= len(block) else 0
        parts.append(frame(CONTINUATION, last, stream, block[at : at + most]))
    return b"".join(parts)


def settings(pairs: Iterable[tuple[int, int]]) -> bytes:
    """SETTINGS with these identifiers and values."""
    return frame(SETTINGS, 0, 0, b"".join([_SETTING.pack(*pair) for pair in pairs]))


def reset(stream: int, code: int) -> bytes:
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream, _LONG.pack(code))


def window(stream: int, more: int) -> bytes:
    """WINDOW_UPDATE: `more` bytes may be sent on `stream`, or on the whole connection (0)."""
    return frame(WINDOW_UPDATE, 0, stream, _LONG.pack(more))


def ping(payload: bytes, ack: bool = False) -> bytes:
    """PING with its 8 bytes, or the answer to one."""
    return frame(PING, ACK if ack else 0, 0, payload)


def goaway(last: int, code: int, said: bytes = b"") -> bytes:
    """GOAWAY: streams above `last` were not and will not be handled; `said` is for people."""
    return frame(GOAWAY, 0, 0, _LONGS.pack(last, code) + said)


SETTINGS_ACK = frame(SETTINGS, ACK, 0)
