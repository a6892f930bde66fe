"""An exchange over HTTP/1.1: how its answer is written, and its body read, on one channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.edge.refusal import refusal, status_line
from gwt.errors import GatewayError
from gwt.phase.exchange import Exchange
from gwt.shortcut import shortcut
from gwt.wire import chunked
from gwt.wire.request import RequestHead
from gwt.wire.response import ResponseHead

if TYPE_CHECKING:
    from gwt.edge.channel import Channel


class Request(Exchange):
    """What one channel was asked, and how it is answered.

    `close`: no further request on this channel; `_coded`: the answer's body goes out in chunks.
    """

    __slots__ = ("_bodiless", "_coded", "channel", "close")

    def __init__(self, channel: Channel, head: RequestHead) -> None:
        super().__init__(head)
        self.channel = channel
        self.close = self._coded = self._bodiless = False

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

    @property
    def server_addr(self) -> str:
        return getattr(self.channel.transport.getHost(), "host", None) or ""

    # -- the answer

    def interim(self, head: ResponseHead) -> None:
        if self.head.http11 and not self.answering:
            self.channel.transport.write(b"%b%b\r\n" % (status_line(head.status, head.reason), head.fields))

    @shortcut("respond")
    def respond(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool) -> None:
        if self.phases is not None and not self.phases.passing:
            self.phases.respond(status, reason, fields, length, body, done)
            return
        self.status = status
        self.answering = True
        if self.gone:
            return
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

    def send(self, data: bytes) -> None:
        if self.gone or self._bodiless:
            return
        if self.phases is not None and not self.phases.passing:
            self.phases.send(data)
            return
        self.bytes_out += len(data)
        self.channel.transport.write(chunked.encode(data) if self._coded else data)

    def finish(self, trailers: list[bytes]) -> None:
        if self.gone:
            return
        if self.phases is not None and not self.phases.passing:
            self.phases.finish(trailers)
            return
        if self._coded:
            self.channel.transport.write(chunked.last(trailers))
        self._complete()

    def fail(self, error: GatewayError) -> None:
        if self.code is None:
            self.code = error.code
        if self.gone or self.answered:
            return
        if self.answering:
            self._break_off()
            return
        if error.close:
            self.close = True
        status, fields, body = refusal(error, self.request_id, self.wants_grpc)
        self.reader = None
        self.respond(status, b"", fields, len(body), body, True)

    def tunnel(self, fields: bytes) -> None:
        if self.phases is not None:
            self.phases.passing = True  # what passes in a tunnel is no answer
        self.status = 101
        self.answering = True
        self.close = True
        self.channel.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\n%bConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" % fields
        )
        self.channel.open_tunnel()

    def _break_off(self) -> None:
        """The answer can't be completed: the client must see that (RFC 9112 8), so no clean end is written."""
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
