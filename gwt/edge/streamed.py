"""An exchange over HTTP/2: how its answer is written, and its body read, on one stream of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.edge.served import Listened
from gwt.errors import GatewayError
from gwt.wire.h2.faults import Code
from gwt.wire.h2.message import answer_block, trailer_block
from gwt.wire.names import without
from gwt.wire.request import RequestHead
from gwt.wire.response import ResponseHead

if TYPE_CHECKING:
    from gwt.edge.channel import Channel
    from gwt.edge.multiplex import Multiplex

PROTOCOL = "HTTP/2.0"
#: Of an upstream's 101: the answer to a key that the client has not sent.
_OF_HTTP11 = (b"sec-websocket-accept",)


class Streamed(Listened):
    """What stream `number` of a channel was asked, and how it is answered.

    `begun`: the resource tree has it; what came of the body before waits in `early`. `owed` is what was received while
    nobody takes it (`stopped`). A body is paid for until `since` with the bytes up to `paid`.
    """

    __slots__ = (
        "begun", "early", "multiplex", "number", "owed", "paid", "since", "stopped", "trailers",
    )  # fmt: skip

    def __init__(self, multiplex: Multiplex, channel: Channel, number: int, head: RequestHead) -> None:
        super().__init__(head)
        self.multiplex, self.channel, self.number = multiplex, channel, number
        self.protocol = PROTOCOL
        self.client, self.forwarded_lines = channel.client, channel.forwarded_lines
        self.begun = self.stopped = self._bodiless = False
        self.tunnelled = None
        self.early: list[bytes] = []
        self.trailers: list[bytes] | None = None
        self.owed = self.paid = 0
        self.since = 0.0

    # -- the request's body, from the stream

    def received(self, data: bytes, cost: int) -> None:
        """More of the body: `cost` is what it takes of the windows."""
        self.bytes_in += len(data)
        if not self.begun:
            self.early.append(data)
        elif self.tunnelled is not None:
            self.tunnelled.sent(data)
        elif data and self.reader is not None:
            self.reader.body(data)
        if self.stopped or not self.begun:
            self.owed += cost
        else:
            self.multiplex.wire.taken(self.number, cost)

    def received_all(self, trailers: tuple[bytes, ...] = ()) -> None:
        """The body is complete, with these trailers."""
        lines = list(trailers)
        if not self.begun:
            self.whole, self.trailers = True, lines
            return
        self.body_done = True
        if self.reader is not None:
            self.reader.body_end(lines)

    def catch_up(self) -> None:
        """The request was handed on: what has come of its body follows; of a tunnel, once it stands."""
        if self.head.upgrade is not None and self.tunnelled is None:
            return
        self.begun = True
        early, self.early = self.early, []
        for data in early:
            if self.tunnelled is not None:
                self.tunnelled.sent(data)
            elif data and self.reader is not None:
                self.reader.body(data)
        if not self.stopped:
            self.resume_body()
        if self.trailers is not None and not self.answered:
            self.body_done = True
            if self.reader is not None:
                self.reader.body_end(self.trailers)

    # -- the answer

    def interim(self, head: ResponseHead) -> None:
        if not self.answering and not self.gone:
            self.multiplex.wire.send_headers(self.number, answer_block(head.status, head.fields))
            self.multiplex.flush()

    def write_head(
        self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool
    ) -> None:
        if self.head.upgrade is not None and status < 300:
            self._no_tunnel()
            return
        if self.head.method == b"HEAD" or status == 204 or status == 304:
            self._bodiless = True
            body = b""
        self.multiplex.wire.send_headers(self.number, answer_block(status, fields), done and not body)
        if body:
            self._put(body, done)
        if done:
            self._complete()
        self.multiplex.flush()

    def write_upgrade(self, fields: bytes) -> None:
        self.status = 200
        self.multiplex.wire.send_headers(self.number, answer_block(200, without(fields, _OF_HTTP11)))
        self.catch_up()
        self.multiplex.flush()

    def write(self, data: bytes) -> None:
        self._put(data, False)
        self.multiplex.flush()

    def _put(self, data: bytes, done: bool) -> None:
        self.bytes_out += len(data)
        self.multiplex.put(self, data, done)

    def _no_tunnel(self) -> None:
        """An answer without a tunnel that the client would take for one (RFC 8441 5)."""
        self.head.upgrade, self.answering = None, False
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.client_gone()
        self.fail(GatewayError("bad_answer", "what answers here speaks no WebSocket"))

    def write_end(self, trailers: list[bytes]) -> None:
        self.multiplex.wire.send_end(self.number, trailer_block(trailers))
        self._complete()
        self.multiplex.flush()

    def break_off(self) -> None:
        self.multiplex.wire.reset(self.number, Code.INTERNAL_ERROR)
        self.multiplex.gone(self)
        self.multiplex.flush()

    def _complete(self) -> None:
        self.answered = True
        self.reader = None
        self.multiplex.answered(self)

    # -- back-pressure on the request's body

    def pause_body(self) -> None:
        self.stopped = True

    def resume_body(self) -> None:
        self.stopped = False
        owed, self.owed = self.owed, 0
        if owed:
            self.multiplex.wire.taken(self.number, owed)
            self.multiplex.flush()
