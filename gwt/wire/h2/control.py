"""Frames that carry no message: settings, pings, windows, resets, and the way out. Each is paid for from a budget."""

from __future__ import annotations

from gwt.wire.h2 import frames
from gwt.wire.h2.events import Event, GoingAway, Opened, Reset
from gwt.wire.h2.faults import Code, ConnectionFault, StreamFault
from gwt.wire.h2.frames import long_at, setting_at
from gwt.wire.h2.guards import Budget
from gwt.wire.h2.options import Limits
from gwt.wire.h2.sending import Sender
from gwt.wire.h2.stream import LITTLE, Stream

#: Points for control frames, and how many come back a second; those that cost more than one.
_FRAMES, _FRAMES_A_SECOND = 1000, 100
_SETTINGS_COST, _UPDATE_EARNS = 20, 2
#: A stream's own: windows when it begins and when its message was read, of it and of the connection (grpcio sends 3.5).
STREAM_EARNS = 6
#: Streams that may be given up at once, as a part of those that may be open (one in so many, but at least so many);
#: and a second, beyond these.
_RESETS_PART, _RESETS_LEAST, _RESETS_A_SECOND = 4, 100, 10
_DRAINING, _ASKING = b"gwt-bye\0", b"gwt-ask\0"


def protocol_error(message: str) -> ConnectionFault:
    """A peer that does not speak HTTP/2 as it must."""
    return ConnectionFault(Code.PROTOCOL_ERROR, message)


