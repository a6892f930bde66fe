"""One client connection: bytes in, requests out, one at a time and answered in order.

The channel frames: it finds heads, counts or decodes bodies, and holds what a client sends ahead.
What is asked goes to the factory's resource tree; deadlines are looked at by a Ticker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.edge.request import Request
from gwt.errors import GatewayError
from gwt.wire.chunked import BadChunk, Decoder
from gwt.wire.request import RequestHead, bad, parse_request, plausible

if TYPE_CHECKING:
    from gwt.edge.listener import HttpFactory

_log = Logger()

#: What the channel waits for: a head, the rest of a body, the end of an exchange, or nothing any more.
READY, COUNTED, CODED, WAIT, TUNNEL, LINGER, DEAD = range(7)

#: Bytes that a client may send ahead of its answer before the channel stops reading.
_AHEAD = 64 * 1024
#: Seconds and bytes for which a refused client is still read from, so that it can see the refusal.
_LINGER = 2.0
_LINGER_BYTES = 16 * 1024 * 1024
#: A body (or an answer that is taken) slower than this many bytes a second, after some seconds of grace, is an attack.
MINIMUM_RATE = 100
_EMPTY_LINES = 4
#: Seconds after the end of a client's sending until it is asked, by an interim answer, whether it is still there.
_PROBE_AFTER = 0.4
_GONE_AFTER = 0.9


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class Channel:
    """The server side of one HTTP/1.1 connection.

    `due` (monotonic seconds) is the deadline of what the channel waits for now; `since` when it began to wait.
    """

    __slots__ = (
        "_buffer", "_counted", "_decoder", "_ended_at", "_left", "_probed", "_pumping", "_reading", "_slot", "_stalled_at", "_stuck",
        "client", "due", "factory", "forwarded_lines", "peer", "port", "request", "scheme", "since", "state", "transport", "trusted",
    )  # fmt: skip

    native_data_received = True
    transport: Any
    _decoder: Decoder

    def __init__(self, factory: HttpFactory) -> None:
        self.factory = factory
        self.request: Request | None = None
        self.state = READY
        self._buffer = b""
        self._left = self._counted = 0
        self._reading = True
        self._pumping = self._probed = False
        self._ended_at: float | None = None
        self._stalled_at: float | None = None
        self._stuck = 0

    # -- IProtocol

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        now = self.factory.clock()
        self.since, self.due = now, now + self.factory.limits.idle_timeout
        self._slot = self.factory.slow.join(self)
        self.factory.opened(self)

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
            elif state == WAIT:
                self._ahead(data)
            elif state == TUNNEL:
                self.request.received(data)  # type: ignore[union-attr]
            elif state == LINGER:
                self._left -= len(data)
                if self._left < 0:
                    self.abort()
        except GatewayError as error:
            self.refuse(error)
        except BadChunk as error:
            self.refuse(bad(str(error)))
        except Exception:
            _log.failure("a request could not be handled")
            self.refuse(GatewayError("internal", "the gateway failed to handle the request", close=True))

    def connectionLost(self, reason: Failure) -> None:
        if self.state == DEAD and self._slot is None:
            return
        self.state = DEAD
        slot, self._slot = self._slot, None
        slot.pop(self, None)
        self.factory.fast.discard(self)
        request, self.request = self.request, None
        if request is not None:
            self._client_gone(request)
        self._buffer = b""
        self.factory.closed(self)

    def readConnectionLost(self) -> None:
        """The client has ended its side. It may still read (RFC 9112 9.6), or be gone: only writing tells."""
        if self.state in (COUNTED, CODED, TUNNEL) or self.request is None:
            self._close()
            return
        self._ended_at = self.factory.clock()
        self.factory.fast.add(self)

    def writeConnectionLost(self) -> None:
        """Our half-close has been carried out."""

    # -- IPushProducer: the client does not take what we write, or does again

    def pauseProducing(self) -> None:
        self._stalled_at = self.factory.clock()
        self._stuck = 0
        if self.request is not None and self.request.reader is not None:
            self.request.reader.pause_answer()

    def resumeProducing(self) -> None:
        self._stalled_at = None
        if self.request is not None and self.request.reader is not None:
            self.request.reader.resume_answer()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost follows."""

    # -- heads

    def _pump(self) -> None:
        """Take requests from the buffer for as long as each is answered at once."""
        self._pumping = True
        while self._buffer and self.state == READY and self._next():
            pass
        self._pumping = False

    def _next(self) -> bool:
        """Begin the next request; False if its head is not complete."""
        data = self._buffer
        if data[0] == 13:
            data = self._without_empty_lines(data)
        limits = self.factory.limits
        end = data.find(b"\r\n\r\n", 0, limits.max_header_bytes + 4)
        if end < 0:
            self._partial(data)
            return False
        self._buffer = b""
        head = parse_request(data[:end], limits.max_headers)
        self._begin(head, data[end + 4 :])
        return True

    def _without_empty_lines(self, data: bytes) -> bytes:
        """Clients may send an empty line after a body (RFC 9112 2.2); a few are forgiven."""
        for _ in range(_EMPTY_LINES):
            if data[:2] == b"\r\n":
                data = data[2:]
        if data[:2] == b"\r\n":
            raise bad("more empty lines than a client can need")
        return data

    def _partial(self, data: bytes) -> None:
        """A head that is not complete: refuse at once what can't become one."""
        limit = self.factory.limits.max_header_bytes
        if len(data) >= limit:
            code = "headers_too_large" if b"\r\n" in data[:limit] else "uri_too_long"
            raise GatewayError(code, f"the request's head is larger than {limit} bytes", close=True)
        if not plausible(data, self._counted):
            raise bad("a control character or a bare CR or LF in the head")
        if self._counted == 0:
            self.due = self.factory.clock() + self.factory.limits.header_timeout
        self._counted = len(data)
        self._buffer = data

    def _begin(self, head: RequestHead, rest: bytes) -> None:
        request = self.request = Request(self)
        request.head = head
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
        if not head.length and not head.chunked:
            self.state = WAIT
            self._buffer = rest
            self.factory.handle(request)
            return
        request.body_done = False
        self._counted = 0
        if head.chunked:
            self.state = CODED
            self._decoder = Decoder()
        else:
            self.state = COUNTED
            self._left = head.length
        self.factory.handle(request)
        if rest:
            self._after_head(rest)

    def _after_head(self, rest: bytes) -> None:
        if self.state == COUNTED:
            self._body_counted(rest)
        elif self.state == CODED:
            self._body_coded(rest)
        elif self.state == LINGER:
            self._left -= len(rest)

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

    def _ahead(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _AHEAD:
            self.pause_reading()

    # -- for the request

    def answered(self, request: Request) -> None:
        """The answer is written: log it, and go on with what the client sent ahead, or close."""
        self.factory.finished(request)
        complete = request.body_done
        self.request = None
        if request.close or not complete or (self._ended_at is not None and not self._buffer):
            if complete and not self._buffer:
                self._close()
            else:
                self._linger()
            return
        self.state = READY
        self._counted = 0
        self.due = self.factory.clock() + self.factory.limits.idle_timeout
        if not self._reading:
            self.resume_reading()
        if self._buffer and not self._pumping:
            self.dataReceived(b"")

    def open_tunnel(self) -> None:
        """The handshake is done: what the client has sent ahead belongs to the tunnel."""
        self.state = TUNNEL
        ahead, self._buffer = self._buffer, b""
        if not self._reading:
            self.resume_reading()
        if ahead:
            self.request.received(ahead)  # type: ignore[union-attr]

    def pause_reading(self) -> None:
        """Stop reading from the client."""
        if self._reading and self.state != DEAD:
            self._reading = False
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read from the client again."""
        if not self._reading and self.state != DEAD:
            self._reading = True
            self.transport.resumeProducing()

    def abort(self) -> None:
        """Close at once, visibly broken."""
        if self.state != DEAD:
            self.state = DEAD
            self.transport.abortConnection()

    def drain(self) -> None:
        """The gateway is going: an idle connection closes now, a busy one after its answer."""
        if self.state == READY and not self._buffer:
            self._close()

    # -- the end

    def refuse(self, error: GatewayError) -> None:
        """Answer an error that makes the connection unusable."""
        request = self.request
        if self.state == DEAD:
            return
        if request is None:
            request = self.request = Request(self)
            request.head = RequestHead()
            request.started = self.factory.clock()
            request.client = self.client
            request.request_id = self.factory.new_request_id()
        reader, request.reader = request.reader, None
        if reader is not None:
            reader.client_gone()
        request.close = True
        request.body_done = False
        request.fail(error)

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

    def _close(self) -> None:
        if self.state != DEAD:
            self.state = LINGER
            self._left = _LINGER_BYTES
            self.since = self.factory.clock()
            self.due = self.since + _LINGER
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def _linger(self) -> None:
        """Half-close, then read what the client still sends for a while: a close now would destroy the answer on its way."""
        self.state = LINGER
        self._buffer = b""
        self._left = _LINGER_BYTES
        self.due = self.factory.clock() + _LINGER
        if self._ended_at is not None:
            self._close()
            return
        self.resume_reading()
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is None:
            self._close()
        else:
            self.transport.unregisterProducer()
            half_close()

    # -- time

    def tick(self, now: float) -> None:
        """Looked at about once a second."""
        state = self.state
        if self._ended_at is not None and state == WAIT:
            self._look_for_client(now)
        elif self._stalled_at is not None:
            self._watch_taking(now)
        elif state == READY:
            if now > self.due:
                if self._buffer:
                    self.refuse(GatewayError("slow_request", "the request's head took too long", close=True))
                else:
                    self._close()
        elif state in (COUNTED, CODED):
            self._watch_sending(now)
        elif state == LINGER and now > self.due:
            self.abort()

    def _watch_sending(self, now: float) -> None:
        """A body must come at the minimum rate for as long as we read it."""
        taken = now - self.since
        if not self._reading:
            self.since = min(now, self.since + 1.0)
        elif (
            taken > self.factory.limits.header_timeout
            and self._counted < MINIMUM_RATE * taken
            and not self._waits_for_100()
        ):
            self.refuse(GatewayError("slow_request", "the request's body comes too slowly", close=True))

    def _waits_for_100(self) -> bool:
        return (
            self.request is not None
            and self.request.head.expect
            and not self._counted
            and self.request.reader is not None
        )

    def _watch_taking(self, now: float) -> None:
        """An answer must be taken at the minimum rate once the buffers are full."""
        assert self._stalled_at is not None
        window = self.factory.limits.header_timeout
        if now - self._stalled_at < window:
            return
        queued = self.factory.queued(self.transport)
        if self._stuck and queued > self._stuck - MINIMUM_RATE * window:
            self.abort()
            if self.request is not None:
                self.request.code = "slow_client"
        self._stuck, self._stalled_at = max(1, queued), now

    def _look_for_client(self, now: float) -> None:
        """Find out whether a client that ended its side still reads: a closed socket answers an interim with a reset."""
        request = self.request
        assert request is not None and self._ended_at is not None
        waited = now - self._ended_at
        if request.answering:
            if waited > _GONE_AFTER and not request.bytes_out:
                self.abort()
        elif waited > _PROBE_AFTER and not self._probed and request.head.http11:
            self._probed = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
