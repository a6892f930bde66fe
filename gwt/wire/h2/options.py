"""SETTINGS (RFC 9113 6.5): what each side has told the other about itself."""

from __future__ import annotations

from dataclasses import dataclass

from gwt.wire.h2 import frames
from gwt.wire.h2.faults import Code, ConnectionFault

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_LIST = range(1, 7)
ENABLE_CONNECT = 8
#: What every connection begins with, and nobody can make smaller.
LEAST_CONNECTION_WINDOW = 65535


@dataclass(frozen=True, slots=True)
class Limits:
    """What this side takes, in bytes but for counts.

    `window` is that of a stream, `connection_window` that of all together (at least
    `LEAST_CONNECTION_WINDOW`): as much may lie here that nobody has taken.
    `header_bytes` are those of one message's fields, as lines; `header_fields` how many; `held_heads` bytes of the
    heads of all requests that are open. `queue` is from where on a stream's sender should wait.
    """

    max_streams: int = 1000
    window: int = 256 * 1024
    connection_window: int = 1024 * 1024
    header_bytes: int = 32 * 1024
    header_fields: int = 100
    held_heads: int = 1024 * 1024
    queue: int = 64 * 1024


class Peer:
    """What the other side takes. What it has not said has the RFC's default."""

    __slots__ = ("connect", "list_size", "max_frame", "max_streams", "table_size", "window")

    def __init__(self) -> None:
        self.table_size = 4096
        self.max_streams = frames.MOST_STREAM
        self.window = 65535
        self.max_frame = frames.LEAST_MAX_FRAME
        self.list_size: int | None = None
        self.connect = False

    def take(self, identifier: int, value: int, from_server: bool) -> None:
        """One setting. Raises ConnectionFault for a value that none may have; those unknown are ignored."""
        if identifier == HEADER_TABLE_SIZE:
            self.table_size = value
        elif identifier == ENABLE_PUSH:
            if value > 1 or (value and from_server):
                raise ConnectionFault(Code.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1, or a server's")
        elif identifier == MAX_STREAMS:
            self.max_streams = value
        elif identifier == INITIAL_WINDOW:
            if value > frames.MOST_WINDOW:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "an initial window that is too large")
            self.window = value
        elif identifier == MAX_FRAME:
            if not frames.LEAST_MAX_FRAME <= value <= frames.MOST_MAX_FRAME:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "a frame size that none may be")
            self.max_frame = value
        elif identifier == MAX_LIST:
            self.list_size = value
        elif identifier == ENABLE_CONNECT:
            self._connect(value)

    def _connect(self, value: int) -> None:
        """RFC 8441 3: 0 or 1, and never taken back."""
        if value > 1 or (self.connect and not value):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "ENABLE_CONNECT_PROTOCOL is neither 0 nor 1, or taken back")
        self.connect = bool(value)


def preamble(limits: Limits, client: bool, connect: bool) -> bytes:
    """What a side begins with: its settings, and the connection's window."""
    said = [(MAX_STREAMS, limits.max_streams)] if not client else [(ENABLE_PUSH, 0)]
    said += [(INITIAL_WINDOW, limits.window), (MAX_LIST, limits.header_bytes)]
    if connect:
        said.append((ENABLE_CONNECT, 1))
    start = (frames.PREFACE if client else b"") + frames.settings(said)
    wider = limits.connection_window - LEAST_CONNECTION_WINDOW
    return start + frames.window(0, wider) if wider > 0 else start
