"""One client connection: bytes in, requests out, one at a time and answered in order.

The channel frames: it finds heads, counts or decodes bodies, and holds what a client sends ahead.
What is asked goes to the factory's resource tree; pace and deadlines are those of `gwt.edge.side`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.edge.multiplex import Multiplex
from gwt.edge.request import Request
from gwt.edge.side import BEHIND, CODED, COUNTED, DEAD, FRAMED, HELD, LINGER, READY, TUNNEL, WAIT, ClientSide
from gwt.edge.tunnel import Tunnel
from gwt.errors import GatewayError
from gwt.phase.phases import Phases
from gwt.shortcut import shortcut
from gwt.wire.chunked import BadChunk, Decoder
from gwt.wire.h2.faults import Code
from gwt.wire.h2.frames import PREFACE
from gwt.wire.request import RequestHead, bad, parse_request, plausible
from gwt.wire.scan import head_end

_log = Logger()

#: Bytes that a client may send ahead of its answer before the channel stops reading.
_AHEAD = 64 * 1024
_EMPTY_LINES = 4
_P = ord("P")
#: Requests of one client that are answered in a row, without an upstream, before others have their turn.
_IN_A_ROW = 32
#: Seconds for which they are answered in a row.
_TURN = 0.001
#: `since` of a channel that has had no request.
_NEVER = -1.0
#: Chunks of one body that are decoded before others have their turn.
_CHUNKS_IN_A_ROW = 256


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class Channel(ClientSide):
    """The server side of one connection: HTTP/1.1, or HTTP/2 where it begins so (`multiplex`)."""

    __slots__ = ()

    native_data_received = True
    _decoder: Decoder

    # -- IProtocol

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        now = self.factory.clock()
        self.since, self.due = _NEVER, now + self.factory.limits.idle_timeout
        self._slot = self.factory.slow.join(self)
        self.factory.opened(self)
        if self.tls is not None and self.tls.protocol == "h2" and self.state == READY:
            self._speak_framed()

    def connectionMade(self) -> None:
        """`makeConnection` does it all."""

    @shortcut("receive")
    def dataReceived(self, data: bytes) -> None:
        try:
            state = self.state
            if state == READY:
                self._buffer = self._buffer + data if self._buffer else data
                self._pumping = True  # an error leaves it so: the connection is then over
                more = self._next()
                self._pumping = False
                if more and self._buffer and self.state == READY:
                    self._pump()
            elif state == COUNTED:
                self._body_counted(data)
            elif state == CODED:
                self._body_coded(data)
            elif state == WAIT or state == HELD:
                self._ahead(data)
            elif state == TUNNEL:
                self._tunnelled(data)
            elif state == FRAMED:
                self.multiplex.received(data)  # type: ignore[union-attr]
            elif state == LINGER:
                self._ignored(data)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """A request could not be read, or not be handled."""
        if isinstance(error, BadChunk):
            error = bad(str(error))
        elif not isinstance(error, GatewayError):
            _log.failure("a request could not be handled", Failure(error))
            error = GatewayError("internal", "the gateway failed to handle the request", close=True)
        self.refuse(error)

    def connectionLost(self, reason: Failure) -> None:
        slot, self._slot = self._slot, None
        if slot is None:
            return
        self.state = DEAD
        slot.pop(self, None)
        self.factory.fast.discard(self)
        request, self.request = self.request, None
        if request is not None:
            self._client_gone(request)
        multiplex, self.multiplex = self.multiplex, None
        if multiplex is not None:
            multiplex.lost()
        self._buffer = b""
        self.factory.closed(self)

    def readConnectionLost(self) -> None:
        """The client has ended its side. It may still read (RFC 9112 9.6), or be gone: only writing tells."""
        state, request = self.state, self.request
        if state in (COUNTED, CODED):
            self._ended_at = self.factory.clock()
            self.refuse(bad("the request's body ended too early"))
        elif state == WAIT or state == HELD:
            self._ended_at = self.factory.clock()
            if request is not None and request.answering:
                self._ended_out = request, request.bytes_out
            self.factory.fast.add(self)
        elif state == TUNNEL:
            self._ended_at = self.factory.clock()
            request.received_all([])  # type: ignore[union-attr]
        elif state == FRAMED:
            self.multiplex.lost()  # type: ignore[union-attr]
            self._close()  # who takes nothing back grants no windows: HTTP/2 has no half of a connection
        else:
            self._close()

    def writeConnectionLost(self) -> None:
        """Our half-close has been carried out."""

    # -- IPushProducer: the client does not take what we write, or does again

    def pauseProducing(self) -> None:
        self._stalled_at, self._taken = self.factory.clock(), None
        if self.request is not None:
            if self.request.reader is not None:
                self.request.reader.pause_answer()
        elif self.state == FRAMED:
            self.multiplex.hold()  # type: ignore[union-attr]
        elif self.state == READY:
            self.state = HELD

    def resumeProducing(self) -> None:
        self._stalled_at = None
        if self.state == HELD:
            self._go_on()
        elif self.state == FRAMED:
            self.multiplex.release()  # type: ignore[union-attr]
        elif self.request is not None and self.request.reader is not None:
            self.request.reader.resume_answer()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost follows."""

    # -- heads

    def _pump(self) -> None:
        """Take requests from the buffer for as long as each is answered at once."""
        self._pumping = True
        left, until = _IN_A_ROW, self.factory.clock() + _TURN
        while self._buffer and self.state == READY and self._next():
            left -= 1
            if self.state == READY and (left <= 0 or self.factory.clock() > until):
                self._let_others()
        self._pumping = False

    def _let_others(self) -> None:
        """Go on with what is in the buffer in a later turn of the reactor, where there is one."""
        reactor = getattr(self.transport, "reactor", None)
        if reactor is not None:
            self.state = HELD
            self.factory.share.wait(reactor, self._go_on)

    def _go_on(self) -> None:
        """The turn has come again."""
        if self.state == HELD and self._stalled_at is None:
            self.state = READY
            self._read_on()
            if self._buffer and not self._pumping:
                self.dataReceived(b"")

    def _read_on(self) -> None:
        """Read from the client again, unless it has sent enough ahead."""
        if self._stopped and len(self._buffer) <= _AHEAD:
            self.resume_reading()

    def _next(self) -> bool:
        """Begin the next request; False if its head is not complete."""
        data = self._buffer
        start = 0
        if data[0] == 13:
            start = self._past_empty_lines(data)
        elif data[0] == _P and self.since == _NEVER and self._begins_framed(data):
            return False
        limits = self.factory.limits
        end = head_end(data, start, start + limits.max_header_bytes + 4)
        if end < 0:
            self._partial(data, start)
            return False
        self._buffer = b""
        head = parse_request(data[start:end], limits.max_headers)
        self._begin(head, data[end + 4 :])
        return True

    def _begins_framed(self, data: bytes) -> bool:
        """Whether a connection begins, or may begin, with HTTP/2's preface, by prior knowledge as by ALPN."""
        if not data.startswith(PREFACE[: len(data)]):
            return False
        if len(data) < len(PREFACE):
            self._partial(data, 0)
            return True
        self._buffer = b""
        self.resume_reading()
        multiplex = self._speak_framed()
        multiplex.received(data)
        if self.state == FRAMED and self.factory.draining:
            multiplex.drain()
        return True

    def _speak_framed(self) -> Multiplex:
        self.state = FRAMED
        self.multiplex = Multiplex(self)
        return self.multiplex

    @staticmethod
    def _past_empty_lines(data: bytes) -> int:
        """Clients may send an empty line after a body (RFC 9112 2.2); a few are forgiven."""
        start = 0
        while data[start : start + 2] == b"\r\n":
            start += 2
        if start > 2 * _EMPTY_LINES:
            raise bad("more empty lines than a client can need")
        return start

    def _partial(self, data: bytes, start: int) -> None:
        """A head that is not complete, from `start` on: refuse at once what can't become one."""
        limit, seen = self.factory.limits.max_header_bytes, self._counted
        if not plausible(data, seen):
            raise bad("a control character or a bare CR or LF in the head")
        if len(data) >= start + limit + 4:
            code = "headers_too_large" if b"\r\n" in data[start : start + limit] else "uri_too_long"
            raise GatewayError(code, f"the request's head is larger than {limit} bytes", close=True)
        if self._ended_at is not None:
            self._close()
            return
        if seen <= start < len(data):
            self.due = self.factory.clock() + self.factory.limits.header_timeout
        self._counted = len(data)
        self._buffer = data
        self.resume_reading()

    def _begin(self, head: RequestHead, rest: bytes) -> None:
        request = self.request = Request(self, head)
        factory = self.factory
        request.started = self.since = factory.clock()
        request.client = self.client
        request.forwarded_lines = self.forwarded_lines
        if head.plain:
            self.state = WAIT
            self._buffer = rest
            factory.handle(request)
        else:
            self._begin_slowly(request, head, rest)

    def _begin_slowly(self, request: Request, head: RequestHead, rest: bytes) -> None:
        """A request with a body, or one that is unusual in some other way."""
        if not head.http11:
            request.protocol = "HTTP/1.0"
        if head.debug is not None and self.factory.debug(head.debug):
            request.phases = Phases(request, debug=True)
        if not head.length and not head.chunked:
            self.state = WAIT
            self._buffer = rest
            self.factory.handle(request)
            return
        self._counted = self._paid = 0
        request.body_done = False
        if head.chunked:
            self._begin_coded(request, rest)
        elif len(rest) >= head.length:
            self._begin_whole(request, rest[: head.length], [], rest[head.length :])
        else:
            self.state = COUNTED
            self._left = head.length
            self.resume_reading()
            self.factory.handle(request)
            if rest:
                self.dataReceived(rest)

    def _begin_whole(self, request: Request, body: bytes, trailers: list[bytes], rest: bytes) -> None:
        """All of the body is here already: whatever the answer, the connection can go on after it."""
        request.whole = True
        self.state = WAIT
        self._buffer = rest
        self.factory.handle(request)
        if body and self.request is request:
            request.received(body)
        if self.request is request:
            request.received_all(trailers)

    def _begin_coded(self, request: Request, rest: bytes) -> None:
        """What is here of the body is decoded first: where it is broken, no upstream hears of the request."""
        decoder = self._decoder = Decoder(at_once=_CHUNKS_IN_A_ROW)
        body = decoder.feed(rest) if rest else b""
        self._counted = len(rest)
        if decoder.done:
            self._begin_whole(request, body, decoder.trailers, decoder.rest)
            return
        self.state = CODED
        self.resume_reading()
        self.factory.handle(request)
        if body and self.request is request:
            request.received(body)
        if decoder.behind and self.state == CODED:
            self._decode_later()

    # -- bodies

    def _body_counted(self, data: bytes) -> None:
        left = self._left - len(data)
        self._counted += len(data)
        request = self.request
        assert request is not None
        if left > 0:
            self._left = left
            request.received(data)
            return
        self.state = WAIT
        if left < 0:
            self._buffer = data[left:]
            data = data[:left]
        request.received(data)
        if self.request is request:
            request.received_all([])

    def _body_coded(self, data: bytes) -> None:
        decoder, request = self._decoder, self.request
        assert request is not None
        self._counted += len(data)
        body = decoder.feed(data)
        if decoder.done:
            self.state = WAIT
            self._buffer = decoder.rest
        if body:
            request.received(body)
        if decoder.done and self.request is request:
            request.received_all(decoder.trailers)
        if decoder.behind and self.state == CODED:
            self._decode_later()

    def _decode_later(self) -> None:
        """Go on with the chunks that are here once the reactor has been round."""
        reactor = getattr(self.transport, "reactor", None)
        if reactor is None:
            self._decode_on()
        elif not self._stopped & BEHIND:
            self.pause_reading(BEHIND)
            self.factory.share.wait(reactor, self._decode_on)

    def _decode_on(self) -> None:
        self.resume_reading(BEHIND)
        if self.state == CODED:
            self.dataReceived(b"")

    def _ahead(self, data: bytes) -> None:
        """What comes before its turn is kept."""
        self._buffer += data
        if len(self._buffer) > _AHEAD:
            self.pause_reading()

    # -- for the request

    def answered(self, request: Request) -> None:
        """The answer is written: log it, and go on with what the client sent ahead, or close."""
        self.factory.finished(request)
        complete = request.body_done or request.whole
        self.request = None
        if request.close or not complete or (self._ended_at is not None and not self._buffer):
            if complete and not self._buffer and self.state != TUNNEL:
                self._close()
            else:
                self._linger()
            return
        self.state = READY
        self._counted = 0
        self.due = self.factory.clock() + self.factory.limits.idle_timeout
        if self._stalled_at is not None:
            self.state = HELD
            return
        self._read_on()
        if self._buffer and not self._pumping:
            self._let_others()
            if self.state == READY:
                self.dataReceived(b"")

    def open_tunnel(self) -> None:
        """The handshake is done: what the client has sent ahead belongs to the tunnel."""
        self.state = TUNNEL
        ahead, self._buffer = self._buffer, b""
        self.resume_reading()
        if ahead:
            self._tunnelled(ahead)

    def _tunnelled(self, data: bytes) -> None:
        request = self.request
        assert request is not None and request.tunnelled is not None
        request.bytes_in += len(data)
        request.tunnelled.sent(data)

    # -- the end

    def refuse(self, error: GatewayError) -> None:
        request = self.request
        if self.state == DEAD:
            return
        if self.state == FRAMED:
            self.multiplex.end(Code.INTERNAL_ERROR, error.message)  # type: ignore[union-attr]
            return
        if request is None:
            request = self.request = Request(self, RequestHead())
            request.started = self.factory.clock()
            request.client = self.client
        if not request.request_id:
            request.request_id = self.factory.new_request_id()
        reader, request.reader = request.reader, None
        if reader is not None:
            reader.client_gone()
        request.close = True
        request.body_done = request.whole = False
        request.fail(error)

    # -- for HTTP/2

    @property
    def tunnels(self) -> list[Tunnel]:
        """WebSocket connections that it carries."""
        requests = [self.request] if self.multiplex is None else self.multiplex.requests.values()
        return [one.tunnelled for one in requests if one is not None and one.tunnelled is not None]

    @property
    def multiplexed(self) -> bool:
        """Whether HTTP/2 is spoken, still."""
        return self.state == FRAMED

    def close(self) -> None:
        """Close once everything is sent."""
        self._close()

    def linger(self) -> None:
        """End our side, and read on for a while."""
        self._linger()

    def _client_gone(self, request: Request) -> None:
        request.gone = True
        reader, request.reader = request.reader, None
        if reader is not None:
            reader.client_gone()
        if not request.answered:
            if not request.answering:
                request.status = 499
            request.code = request.code or "client_gone"
            self.factory.finished(request)
