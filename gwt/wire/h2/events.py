"""What a connection tells whoever uses it. `stream` is always the stream's number."""

from __future__ import annotations

from dataclasses import dataclass

from gwt.wire.h2.faults import Code
from gwt.wire.h2.hpack import Field
from gwt.wire.h2.message import Answered, Asked


@dataclass(slots=True)
class Headers:
    """A message begins: a request (Asked), or an answer, perhaps an interim one (Answered).

    `too_large`: the head is more than this side takes.
    """

    stream: int
    message: Asked | Answered
    ended: bool
    too_large: bool = False


@dataclass(slots=True)
class Data:
    """More of a body, not empty unless `ended`. `cost` are the bytes of window to give back (`Connection.taken`)."""

    stream: int
    data: bytes
    cost: int
    ended: bool


@dataclass(slots=True)
class Trailers:
    """The end of a message, with its trailer section; `lines` are those of HTTP/1.1 that may be passed on."""

    stream: int
    fields: tuple[Field, ...]
    lines: tuple[bytes, ...]


@dataclass(slots=True)
class Reset:
    """A stream is over before its time: the peer said so, or (`ours`) it broke a rule, which `message` tells.

    A request that is malformed, or too many, is told by this alone: there was no `Headers`.
    """

    stream: int
    code: int
    ours: bool = False
    message: str = ""


@dataclass(slots=True)
class Drained:
    """The sender of a stream may go on."""

    stream: int


@dataclass(slots=True)
class Opened:
    """A stream of a client that had as good as no window, on which nothing waits, has one."""

    stream: int


@dataclass(slots=True)
class GoingAway:
    """The peer takes no streams of ours above `last`: those that it has not handled may be tried elsewhere."""

    last: int
    code: int


@dataclass(slots=True)
class Ended:
    """The connection is over: GOAWAY with `code` stands in what is to be sent, then it is to be closed."""

    code: Code
    message: str


Event = Headers | Data | Trailers | Reset | Drained | Opened | GoingAway | Ended
