"""An exchange over HTTP/1.1: how its answer is written, and its body read, on one channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.edge.refusal import status_line
from gwt.edge.served import Listened
from gwt.errors import GatewayError
from gwt.wire import chunked
from gwt.wire.request import RequestHead
from gwt.wire.response import ResponseHead

if TYPE_CHECKING:
    from gwt.edge.channel import Channel


class Request(Listened):
    """What one channel was asked, and how it is answered.

    `close`: no further request on this channel; `_coded`: the answer's body goes out in chunks.
    """

    __slots__ = ("_coded", "close")

    def __init__(self, channel: Channel, head: RequestHead) -> None:
        super().__init__(head)
        self.channel = channel
        self.close = self._coded = self._bodiless = False
        self.tunnelled = None

    # -- the request's body, from the channel

    def received(self, data: bytes) -> None:
        """More of the body. Once the answer is out nobody reads it."""
        self.bytes_in += len(data)
        if self.reader is not None:
            self.reader.body(data)

    def received_all(self, trailers: list[bytes]) -> None:
        """The body is complete."""
        self.body_done = True
        if self.reader is not None:
            self.reader.body_end(trailers)

    # -- the answer

    def interim(self, head: ResponseHead) -> None:
        if self.head.http11 and not self.answering:
            self.channel.transport.write(b"%b%b\r\n" % (status_line(head.status, head.reason), head.fields))

    def write_head(
        self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool
    ) -> None:
        head = self.head
        framing = b"\r\n"
        if head.method == b"HEAD" or status == 204 or status == 304:
            self._bodiless = True
            body = b""
        elif length is None:
            framing = self._frame()
        if self.close or not head.keep_alive or not (self.body_done or self.whole) or self.channel.factory.draining:
            self.close = True
            framing = b"Connection: close\r\n" + framing
        elif not head.http11:
            framing = b"Connection: keep-alive\r\n" + framing
        if body:
            self.bytes_out += len(body)
            if self._coded:
                body = chunked.encode(body)
        if done and self._coded:
            body += chunked.LAST
        self.channel.transport.write(b"".join((status_line(status, reason), fields, framing, body)))
        if done:
            self._complete()

    def _frame(self) -> bytes:
        """How a body of unknown length ends: in chunks, or for HTTP/1.0 with the connection."""
        if not self.head.http11:
            self.close = True
            return b"\r\n"
        self._coded = True
        return b"Transfer-Encoding: chunked\r\n\r\n"

    def write(self, data: bytes) -> None:
        self.bytes_out += len(data)
        self.channel.transport.write(chunked.encode(data) if self._coded else data)

    def write_end(self, trailers: list[bytes]) -> None:
        if self._coded:
            self.channel.transport.write(chunked.last(trailers))
        self._complete()

    def fail(self, error: GatewayError) -> None:
        if error.close:
            self.close = True
        super().fail(error)

    def write_upgrade(self, fields: bytes) -> None:
        self.status = 101
        self.close = True
        self.channel.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\n%bConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" % fields
        )
        self.channel.open_tunnel()

    def break_off(self) -> None:
        """See RFC 9112 8: no clean end is written."""
        self.reader = None
        self.channel.abort()

    def _complete(self) -> None:
        self.answered = True
        self.reader = None
        self.channel.answered(self)

    # -- back-pressure on the request's body

    def pause_body(self) -> None:
        self.channel.pause_reading()

    def resume_body(self) -> None:
        self.channel.resume_reading()
