"""One HTTP/2 connection without I/O: bytes in, events out; what is to be written waits in `take_out`.

Both roles: a server is asked (`Headers` with an Asked), a client opens streams (`open`) and is answered.
RFC 9113; what a hostile peer may cost is bounded by `gwt.wire.h2.guards` and by `Limits`.
"""

from __future__ import annotations

from collections.abc import Callable

from gwt.wire.h2 import frames
from gwt.wire.h2.control import STREAM_EARNS, Control, protocol_error
from gwt.wire.h2.events import Data, Ended, Event, Headers, Reset, Trailers
from gwt.wire.h2.faults import Code, ConnectionFault, Malformed, StreamFault
from gwt.wire.h2.frames import HEAD, HEAD_SIZE, long_at
from gwt.wire.h2.hpack import Decoder, Fields
from gwt.wire.h2.message import UNREAD, Answered, answer_of, checked_length, request_of, trailers_of
from gwt.wire.h2.options import Limits, preamble
from gwt.wire.h2.stream import CLOSED, HALF_REMOTE, PEER_ENDS, Stream

#: Frames that are read before others have their turn, a client's and an endpoint's; CONTINUATION frames of one block.
_AT_ONCE, _ENDPOINTS, _CONTINUATIONS = 32, 256, 64
#: Bytes of a field block that cost as much as a frame, unless it is remembered: a byte may be a whole field.
_DENSE = 16
_BODILESS = (204, 304)
#: A cookie may come in pieces, each a field: so many times as many fields are read as a message may have.
_CRUMBS = 4
#: Points for a head that is refused: its answer gives one of them back.
_REFUSED_COST = 2


class Block:
    """A field block that is not complete yet. `alone`: its stream depends on itself."""

    __slots__ = ("alone", "data", "ended", "frames", "number")

    def __init__(self, number: int, ended: bool, alone: bool, data: bytes) -> None:
        self.number, self.ended, self.alone, self.data = number, ended, alone, data
        self.frames = 0


