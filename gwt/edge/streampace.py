"""The pace of a client over HTTP/2: heads, bodies and windows that come too slowly, connections that nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwt.edge.side import MINIMUM_RATE
from gwt.errors import GatewayError
from gwt.wire.h2.faults import Code

if TYPE_CHECKING:
    from gwt.edge.multiplex import Multiplex
    from gwt.edge.streamed import Streamed


class StreamPace:
    """Looks at a connection about once a second. `_moved`: when a frame or a field block was last complete.

    `_taking` has, for streams on which something waits, since when, and what was sent until then.
    """

    __slots__ = ("_moved", "_multiplex", "_read", "_sent", "_sent_at", "_taking")

    def __init__(self, multiplex: Multiplex, now: float) -> None:
        self._multiplex = multiplex
        self._moved = self._sent_at = now
        self._read = self._sent = 0
        self._taking: dict[int, tuple[float, int]] = {}

    def tick(self, now: float) -> None:
        """See who is too slow."""
        multiplex = self._multiplex
        if not multiplex.requests and not multiplex.wire.streams:
            if now - multiplex.idle_since > multiplex.factory.limits.idle_timeout:
                multiplex.end(Code.NO_ERROR, "idle")
                return
        if self._head_is_slow(now):
            multiplex.end(Code.ENHANCE_YOUR_CALM, "a head that took too long")
            return
        for request in list(multiplex.requests.values()):
            if not request.body_done and request.begun:
                self._watch_sending(request, now)
        self._watch_taking(now)

    def _head_is_slow(self, now: float) -> bool:
        """Whether a frame, or a field block, has been incomplete for too long."""
        wire = self._multiplex.wire
        if wire.read != self._read or not wire.within:
            self._read, self._moved = wire.read, now
        return now - self._moved > self._multiplex.factory.limits.header_timeout

    def _watch_sending(self, request: Streamed, now: float) -> None:
        """A body must come at the minimum rate for as long as it is taken, as over HTTP/1.1."""
        grace = self._multiplex.factory.limits.header_timeout
        earned = (request.bytes_in - request.paid) / MINIMUM_RATE
        request.paid = request.bytes_in
        request.since = min(request.since + earned, now + 3 * grace)
        waits = request.head.expect and not request.bytes_in and request.reader is not None
        if request.stopped or waits or request.answering:
            request.since = max(request.since, now)
        elif now - request.since > grace:
            self._multiplex.refuse(request, GatewayError("slow_request", "the request's body comes too slowly"))

    def _watch_taking(self, now: float) -> None:
        """What waits for windows must be taken at the minimum rate; whoever takes nothing at all is shown out."""
        multiplex, grace = self._multiplex, self._multiplex.factory.limits.header_timeout
        wire, taking = multiplex.wire, {}
        slow = []
        for number, stream in wire.streams.items():
            if stream.waiting:
                since, sent = self._taking.get(number, (now, stream.sent))
                if now - since >= grace:
                    if stream.sent - sent < MINIMUM_RATE * grace:
                        slow.append(number)
                    since, sent = now, stream.sent
                taking[number] = since, sent
        self._taking = taking
        if slow and wire.sent == self._sent and now - self._sent_at >= grace:
            multiplex.blame("slow_client")
            multiplex.end(Code.ENHANCE_YOUR_CALM, "answers are not taken")
            return
        if wire.sent != self._sent or not taking:
            self._sent, self._sent_at = wire.sent, now
        for number in slow:
            self._give_up(number)

    def _give_up(self, number: int) -> None:
        multiplex = self._multiplex
        multiplex.wire.reset(number, Code.ENHANCE_YOUR_CALM)
        request = multiplex.requests.get(number)
        if request is not None:
            multiplex.gone(request, "slow_client")
        multiplex.flush()
