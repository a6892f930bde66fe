"""What one side sends: its streams, the windows that the peer grants, and what waits for them."""

from __future__ import annotations

from collections import OrderedDict, deque

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.events import Drained, Event
from gwt.wire.h2.faults import Code
from gwt.wire.h2.options import Limits, Peer
from gwt.wire.h2.stream import CLOSED, HALF_REMOTE, WE_END, Stream

#: Streams that are over and still known by their numbers: frames that the peer sent before it knew may come for them.
_LATE = 1024
_NONE: tuple[Stream | None, bytes] = (None, b"")
#: A frame of DATA is no larger, whatever the peer takes: others have their turn.
_MOST_DATA = 16384

#: One that could be larger, and is smaller than this, is the peer's doing (CVE-2019-9511).
_DRIBBLE = 256


class Sender:
    """The sending half. `window` is how much may be sent on the connection; `held`: nothing, the transport is full.

    `waiting` bytes of bodies wait for windows, or for the transport; `sent` were sent.
    """

    __slots__ = (
        "_last", "_late", "_out", "_ready", "_told_table", "client", "heads", "held", "limits", "owed", "peer", "room",
        "sent", "streams", "waiting", "window",
    )  # fmt: skip

    def __init__(self, limits: Limits, client: bool) -> None:
        self.limits, self.client = limits, client
        self.peer = Peer()
        self.streams: dict[int, Stream] = {}
        self.window = 65535
        self.room, self.owed, self.heads = limits.connection_window, 0, 0
        self.waiting = self.sent = 0
        self.held = False
        self._ready: deque[Stream] = deque()
        self._late: OrderedDict[int, bool] = OrderedDict()  # whether what comes for it is forgiven
        self._out: list[bytes] = []
        self._last = _NONE  # that was written to, and what
        self._told_table = False

    def take_out(self) -> bytes:
        """What is to be written now; b"" for nothing."""
        out = self._out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self._last = _NONE
        return data

    # -- messages

    def send_headers(self, number: int, block: bytes, ended: bool = False) -> None:
        """The head of a message, a field block that refers to no dynamic table. Nothing, where the stream is gone."""
        stream = self.streams.get(number)
        if stream is None or stream.state not in WE_END:
            return
        self._write_block(number, block, ended)
        if ended:
            self._we_end(stream)

    def send_data(self, number: int, data: bytes, ended: bool = False) -> bool:
        """More of a body, not empty unless `ended`. False: so much waits that the sender should, until `Drained`."""
        stream = self.streams.get(number)
        if stream is None or stream.state not in WE_END:
            return True
        if not data:
            self.send_end(number)
            return True
        if ended:
            stream.trailers = b""
        if not stream.waiting and not self.held and len(data) <= min(_MOST_DATA, self.window, stream.window):
            self._write_data(stream, data, ended)
            return True
        stream.put(data)
        self.waiting += len(data)
        self._queue(stream)
        self._pump([])
        if stream.waiting > self.limits.queue:
            stream.full = True
        return not stream.full

    def send_end(self, number: int, trailers: bytes = b"") -> None:
        """The message is complete; `trailers` is a field block, b"" for none."""
        stream = self.streams.get(number)
        if stream is None or stream.state not in WE_END or stream.trailers is not None:
            return
        stream.trailers = trailers
        if not stream.waiting:
            self._write_end(stream)

    def reset(self, number: int, code: Code = Code.NO_ERROR) -> None:
        """Give a stream up; what the peer still sends on it is ignored. One that is gone: nothing."""
        stream = self.streams.get(number)
        if stream is not None:
            self._forget(stream, code)

    # -- the transport's pace

    def hold(self) -> None:
        """The transport is full: what is sent waits."""
        self.held = True

    def release(self) -> list[Event]:
        """It takes more."""
        self.held = False
        events: list[Event] = []
        self._pump(events)
        return events

    # -- what was received is taken

    def taken(self, number: int, cost: int) -> None:
        """So much of what came on a stream needs no room here any more: the peer may send as much again."""
        stream = self.streams.get(number)
        if stream is None or not cost:
            return
        stream.lying -= cost
        self._give_back(cost)
        stream.owed += cost
        if stream.owed >= self.limits.window // 2 and stream.state < HALF_REMOTE:
            self._out.append(frames.window(number, stream.owed))
            stream.room += stream.owed
            stream.owed = 0

    def _give_back(self, cost: int) -> None:
        self.owed += cost
        if self.owed >= self.limits.connection_window // 2:
            self._out.append(frames.window(0, self.owed))
            self.room += self.owed
            self.owed = 0

    # -- inside

    def _write_block(self, number: int, block: bytes, ended: bool) -> None:
        if self._told_table is False and self.peer.table_size < hpack.TABLE_SIZE:
            self._told_table = True
            block = hpack.NO_TABLE + block
        size = len(block)
        if size <= self.peer.max_frame:
            self._out += (frames.block_head(size, ended, number), block)
        else:
            self._out.append(frames.headers(number, block, ended, self.peer.max_frame))

    def _write_data(self, stream: Stream, data: bytes, ended: bool) -> None:
        size = len(data)
        self.window -= size
        stream.window -= size
        self.sent += size
        stream.sent += size
        self._out += (frames.data_head(size, ended, stream.number), data)
        self._last = (stream, data)
        self._sent_data(size >= _DRIBBLE or not stream.waiting)
        if ended:
            self._we_end(stream)

    def _sent_data(self, useful: bool) -> None:
        """A frame of DATA was written; not `useful`: it is small because the peer grants no more."""

    def _sent_all(self) -> None:
        """A message was written to its end."""

    def _write_end(self, stream: Stream) -> None:
        if stream.trailers:
            self._write_block(stream.number, stream.trailers, True)
            self._we_end(stream)
        elif self._out and self._last[0] is stream and self._out[-1] is self._last[1]:
            self._out[-2] = frames.data_head(len(self._last[1]), True, stream.number)  # it has not left yet
            self._we_end(stream)
        else:
            self._write_data(stream, b"", True)

    def _we_end(self, stream: Stream) -> None:
        stream.state = WE_END[stream.state]
        self._sent_all()
        if stream.state == CLOSED:
            self._close(stream)
        elif not self.client:
            self._forget(stream, Code.NO_ERROR)  # all is answered: the rest of the request has no use (RFC 9113 8.1)

    def _queue(self, stream: Stream) -> None:
        if not stream.queued:
            stream.queued = True
            self._ready.append(stream)

    def _pump(self, events: list[Event]) -> None:
        """Send what may be sent, a frame of each stream in turn."""
        ready = self._ready
        while ready and self.window > 0 and not self.held:
            stream = ready.popleft()
            if stream.state not in WE_END or not stream.waiting or stream.window <= 0:
                stream.queued = False
                continue
            data = stream.take(min(_MOST_DATA, self.window, stream.window))
            self.waiting -= len(data)
            self._write_data(stream, data, not stream.waiting and stream.trailers == b"")
            if stream.waiting:
                ready.append(stream)
            else:
                stream.queued = False
                if stream.trailers:
                    self._write_end(stream)
            if stream.full and stream.waiting <= self.limits.queue // 2:
                stream.full = False
                if stream.trailers is None:
                    events.append(Drained(stream.number))

    def _close(self, stream: Stream) -> None:
        """Both sides are through with it."""
        del self.streams[stream.number]
        stream.state = CLOSED
        self.heads -= stream.head
        if stream.queue is not None:
            stream.queue.clear()
            self.waiting -= stream.waiting
            stream.waiting = 0
        if stream.lying:
            self._give_back(stream.lying)
        self._remember(stream.number, False)

    def _forget(self, stream: Stream, code: Code) -> None:
        """RST_STREAM: frames that were sent before it was heard are forgiven."""
        self._close(stream)
        self._out.append(frames.reset(stream.number, code))
        self._remember(stream.number, True)

    def _remember(self, number: int, forgiven: bool) -> None:
        self._late[number] = forgiven
        if len(self._late) > _LATE:
            self._late.popitem(last=False)