class Connection(Control):
    """One side. `behind`: there are frames left for a later turn; call `receive` with nothing then.

    `read` counts frames, a field block as one; `settled`: the peer's settings have come.
    """

    __slots__ = ("_at", "_block", "_buffer", "_decoder", "_left", "_preface", "behind", "read", "settled")

    def __init__(self, limits: Limits, client: bool = False, connect: bool = False) -> None:
        """`connect`: this server takes extended CONNECT."""
        super().__init__(limits, client)
        self._buffer, self._at = b"", 0  # what is before `_at` was read
        self._preface = b"" if client else frames.PREFACE
        self.settled = self.behind = False
        self.read = self._left = 0
        self._block: Block | None = None
        # What is a little too large is read, so that it can be told; references make a list no larger than this.
        self._decoder = Decoder(2 * limits.header_bytes + 64 * limits.header_fields, _CRUMBS * limits.header_fields)
        self._out.append(preamble(limits, client, connect))

    @property
    def within(self) -> bool:
        """Whether a frame or a field block has begun, or the preface, and is not complete."""
        return self._block is not None or bool(self._buffer or self._preface)

    # -- for a client

    def open(self, block: bytes, ended: bool, bodiless: bool = False) -> int:
        """Begin a request; its stream's number. `bodiless`: it is a HEAD. Ask `room_for` how many may be opened."""
        number = self._next
        self._next += 2
        stream = self.streams[number] = Stream(number, self.peer.window, self.limits.window)
        stream.bodiless = bodiless
        self._calls.earn(STREAM_EARNS)
        self.send_headers(number, block, ended)
        return number

    @property
    def room_for(self) -> int:
        """How many streams a client may open now."""
        if self.over or self.refused_above is not None or self.final is not None:
            return 0
        return max(0, min(self.peer.max_streams - len(self.streams), (frames.MOST_STREAM - self._next) // 2))

    # -- bytes in

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What `data` says. `now` is monotonic seconds. Never raises: `Ended` is the last event of a bad connection."""
        events = self._events = []
        if self.over:
            return events
        self._now = now
        try:
            self._read(data)
        except ConnectionFault as fault:
            self._end(fault)
        return events

    def _end(self, fault: ConnectionFault) -> None:
        self.over, self.behind = True, False
        self._buffer, self._at = b"", 0
        self.leave(fault.code, fault.message)
        self._events.append(Ended(fault.code, fault.message))

    def _read(self, data: bytes) -> None:
        at = 0
        self._left = _ENDPOINTS if self.client else _AT_ONCE
        if self._buffer:
            if data:
                data = self._buffer[self._at :] + data
            else:
                data, at = self._buffer, self._at  # a later turn: hundreds of KiB are not copied in each
        size = len(data)
        self.behind = False
        if self._preface:
            at = self._past_preface(data)
        unpack = HEAD.unpack_from
        while size - at >= HEAD_SIZE:
            high, low, kind, flags, number = unpack(data, at)
            length = high << 8 | low
            if length > frames.LEAST_MAX_FRAME:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a frame that is larger than was agreed on")
            end = at + HEAD_SIZE + length
            if end > size:
                break
            if self._left <= 0:
                self.behind = True
                break
            self._left -= 1
            payload = data[at + HEAD_SIZE : end]
            number &= frames.MOST_STREAM
            at = end
            if self._block is not None or not self.settled or kind >= len(_HANDLERS):
                if not self._expected(kind, flags, number):
                    continue
            try:
                _HANDLERS[kind](self, flags, number, payload)
            except StreamFault as fault:
                self._fault(number, fault)
            if self._block is None:
                self.read += 1
        if self.behind:
            self._buffer, self._at = data, at
        else:
            self._buffer, self._at = data[at:] if at else data, 0

    def _past_preface(self, data: bytes) -> int:
        """Where the first frame begins; all of `data`, where the preface goes on."""
        wanted = self._preface
        if not data.startswith(wanted[: len(data)]):
            raise protocol_error("no HTTP/2")
        self._preface = wanted[len(data) :]
        return min(len(wanted), len(data))

    def _expected(self, kind: int, flags: int, number: int) -> bool:
        """Whether a frame is to be read where not any may come: within a block, or at first; or one that is unknown."""
        if self._block is not None and (kind != frames.CONTINUATION or number != self._block.number):
            raise protocol_error("a frame within a field block")
        if not self.settled:
            if kind != frames.SETTINGS or flags & frames.ACK:
                raise protocol_error("a connection that does not begin with SETTINGS")
            self.settled = True
        if kind >= len(_HANDLERS):
            self._calls.spend(1, self._now)
            return False
        return True

    def _fault(self, number: int, fault: StreamFault) -> None:
        """A stream that the peer has broken costs it as much as one that it resets itself."""
        if self._idle(number):
            raise ConnectionFault(fault.code, fault.message)  # there is no stream to be reset
        self._events.append(Reset(number, fault.code, True, fault.message))
        stream = self.streams.get(number)
        if stream is not None:
            self._forget(stream, fault.code)
        else:
            self._out.append(frames.reset(number, fault.code))
            self._remember(number, True)
        self._resets.spend(1, self._now)

    # -- DATA

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        cost = len(payload)
        if number == 0:
            raise protocol_error("DATA on no stream")
        if flags & frames.PADDED:
            payload = _unpadded(payload, 0)
        if cost > self.room:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "more DATA than the connection's window")
        self.room -= cost
        stream = self.streams.get(number)
        if stream is None:
            self._give_back(cost)
            self._stray(number)
            return
        stream.lying += cost
        if stream.state not in PEER_ENDS:
            raise StreamFault(Code.STREAM_CLOSED, "DATA after the end")
        if not stream.begun:
            raise StreamFault(Code.PROTOCOL_ERROR, "DATA before a head")
        if cost > stream.room:
            raise StreamFault(Code.FLOW_CONTROL_ERROR, "more DATA than the stream's window")
        stream.room -= cost
        self._body(stream, payload, cost, bool(flags & frames.END_STREAM))

    def _body(self, stream: Stream, data: bytes, cost: int, ended: bool) -> None:
        if data:
            calls = self._calls
            if calls.left < calls.most:
                calls.earn(1)
            if stream.left is not None:
                stream.left -= len(data)
        elif not ended:
            self._calls.spend(1, self._now)
            self.taken(stream.number, cost)
            return
        if stream.left is not None and (stream.left < 0 or (ended and stream.left)):
            raise StreamFault(Code.PROTOCOL_ERROR, "a body that is not as long as Content-Length says")
        self._events.append(Data(stream.number, data, cost, ended))
        if ended:
            self._peer_ends(stream)

    def _peer_ends(self, stream: Stream) -> None:
        stream.state = PEER_ENDS[stream.state]
        if stream.state == CLOSED:
            self._close(stream)

    def _stray(self, number: int) -> None:
        """A frame for a stream that is not open: of no harm where we have reset it and the peer may not know yet."""
        if self._idle(number):
            raise protocol_error("a frame for a stream that was never opened")
        forgiven = self._late.get(number)
        if forgiven is None:
            raise protocol_error("a frame for a stream that was passed over, or is long closed")
        if not forgiven:
            raise ConnectionFault(Code.STREAM_CLOSED, "a frame for a stream that is closed")
        self._calls.spend(1, self._now)

    # -- field blocks

    def _on_headers(self, flags: int, number: int, payload: bytes) -> None:
        if number == 0:
            raise protocol_error("HEADERS on no stream")
        alone, skip = False, 0
        if flags & frames.WITH_PRIORITY:
            skip = 5
            at = 1 if flags & frames.PADDED else 0
            if len(payload) < at + skip:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "HEADERS without the priority that they promise")
            alone = long_at(payload, at)[0] & frames.MOST_STREAM == number
        if flags & frames.PADDED:
            payload = _unpadded(payload, skip)
        elif skip:
            payload = payload[skip:]
        ended = bool(flags & frames.END_STREAM)
        if flags & frames.END_HEADERS:
            self._complete(number, ended, alone, payload)
        else:
            self._block = Block(number, ended, alone, payload)

    def _on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        block = self._block
        if block is None:
            raise protocol_error("CONTINUATION of nothing")
        block.frames += 1
        block.data += payload
        if block.frames > _CONTINUATIONS or len(block.data) > 2 * self.limits.header_bytes:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "a field block without end")
        if flags & frames.END_HEADERS:
            self._block = None
            self._complete(number, block.ended, block.alone, block.data)

    def _complete(self, number: int, ended: bool, alone: bool, data: bytes) -> None:
        """A field block is read whatever becomes of its stream: others depend on what it does to the table."""
        decoder = self._decoder
        fields = decoder.decode(data)
        if decoder.fresh:
            self._left -= len(data) // _DENSE
        stream = self.streams.get(number)
        try:
            if stream is not None:
                self._known(stream, ended, fields)
            elif self.client or not self._opens(number):
                self._stray(number)
            else:
                self._asked(number, ended, alone, fields)
        except Malformed as error:
            raise StreamFault(Code.PROTOCOL_ERROR, str(error)) from None

    def _opens(self, number: int) -> bool:
        if self._is_ours(number) or number & 1 == 0:
            raise protocol_error("a stream with a number that is not the peer's to use")
        return number > self.last

    def _known(self, stream: Stream, ended: bool, fields: Fields) -> None:
        """The answer to a request, or trailers."""
        if stream.state not in PEER_ENDS:
            raise StreamFault(Code.STREAM_CLOSED, "HEADERS after the end")
        if not stream.begun:
            self._answered(stream, ended, fields)
            return
        if not ended:
            raise StreamFault(Code.PROTOCOL_ERROR, "a second head that ends nothing")
        if stream.left:
            raise StreamFault(Code.PROTOCOL_ERROR, "a body that is not as long as Content-Length says")
        self._events.append(Trailers(stream.number, *trailers_of(fields, self._decoder.size)))
        self._peer_ends(stream)

    def _answered(self, stream: Stream, ended: bool, fields: Fields) -> None:
        size = self._decoder.size
        answer: Answered = answer_of(fields, size)
        if answer.status < 200:
            if ended:
                raise StreamFault(Code.PROTOCOL_ERROR, "an interim answer that ends the stream")
            self._calls.spend(1, self._now)
        else:
            stream.begun = True
            if stream.bodiless or answer.status in _BODILESS:
                stream.left = 0
            else:
                stream.left = checked_length(answer.length, ended)
        too_large = size > self.limits.header_bytes or len(fields) > self.limits.header_fields
        self._events.append(Headers(stream.number, answer, ended, too_large))
        if ended:
            self._peer_ends(stream)

    def _asked(self, number: int, ended: bool, alone: bool, fields: Fields) -> None:
        self.last = number
        if self.final is not None and number > self.final:
            self._remember(number, True)
            return
        if alone:
            raise StreamFault(Code.PROTOCOL_ERROR, "a stream that depends on itself")
        size = self._decoder.size
        limits = self.limits
        if len(self.streams) >= limits.max_streams or self.heads + size > limits.held_heads:
            raise StreamFault(Code.REFUSED_STREAM, "more streams than were agreed on")
        # What is too large is refused whatever it says: to read it would cost more than all the rest.
        asked = request_of(fields, size) if size <= limits.header_bytes else UNREAD
        stream = Stream(number, self.peer.window, limits.window)
        stream.begun = True
        stream.left = checked_length(asked.length, ended)
        stream.head = size
        self.heads += size
        self.streams[number] = stream
        self._calls.earn(STREAM_EARNS)
        if ended:
            stream.state = HALF_REMOTE
        too_large = size > limits.header_bytes or asked.fields > limits.header_fields
        if too_large:
            self._resets.spend(_REFUSED_COST, self._now)
        self._events.append(Headers(number, asked, ended, too_large))


#: By type of frame.
_HANDLERS: tuple[Callable[[Connection, int, int, bytes], None], ...] = (
    Connection._on_data, Connection._on_headers, Connection._on_priority, Connection._on_reset,
    Connection._on_settings, Connection._on_push, Connection._on_ping, Connection._on_goaway, Connection._on_window,
    Connection._on_continuation,
)  # fmt: skip


def _unpadded(payload: bytes, skip: int) -> bytes:
    """A payload without its padding, nor the `skip` bytes before its content."""
    if not payload:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a padded frame without a length of its padding")
    end = len(payload) - payload[0]
    if end < 1 + skip:
        raise protocol_error("more padding than frame")
    return payload[1 + skip : end]
