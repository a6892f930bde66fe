"""One stream: its state by the table of RFC 9113 5.1, its windows, and what waits to be sent on it."""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final


class State(IntEnum):
    """Where a stream stands. Idle and closed ones are not kept; pushed ones do not exist here."""

    OPEN = 0
    HALF_LOCAL = 1  # we have said all
    HALF_REMOTE = 2  # the peer has
    CLOSED = 3


OPEN, HALF_LOCAL, HALF_REMOTE, CLOSED = State  # a name of a module costs less than that of a member

#: Bytes: a smaller window is as good as none. Who grants it has what is sent dribble, or wait.
LITTLE: Final = 1024

#: What becomes of a state when the peer, or we, end the message.
PEER_ENDS = {OPEN: HALF_REMOTE, HALF_LOCAL: CLOSED}
WE_END = {OPEN: HALF_LOCAL, HALF_REMOTE: CLOSED}


class Stream:
    """`window` is how much may be sent; `room` how much the peer may send; `sent` what was.

    `lying` is what of that has come and was not taken yet, `owed` what was taken and is still to be granted anew.
    `queue` holds what waits for the window (None: nothing ever did), `waiting` its bytes; `trailers` (a field block,
    b"" for none) follows it, None while the end is not known. `left` is what Content-Length leaves to come (None: not
    said). `begun`: the head of the peer's message has come (of an answer: the final one). `head` is what the head of
    the request counts.
    """

    __slots__ = (
        "begun", "bodiless", "full", "head", "left", "lying", "number", "owed", "queue", "queued", "room",
        "sent", "state", "trailers", "waiting", "window",
    )  # fmt: skip

    def __init__(self, number: int, window: int, room: int) -> None:
        self.number, self.window, self.room = number, window, room
        self.state = OPEN
        self.queue: deque[bytes] | None = None
        self.waiting = self.sent = self.owed = self.lying = self.head = 0
        self.trailers: bytes | None = None
        self.left: int | None = None
        self.queued = self.full = self.begun = self.bodiless = False

    def put(self, data: bytes) -> None:
        """Have `data` wait."""
        if self.queue is None:
            self.queue = deque()
        self.queue.append(data)
        self.waiting += len(data)

    def take(self, most: int) -> bytes:
        """The next of what waits (there is something), at most so many bytes."""
        assert self.queue is not None
        data = self.queue.popleft()
        if len(data) > most:
            self.queue.appendleft(data[most:])
            data = data[:most]
        self.waiting -= len(data)
        return data