class Control(Sender):
    """What a connection knows besides its messages.

    `last` is the highest stream that the peer has opened; `final` the last one that it may (None: not said yet);
    `refused_above`: the peer's own GOAWAY; `over`: nothing more is read.
    """

    __slots__ = ("_calls", "_events", "_next", "_now", "_resets", "final", "last", "over", "refused_above")

    def __init__(self, limits: Limits, client: bool) -> None:
        super().__init__(limits, client)
        savings = STREAM_EARNS * limits.max_streams  # all may be opened first, and all windows follow
        self._calls = Budget(_FRAMES, _FRAMES_A_SECOND, "more control frames than anybody needs", savings)
        most = max(_RESETS_LEAST, limits.max_streams // _RESETS_PART)
        self._resets = Budget(most, _RESETS_A_SECOND, "too many streams begun and given up")
        self._events: list[Event] = []
        self._now = 0.0
        self._next = 1
        self.last = 0
        self.final: int | None = None
        self.refused_above: int | None = None
        self.over = False

    # -- the way out

    def drain(self) -> None:
        """Take no new streams, from when the peer knows of it: what it has sent by then is still answered."""
        if self.final is None and not self.over:
            self._out.append(frames.goaway(frames.MOST_STREAM, Code.NO_ERROR) + frames.ping(_DRAINING))
            self.final = frames.MOST_STREAM

    def leave(self, code: Code = Code.NO_ERROR, message: str = "") -> None:
        """Take no new streams from now on."""
        self.final = self.last
        self._out.append(frames.goaway(self.last, code, message.encode("ascii", "replace")))

    def ask(self) -> None:
        """PING: a peer that is there says something."""
        self._out.append(frames.ping(_ASKING))

    @property
    def done(self) -> bool:
        """Whether the end was told, and all that was asked before it is answered."""
        return self.final is not None and not self.streams and self.final != frames.MOST_STREAM

    # -- frames

    def _idle(self, number: int) -> bool:
        """Whether a stream was never opened."""
        return number >= self._next if self._is_ours(number) else number > self.last

    def _is_ours(self, number: int) -> bool:
        return bool(number & 1) == self.client

    def _sent_data(self, useful: bool) -> None:
        calls = self._calls
        if useful and calls.left < calls.most:
            calls.earn(_UPDATE_EARNS)

    def _sent_all(self) -> None:
        resets = self._resets
        if resets.left < resets.most:
            resets.earn(1)

    def _on_settings(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise protocol_error("SETTINGS on a stream")
        if flags & frames.ACK:
            if payload:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "an acknowledgement with settings")
            self._calls.spend(1, self._now)
            return
        if len(payload) % 6:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "half a setting")
        self._calls.spend(_SETTINGS_COST, self._now)
        before = self.peer.window
        for at in range(0, len(payload), 6):
            identifier, value = setting_at(payload, at)
            self.peer.take(identifier, value, from_server=self.client)
        self._out.append(frames.SETTINGS_ACK)
        if self.peer.window != before:
            self._widen_all(self.peer.window - before)

    def _widen_all(self, more: int) -> None:
        """The initial window was changed: that of every stream changes by as much, perhaps to below zero."""
        for stream in self.streams.values():
            stream.window += more
            if stream.window > frames.MOST_WINDOW:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window that is too large")
            self._widened(stream, more)
        self._pump(self._events)

    def _on_ping(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise protocol_error("PING on a stream")
        if len(payload) != 8:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a PING that has not 8 bytes")
        self._calls.spend(1, self._now)
        if not flags & frames.ACK:
            self._out.append(frames.ping(payload, ack=True))
        elif payload == _DRAINING and self.final == frames.MOST_STREAM:
            self.leave()

    def _on_goaway(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise protocol_error("GOAWAY on a stream")
        if len(payload) < 8:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a GOAWAY that is too short")
        self._calls.spend(1, self._now)
        last = long_at(payload, 0)[0] & frames.MOST_STREAM
        if self.refused_above is not None and last > self.refused_above:
            raise protocol_error("a GOAWAY that takes back another")
        self.refused_above = last
        self._events.append(GoingAway(last, long_at(payload, 4)[0]))

    def _on_window(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a WINDOW_UPDATE that has not 4 bytes")
        self._calls.spend(1, self._now)
        more = long_at(payload, 0)[0] & frames.MOST_WINDOW
        if number == 0:
            if not more:
                raise protocol_error("a window that grows by nothing")
            self.window += more
            if self.window > frames.MOST_WINDOW:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "a window that is too large")
        else:
            self._widen(number, more)
        self._pump(self._events)

    def _widen(self, number: int, more: int) -> None:
        stream = self.streams.get(number)
        if stream is None:
            if self._idle(number):
                raise protocol_error("a window for a stream that was never opened")
            return
        if not more:
            raise StreamFault(Code.PROTOCOL_ERROR, "a window that grows by nothing")
        stream.window += more
        if stream.window > frames.MOST_WINDOW:
            raise StreamFault(Code.FLOW_CONTROL_ERROR, "a window that is too large")
        self._widened(stream, more)

    def _widened(self, stream: Stream, more: int) -> None:
        if stream.waiting:
            self._queue(stream)
        elif not self.client and stream.window >= LITTLE > stream.window - more:
            self._events.append(Opened(stream.number))

    def _on_reset(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "an RST_STREAM that has not 4 bytes")
        if number == 0 or self._idle(number):
            raise protocol_error("a reset of a stream that was never opened")
        self._calls.spend(1, self._now)
        stream = self.streams.get(number)
        if stream is None:
            return
        if not self.client:
            self._resets.spend(1, self._now)
        self._close(stream)
        self._events.append(Reset(number, long_at(payload, 0)[0]))

    def _on_priority(self, flags: int, number: int, payload: bytes) -> None:
        if number == 0:
            raise protocol_error("PRIORITY of no stream")
        self._calls.spend(1, self._now)
        if len(payload) != 5:
            raise StreamFault(Code.FRAME_SIZE_ERROR, "a PRIORITY that has not 5 bytes")
        if long_at(payload, 0)[0] & frames.MOST_STREAM == number:
            raise StreamFault(Code.PROTOCOL_ERROR, "a stream that depends on itself")

    def _on_push(self, flags: int, number: int, payload: bytes) -> None:
        raise protocol_error("a PUSH_PROMISE, which nobody has allowed")
