"""HTTP/2 on a channel: many requests at once, each an exchange of its own; their pace, their turns and their end."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.edge.side import BEHIND
from gwt.edge.streamed import Streamed
from gwt.edge.streampace import StreamPace
from gwt.edge.windowless import Windowless
from gwt.errors import GatewayError
from gwt.phase.phases import Phases
from gwt.wire.h2.connection import Connection
from gwt.wire.h2.events import Data, Drained, Ended, Event, Headers, Opened, Reset, Trailers
from gwt.wire.h2.faults import Code
from gwt.wire.h2.message import WEBSOCKET, Asked
from gwt.wire.h2.options import Limits
from gwt.wire.h2.stream import LITTLE
from gwt.wire.request import RequestHead, parse_request

if TYPE_CHECKING:
    from gwt.edge.channel import Channel

_log = Logger()

#: Requests of one client that are begun in a row, before others have their turn, and seconds for them.
_IN_A_ROW, _TURN = 32, 0.001
#: As many of them as one counts for which a connection is made: most of what it costs comes when it stands.
_CONNECTING = 16
#: Requests that are let go of in a row, each with its upstream: what lies there unread costs the kernel 100 µs.
_LET_GO = 2
#: No further request of a client is begun while so many bytes of answers wait for it.
_WAITING = 1024 * 1024
#: Where so many wait, all that answer it stop: what one read brings of each of hundreds is more than anybody may hold.
_DAM = 4 * _WAITING
#: What an extended CONNECT leaves out of a WebSocket's handshake (RFC 8441 5).
_HANDSHAKE = b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: %b"
#: Streams that are refused so are not requests that were made: another try is as good as the first.
_NOT_LOGGED = (Code.REFUSED_STREAM, Code.STREAM_CLOSED)
_OF_STREAMS = (Data, Trailers, Drained, Opened)
#: That of a request whose own is not read yet; nobody changes it.
_NO_HEAD = RequestHead()


class Multiplex:
    """The HTTP/2 side of a channel. `requests` are those that are not answered, by stream; `wire` the protocol.

    `idle_since` (monotonic seconds) is when the last request was over; `dammed`: so much waits for the client that
    nobody answers any more.
    """

    __slots__ = (
        "_cork", "_due", "_pace", "_waiting", "_windowless", "channel", "dammed", "factory", "idle_since", "requests",
        "wire",
    )  # fmt: skip

    def __init__(self, channel: Channel) -> None:
        self.channel, self.factory = channel, channel.factory
        self._cork = channel.factory.cork
        self.factory.framed += 1
        limits = self.factory.limits
        self.wire = Connection(
            Limits(
                max_streams=limits.max_streams,
                header_bytes=limits.max_header_bytes,
                header_fields=limits.max_headers,
            ),
            connect=True,
        )
        self.requests: dict[int, Streamed] = {}
        self._waiting: deque[Streamed] = deque()
        self._windowless: Windowless[Streamed] | None = None
        self._due = self.dammed = False
        self.idle_since = self.factory.clock()
        self._pace: StreamPace | None = StreamPace(self, self.idle_since)

    # -- from the channel

    def received(self, data: bytes) -> None:
        """Bytes of the client."""
        self._hear(self.wire.receive(data, self.factory.clock()))
        if self.wire.behind:
            self._read_later()
        self.flush()

    def _hear(self, events: list[Event]) -> None:
        self._cork.depth += 1
        try:
            for event in events:
                self._heard(event)
            if not self.wire.behind:
                self._begin_some()  # what is reset in the same breath has not been begun
        finally:
            self._cork.leave()

    def _read_later(self) -> None:
        """There are many frames: others have their turn."""
        reactor = getattr(self.channel.transport, "reactor", None)
        if reactor is None:
            self._read_on()
        else:
            self.channel.pause_reading(BEHIND)
            self.factory.share.wait(reactor, self._read_on)

    def _read_on(self) -> None:
        if self.channel.multiplexed:
            self.channel.resume_reading(BEHIND)
            self.received(b"")

    def hold(self) -> None:
        """The transport is full."""
        self.wire.hold()

    def release(self) -> None:
        """It takes more."""
        self._hear(self.wire.release())
        self.flush()

    def lost(self) -> None:
        """The connection is gone, and with it everybody who waited for an answer."""
        self._pace = self._windowless = None
        self._waiting.clear()
        for request in self.requests.values():
            request.gone = True
        self._lose_some()

    def _lose_some(self) -> None:
        """Let go of requests whose client is gone: hundreds of upstreams are not closed at once while others wait."""
        reactor = getattr(self.channel.transport, "reactor", None)
        later = reactor is not None and not self.factory.draining
        for request in list(islice(self.requests.values(), _LET_GO if later else None)):
            self.gone(request, "client_gone")
        if self.requests and later:
            self.factory.share.wait(reactor, self._lose_some)

    def blame(self, code: str) -> None:
        """What the log shall say of all that is under way."""
        for request in self.requests.values():
            request.code = request.code or code

    def drain(self) -> None:
        """The gateway is going: what was asked is answered, and so is what was sent before the client knew."""
        if self.requests or self.wire.streams:
            self.wire.drain()
        else:
            self.wire.leave()
        self.flush()

    def end(self, code: Code, message: str) -> None:
        """Go at once, saying why."""
        self.wire.leave(code, message)
        self._over(code)

    def tick(self, now: float) -> None:
        """Looked at about once a second."""
        if self._pace is not None:
            self._pace.tick(now)
        if self._waiting and self.channel.multiplexed:
            self.received(b"")

    # -- what is heard

    def _heard(self, event: Event) -> None:
        if isinstance(event, Headers):
            self._asked(event)
        elif isinstance(event, _OF_STREAMS):
            request = self.requests.get(event.stream)
            if request is None:
                if isinstance(event, Data):
                    self.wire.taken(event.stream, event.cost)
                return
            try:
                self._told(request, event)
            except Exception as error:
                self._failed(request, error)
        elif isinstance(event, Ended):
            self._over(event.code)
        elif isinstance(event, Reset):
            self._reset(event)

    def _told(self, request: Streamed, event: Data | Trailers | Drained | Opened) -> None:
        if isinstance(event, Data):
            request.received(event.data, event.cost)
            if event.ended and not request.answered:
                request.received_all()
        elif isinstance(event, Trailers):
            request.received_all(event.lines)
        else:
            self._freed(event.stream)
            if isinstance(event, Drained) and request.reader is not None and not self.dammed:
                request.reader.resume_answer()

    def _asked(self, event: Headers) -> None:
        asked = event.message
        assert isinstance(asked, Asked)
        request = self._new(event.stream)
        self.requests[event.stream] = request
        request.body_done = event.ended
        try:
            if event.too_large:
                limits = self.factory.limits
                raise GatewayError(
                    "headers_too_large",
                    f"the request's head is larger than {limits.max_header_bytes} bytes"
                    f" or has more than {limits.max_headers} fields",
                )
            request.head = self._head_of(asked, event.ended)
            if request.head.upgrade is not None:
                request.body_done = True  # what follows is no body
        except GatewayError as error:
            request.begun = True
            request.fail(error)
            return
        self._waiting.append(request)

    def _head_of(self, asked: Asked, ended: bool) -> RequestHead:
        """The head as HTTP/1.1 has it; a WebSocket as its handshake there."""
        framing, more = b"", 1
        if asked.protocol == WEBSOCKET:
            if ended:
                raise GatewayError("bad_request", "a WebSocket that is over before it has begun")
            framing, more = _HANDSHAKE % b64encode(self.factory.random(16)), 4
        elif not ended and asked.length is None:
            framing = b"\r\nTransfer-Encoding: chunked"
        return parse_request(asked.head + framing, self.factory.limits.max_headers + more)

    def _new(self, number: int) -> Streamed:
        request = Streamed(self, self.channel, number, _NO_HEAD)
        request.started = request.since = self.factory.clock()
        request.request_id = self.factory.new_request_id()
        return request

    def _reset(self, event: Reset) -> None:
        request = self.requests.get(event.stream)
        if request is not None:
            if event.ours:
                request.code = request.code or "bad_request"
                request.status = request.status or 400
            self.gone(request, "client_gone")
        elif event.ours and event.code not in _NOT_LOGGED:
            request = self._new(event.stream)
            request.status, request.code = 400, "bad_request"
            self.factory.finished(request)

    # -- requests in turn

    def _begin_some(self) -> None:
        """Hand on requests that wait, as many as others can wait for; none while the client does not take answers."""
        waiting = self._waiting
        if not waiting or self._due or self.wire.held or self.wire.waiting > _WAITING:
            return
        left, until = _IN_A_ROW, self.factory.clock() + _TURN
        windowless = self.wire.peer.window < LITTLE
        while waiting and left > 0:
            request = waiting.popleft()
            if not request.gone and not request.answered and not (windowless and self._held(request)):
                self._begin(request)
                left -= _CONNECTING if request.reader is not None and request.reader.connecting else 1
                if self.factory.clock() > until:
                    break
        if waiting and not self._begin_later():
            self._begin_some()

    def _held(self, request: Streamed) -> bool:
        """Whether a request has to wait until its client has a window for its answer."""
        stream = self.wire.streams.get(request.number)
        if stream is None or stream.window >= LITTLE:
            return False
        self._windowless = self._windowless or Windowless()
        return self._windowless.holds(request.number, request)

    def _freed(self, number: int) -> None:
        """A stream has a window now, or is over: another request may have its turn by that."""
        request = None if self._windowless is None else self._windowless.freed(number)
        if request is not None:
            self._waiting.append(request)
            self._begin_later()

    def _begin_later(self) -> bool:
        """Whether there is a later turn for what waits."""
        reactor = getattr(self.channel.transport, "reactor", None)
        if reactor is not None and not self._due:
            self._due = True
            self.factory.share.wait(reactor, self._begin_more)
        return self._due

    def _begin_more(self) -> None:
        self._due = False
        if self.channel.multiplexed:
            self._hear([])
            self.flush()

    def _begin(self, request: Streamed) -> None:
        try:
            debug = request.head.debug
            if debug is not None and self.factory.debug(debug):
                request.phases = Phases(request, debug=True)
            self.factory.handle(request)
            request.catch_up()
        except Exception as error:
            self._failed(request, error)

    def _failed(self, request: Streamed, error: Exception) -> None:
        if not isinstance(error, GatewayError):
            _log.failure("a request could not be handled", Failure(error))
            error = GatewayError("internal", "the gateway failed to handle the request")
        self.refuse(request, error)

    # -- for requests

    def refuse(self, request: Streamed, error: GatewayError) -> None:
        """Answer a request with an error, whoever else would have answered it."""
        reader, request.reader = request.reader, None
        if reader is not None:
            reader.client_gone()
        request.begun = True
        request.fail(error)

    def answered(self, request: Streamed) -> None:
        """An answer is written, as far as windows go."""
        del self.requests[request.number]
        if self._windowless is not None:
            self._freed(request.number)
        self.idle_since = self.factory.clock()
        self.factory.finished(request)

    def gone(self, request: Streamed, code: str | None = None) -> None:
        """A request is over without its answer, or amid it; `code` says why, unless something else does."""
        if self.requests.pop(request.number, None) is None:
            return
        request.gone = request.begun = True
        if self._windowless is not None:
            self._freed(request.number)
        self.idle_since = self.factory.clock()
        reader, request.reader = request.reader, None
        if reader is not None:
            reader.client_gone()
        if not request.answering:
            request.status = request.status or 499
        request.code = request.code or code
        self.factory.finished(request)

    def put(self, request: Streamed, data: bytes, done: bool) -> None:
        """Send more of an answer; who answers stops where the client does not keep up."""
        wire = self.wire
        taken = wire.send_data(request.number, data, done)
        if wire.waiting > _DAM and not self.dammed:
            self.dammed = True
            for one in self.requests.values():
                if one.reader is not None:
                    one.reader.pause_answer()
        elif (self.dammed or not taken) and not done and request.reader is not None:
            request.reader.pause_answer()

    def _undam(self) -> None:
        self.dammed = False
        streams = self.wire.streams
        for one in list(self.requests.values()):
            if one.reader is not None and one.number in streams and not streams[one.number].full:
                one.reader.resume_answer()

    def flush(self) -> None:
        """Write what there is to be written, soon."""
        self._cork.flush(self)

    def write_out(self) -> None:
        """Write what there is to be written, and close once all is said."""
        if self.dammed and self.wire.waiting <= _DAM // 2:
            self._undam()
        data = self.wire.take_out()
        if data and self.channel.multiplexed:
            self.channel.transport.write(data)
        if self.wire.done and not self.requests and not self.wire.over and self.channel.multiplexed:
            self.channel.close()

    def _over(self, code: Code) -> None:
        """GOAWAY was said: nothing more is read, nobody is answered."""
        self.factory.calmed += code == Code.ENHANCE_YOUR_CALM
        self.wire.over = True
        self.lost()
        data = self.wire.take_out()
        if self.channel.multiplexed:
            self.channel.transport.write(data)
            self.channel.linger()
