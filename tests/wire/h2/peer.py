"""A peer that says what it likes: frames by hand to a `Connection`, and what came of it, as frames and events."""

from __future__ import annotations

from typing import Any

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.connection import Connection
from gwt.wire.h2.events import Ended, Event, Reset
from gwt.wire.h2.frames import frame
from gwt.wire.h2.options import Limits

Frame = tuple[int, int, int, bytes]

GET = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a.example"))
POST = ((b":method", b"POST"), *GET[1:])


def headers(number: int, fields: Any = GET, ended: bool = True, flags: int = 0) -> bytes:
    """A whole HEADERS frame; `flags` are added."""
    kinds = (frames.END_STREAM if ended else 0) | frames.END_HEADERS | flags
    return frame(frames.HEADERS, kinds, number, hpack.encode(fields))


def data(number: int, body: bytes = b"", ended: bool = False, flags: int = 0) -> bytes:
    """A DATA frame."""
    return frame(frames.DATA, (frames.END_STREAM if ended else 0) | flags, number, body)


def read(raw: bytes) -> list[Frame]:
    """Frames of bytes; AssertionError where they do not end with one."""
    found = []
    while raw:
        high, low, kind, flags, number = frames.HEAD.unpack_from(raw)
        end = 9 + (high << 8 | low)
        assert len(raw) >= end
        found.append((kind, flags, number, raw[9:end]))
        raw = raw[end:]
    return found


class Talk:
    """A server's connection that has had its client's preface and settings; `client`: a client's, with a server's."""

    def __init__(self, client: bool = False, started: bool = True, connect: bool = False, **limits: int) -> None:
        self.connection = Connection(Limits(**limits), client, connect)
        self.preamble = self.connection.take_out()
        self.now = 100.0
        self.events: list[Event] = []
        self.frames: list[Frame] = []
        if started:
            self.say(b"" if client else frames.PREFACE, frames.settings([]))
            self.frames.clear()

    def say(self, *pieces: bytes) -> list[Event]:
        """The peer sends; the events of it."""
        events: list[Event] = []
        for piece in pieces:
            events += self.connection.receive(piece, self.now)
            while self.connection.behind:
                events += self.connection.receive(b"", self.now)
        self.events += events
        self.written()
        return events

    def written(self) -> list[Frame]:
        """The frames that were written since this was last asked; all are in `frames`."""
        new = read(self.connection.take_out())
        self.frames += new
        return new

    def answer(self, number: int, body: bytes = b"ok") -> None:
        """A whole answer with 200."""
        self.connection.send_headers(number, hpack.encode([(b":status", b"200")]), not body)
        if body:
            self.connection.send_data(number, body, True)
        self.written()

    @property
    def ended(self) -> int | None:
        """The code that the connection ended with; None: it goes on."""
        codes = [event.code for event in self.events if isinstance(event, Ended)]
        assert len(codes) < 2
        return codes[0] if codes else None

    @property
    def resets(self) -> list[tuple[int, int]]:
        """Streams that this side has reset, with their codes."""
        return [
            (number, int.from_bytes(payload)) for kind, _, number, payload in self.frames if kind == frames.RST_STREAM
        ]

    def told(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def broken(self) -> list[int]:
        """Streams that the peer has broken."""
        return [event.stream for event in self.told(Reset) if event.ours]
