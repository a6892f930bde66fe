"""The client's side of a channel: its pace, its deadlines and its end; nothing of HTTP's syntax.

Deadlines are looked at by the factory's tickers, so that no request costs a timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gwt.edge import kernel
from gwt.errors import GatewayError
from gwt.phase.ticker import Ticking
from gwt.secure.ends import half_close_of

if TYPE_CHECKING:
    from gwt.edge.listener import HttpFactory
    from gwt.edge.multiplex import Multiplex
    from gwt.edge.request import Request
    from gwt.tls.peer import Handshake

#: What a channel waits for: a head, the rest of a body, the end of an exchange, its turn (the client must take
#: answers first, or others are served in between), or nothing any more. FRAMED: whatever comes is HTTP/2.
READY, COUNTED, CODED, WAIT, HELD, TUNNEL, LINGER, DEAD, FRAMED = range(9)

#: Why a client is not read from: nobody takes what it sends, or what it has sent is not decoded yet.
FULL, BEHIND = 1, 2

#: Seconds and bytes for which a refused client is still read from, so that it can see the refusal.
_LINGER = 2.0
_LINGER_BYTES = 16 * 1024 * 1024
#: A body (or an answer that is taken) slower than this many bytes a second, after some seconds of grace, is an attack.
MINIMUM_RATE = 100
#: A fast sender has credit for a pause of at most this many graces.
_CREDIT = 3
#: Seconds after the end of a client's sending until it is asked, by an interim answer, whether it is still there;
#: and until one that can't be asked is taken for gone.
_PROBE_AFTER = 0.4
_GONE_AFTER = 0.9


class ClientSide:
    """How one client connection is read, watched and closed.

    `due` (monotonic seconds) is the deadline of what the channel waits for now; a body is paid for until `since`.
    `tls` is what its handshake has settled, None where there was none.
    """

    __slots__ = (
        "_buffer", "_counted", "_decoder", "_ended_at", "_ended_out", "_left", "_paid", "_probed", "_pumping",
        "_slot", "_stalled_at", "_stopped", "_taken", "client", "due", "factory", "forwarded_lines", "multiplex",
        "peer", "port", "request", "scheme", "since", "state", "tls", "transport", "trusted",
    )  # fmt: skip

    transport: Any
    request: Request | None
    client: str
    peer: str
    port: int
    scheme: bytes
    forwarded_lines: bytes
    trusted: bool
    since: float
    due: float
    _slot: dict[Ticking, None] | None

    def __init__(self, factory: HttpFactory) -> None:
        self.factory = factory
        self.request = None
        self.tls: Handshake | None = None
        self.multiplex: Multiplex | None = None
        self.state = READY
        self._slot = None
        self._buffer = b""
        self._left = self._counted = self._paid = 0
        self._stopped = 0  # why the client is not read from: FULL, BEHIND
        self._pumping = self._probed = False
        self._ended_at: float | None = None
        self._ended_out: tuple[Request, int] | None = None  # what was written of which answer
        self._stalled_at: float | None = None
        self._taken: int | None = None

    def refuse(self, error: GatewayError) -> None:
        """Answer an error that makes the connection unusable."""
        raise TypeError(type(self))

    # -- reading

    def pause_reading(self, why: int = FULL) -> None:
        """Stop reading from the client."""
        if not self._stopped and self.state != DEAD:
            self.transport.pauseProducing()
        self._stopped |= why

    def resume_reading(self, why: int = FULL) -> None:
        """Read from the client again, where nothing else speaks against it."""
        before, self._stopped = self._stopped, self._stopped & ~why
        if before and not self._stopped and self.state != DEAD:
            self.transport.resumeProducing()

    # -- the end

    def abort(self) -> None:
        """Close at once, visibly broken."""
        if self.state != DEAD:
            self.state = DEAD
            self.transport.abortConnection()

    def drain(self) -> None:
        """The gateway is going: an idle connection closes now, a busy one after its answer.

        One that has asked, and was not read yet, is a busy one: it was told nothing that kept it from asking.
        """
        if self.state == FRAMED:
            self.multiplex.drain()  # type: ignore[union-attr]
        elif self.state == READY and not self._buffer and not kernel.unread(self.transport):
            self._close()

    def _close(self) -> None:
        """Close once everything is sent."""
        if self.state != DEAD:
            self.state = LINGER
            self._left = _LINGER_BYTES
            self.due = self.factory.clock() + _LINGER
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def _linger(self) -> None:
        """Half-close, then read on for a while: a close now would destroy the answer on its way."""
        self._buffer = b""
        half_close = half_close_of(self.transport)
        if self._ended_at is not None or half_close is None:
            self.resume_reading(FULL | BEHIND)
            self._close()  # TLS reads on by itself until the client has said goodbye too
            return
        self.state = LINGER
        self._left = _LINGER_BYTES
        self.due = self.factory.clock() + _LINGER
        self.resume_reading(FULL | BEHIND)
        self.transport.unregisterProducer()
        half_close()

    def _ignored(self, data: bytes) -> None:
        """What a refused client still sends is read, so that it can read; one that floods has to wait."""
        self._left -= len(data)
        reactor = getattr(self.transport, "reactor", None)
        if self._left < 0:
            self.pause_reading()
        elif reactor is not None and not self._stopped:
            self.pause_reading(BEHIND)  # a transport may read megabytes in one turn
            self.factory.share.wait(reactor, self._ignore_more)

    def _ignore_more(self) -> None:
        if self.state == LINGER:
            self.resume_reading(BEHIND)

    # -- time

    def tick(self, now: float) -> None:
        """Looked at about once a second; more often once the client has ended its side."""
        state = self.state
        if self._stalled_at is not None:
            self._watch_taking(now)
        elif state == READY:
            if now > self.due:
                self._out_of_time()
        elif state == WAIT:
            if self._ended_at is not None:
                self._look_for_client(now, now - self._ended_at)
        elif state in (COUNTED, CODED):
            self._watch_sending(now)
        elif state == FRAMED:
            self.multiplex.tick(now)  # type: ignore[union-attr]
        elif state == LINGER and now > self.due:
            self._linger_over(now)

    def _out_of_time(self) -> None:
        if self._buffer.strip(b"\r\n"):
            self.refuse(GatewayError("slow_request", "the request's head took too long", close=True))
        else:
            self._close()

    def _watch_sending(self, now: float) -> None:
        """A body must come at the minimum rate for as long as we read it."""
        grace = self.factory.limits.header_timeout
        earned = (self._counted - self._paid) / MINIMUM_RATE
        self._paid = self._counted
        self.since = min(self.since + earned, now + _CREDIT * grace)
        if self._stopped or self._waits_for_100():
            self.since = max(self.since, now)
        elif now - self.since > grace:
            self.refuse(GatewayError("slow_request", "the request's body comes too slowly", close=True))

    def _waits_for_100(self) -> bool:
        request = self.request
        return request is not None and request.head.expect and not self._counted and request.reader is not None

    def _watch_taking(self, now: float) -> None:
        """What is written must be taken at the minimum rate once the buffers are full."""
        assert self._stalled_at is not None
        grace = self.factory.limits.header_timeout
        if now - self._stalled_at < grace:
            return
        count = kernel.taken(self.transport)
        if self._taken is not None and count - self._taken < MINIMUM_RATE * grace:
            if self.request is not None:
                self.request.code = "slow_client"
            if self.multiplex is not None:
                self.multiplex.blame("slow_client")
            self.abort()
            return
        self._taken, self._stalled_at = count, now
        if self.state == LINGER and not kernel.unsent(self.transport):
            self.abort()

    def _linger_over(self, now: float) -> None:
        """A client that still takes its answer has time for as long as it takes it."""
        if kernel.unsent(self.transport) > 1:
            self._stalled_at, self._taken = now, None
        else:
            self.abort()

    def _look_for_client(self, now: float, waited: float) -> None:
        """Find out whether a client that ended its side still reads: a closed socket answers bytes with a reset."""
        request = self.request
        assert request is not None
        if kernel.broken(self.transport):
            self.abort()
        elif not request.answering:
            if waited > _PROBE_AFTER and not self._probed and request.head.http11:
                self._probed = True
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        elif self._ended_out == (request, request.bytes_out) and waited > _GONE_AFTER:
            self.abort()  # nothing can be written between the pieces of an answer
