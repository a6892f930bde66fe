"""Trunk: an HTTP/2 connection to an endpoint, which carries many calls at once.

Whose calls these are, and where others go, is its pool's business; what becomes of a call is its owner's.
"""

from __future__ import annotations

from socket import MSG_DONTWAIT
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.errors import GatewayError
from gwt.tls.client import HTTP2
from gwt.upstream.call import Call
from gwt.wire.h2.connection import Connection
from gwt.wire.h2.events import Data, Drained, Ended, Event, GoingAway, Headers, Reset, Trailers
from gwt.wire.h2.faults import Code
from gwt.wire.h2.options import Limits

if TYPE_CHECKING:
    from gwt.upstream.trunks import Trunks

_log = Logger()

#: What an endpoint may have on its way to us. The window of the whole connection never fills: a client that takes
#: nothing stops its own stream, and nobody else's.
LIMITS = Limits(window=256 * 1024, connection_window=1 << 30, header_bytes=64 * 1024, header_fields=200)
#: Seconds without a word while calls wait, after which the endpoint is asked whether it is there (PING), and how long
#: it may take to say so. One that has nothing else to say is not asked again for so long: many take more for abuse.
_QUIET, _PATIENCE, _ASK_AGAIN = 15.0, 10.0, 310.0
#: Seconds that the last bytes have to be taken.
_PARTING = 5.0


@implementer(IProtocol, IPushProducer)
class Trunk:
    """`calls` under way, by stream. `ready`: the endpoint's settings have come, which they must until `due`.

    `leaving`: it takes no further calls; `fresh`: it has carried none yet. `since` (monotonic seconds, as `due`) is
    when it became idle.
    """

    __slots__ = (
        "_asked_at", "_behind", "_closed_at", "_heard_at", "_over", "_read", "_why", "calls", "due", "fresh",
        "leaving", "pool", "ready", "since", "transport", "wire",
    )  # fmt: skip

    native_data_received = True
    transport: Any

    def __init__(self, pool: Trunks, due: float) -> None:
        self.pool, self.due = pool, due
        self.wire = Connection(LIMITS, client=True)
        self.calls: dict[int, Call] = {}
        self.ready = self.leaving = self._behind = self._over = False
        self.fresh = True
        self.since = self._heard_at = 0.0
        self._asked_at: float | None = None
        self._closed_at: float | None = None
        self._read = 0
        self._why: GatewayError | None = None

    @property
    def room(self) -> int:
        """How many more calls it takes now."""
        return self.wire.room_for if self.ready and not self.leaving else 0

    # -- for calls

    def open(self, call: Call, block: bytes, ended: bool, bodiless: bool) -> int:
        """A request begins; its stream."""
        number = self.wire.open(block, ended, bodiless)
        self.calls[number] = call
        self.fresh = False
        return number

    def give_up(self, call: Call, code: Code) -> None:
        """A call is over; where its stream is not, it is reset."""
        if self.calls.pop(call.number, None) is None:
            return
        self.wire.reset(call.number, code)
        if not self.calls:
            self._idle()
        self.flush()
        self.pool.freed()

    def flush(self) -> None:
        """Write what there is to be written, soon."""
        self.pool.cork.flush(self)

    def write_out(self) -> None:
        """Write what there is to be written."""
        data = self.wire.take_out()
        if data and not self._over:
            self.transport.write(data)

    # -- for the pool

    def retire(self) -> None:
        """Take no further calls, and close after the last."""
        self.leaving = True
        self.pool.left(self)
        if not self.calls:
            self._close()

    def tick(self, now: float) -> None:
        """Looked at about once a second."""
        if not self.ready:
            if now > self.due:
                self._break(None)
        elif self._closed_at is not None:
            if now - self._closed_at > _PARTING:
                self._break(None)
        elif self.calls:
            self._look(now)
        elif now - self.since > self.pool.keeps:
            self.retire()

    def _look(self, now: float) -> None:
        """See whether the endpoint is still there."""
        asked, said = self._asked_at, self.wire.read - self._read
        if asked is not None and not said:
            if now - asked > _PATIENCE:
                self._break(GatewayError("connect_failed", "the upstream is gone", detail="connection_terminated"))
            return
        patience = _ASK_AGAIN if asked is not None and said == 1 else _QUIET
        if now - max(self._heard_at, asked or 0.0) > patience:
            self._asked_at, self._read = now, self.wire.read
            self.wire.ask()
            self.flush()

    # -- IProtocol

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin, where the endpoint has not chosen another protocol."""
        if self.pool.tls is not None and self.transport.negotiatedProtocol != HTTP2.encode():
            self._break(self.pool.no_http2())
        else:
            self.flush()

    def dataReceived(self, data: bytes) -> None:
        now = self._heard_at = self.pool.clock()
        self._hear(self.wire.receive(data, now))
        if self._over:
            return
        self.flush()
        if self.wire.behind:
            self._read_later()
        if not self.ready and self.wire.settled:
            self.ready, self.since = True, now
            self.pool.opened(self)
        else:
            self.pool.freed()

    def _read_later(self) -> None:
        """There are many frames: others have their turn."""
        reactor = getattr(self.transport, "reactor", None)
        if reactor is None:
            self._read_on()
        elif not self._behind:
            self._behind = True
            self.transport.pauseProducing()
            self.pool.share.wait(reactor, self._read_on)

    def _read_on(self) -> None:
        if self._behind:
            self._behind = False
            if not self._over:
                self.transport.resumeProducing()
        if not self._over:
            self.dataReceived(b"")

    def connectionLost(self, reason: Failure) -> None:
        while self.wire.behind and not self._over:
            self._behind = False
            self._hear(self.wire.receive(b"", self._heard_at))
        self._over = True
        calls, self.calls = self.calls, {}
        self.pool.lost(self, self._why)
        for call in calls.values():
            call.lost(self._why)

    # -- IPushProducer, for what we send

    def pauseProducing(self) -> None:
        self.wire.hold()

    def resumeProducing(self) -> None:
        self._hear(self.wire.release())
        self.flush()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost tells the calls.

        An endpoint that goes may have said which requests it has not looked at: what is there is still read.
        """
        if self._over or self.pool.tls is not None:
            return
        try:
            while not self._over and (data := self.transport.getHandle().recv(65536, MSG_DONTWAIT)):
                self.dataReceived(data)
        except (OSError, AttributeError):
            return  # nothing more is there, or there is no socket under the transport

    # -- what is heard

    def _hear(self, events: list[Event]) -> None:
        cork = self.pool.cork
        cork.depth += 1
        try:
            before: Headers | None = None  # a head, which is told with what stands behind it
            for event in events:
                kind = type(event)
                if before is not None:
                    behind = kind is Data and event.stream == before.stream  # type: ignore[union-attr]
                    self._tell(before, event if behind else None)  # type: ignore[arg-type]
                    before = None
                    if behind:
                        continue
                if kind is Headers:
                    before = event  # type: ignore[assignment]
                elif kind is Data or kind is Trailers:
                    self._tell(event, None)  # type: ignore[arg-type]
                else:
                    self._heard(event)  # type: ignore[arg-type]
            if before is not None:
                self._tell(before, None)
        except Exception:
            _log.failure("what an endpoint said could not be handled")
            self._break(GatewayError("internal", "the gateway failed to handle what the upstream said"))
        finally:
            cork.leave()

    def _tell(self, event: Headers | Data | Trailers, first: Data | None) -> None:
        """A call hears of its answer."""
        call = self.calls.get(event.stream)
        if call is None:
            return
        try:
            if isinstance(event, Headers):
                call.head(event, first)
            elif isinstance(event, Data):
                call.body(event)
            else:
                call.trailers(event)
        except Exception as error:
            call.failed(error)

    def _heard(self, event: Reset | Drained | GoingAway | Ended) -> None:
        if isinstance(event, Ended):
            self._ended(event)
        elif isinstance(event, GoingAway):
            self._going(event.last)
        elif (call := self.calls.get(event.stream)) is not None:
            if isinstance(event, Reset):
                self.give_up(call, Code.NO_ERROR)
                call.reset(event)
            elif call.owner is not None:
                call.owner.resume_request()

    def _going(self, last: int) -> None:
        """GOAWAY: calls up to `last` go on, the others may be made elsewhere."""
        self.leaving = True
        self.pool.left(self)
        for number, call in list(self.calls.items()):
            if number > last:
                self.give_up(call, Code.CANCEL)
                call.passed_over()
        if not self.calls:
            self._close()

    def _ended(self, event: Ended) -> None:
        """What the endpoint says is no HTTP/2 (any more)."""
        if not self.ready:
            self._break(self.pool.no_http2())
            return
        detail = "http_response_header_section_size" if event.code == Code.ENHANCE_YOUR_CALM else None
        self._break(GatewayError("bad_answer", f"the upstream broke HTTP/2: {event.message}", detail=detail))

    # -- the end

    def _idle(self) -> None:
        self.since = self.pool.clock()
        if self.leaving:
            self._close()

    def _close(self) -> None:
        """Say goodbye; what was written is still sent."""
        if self._closed_at is None and not self._over:
            self._closed_at = self.pool.clock()
            self.pool.left(self)
            if not self.wire.over:
                self.wire.leave()
            data = self.wire.take_out()
            if data:
                self.transport.write(data)
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def _break(self, why: GatewayError | None) -> None:
        """At once. `why` is what calls are told."""
        if self._over:
            return
        self._over = self.leaving = True
        self._why = why
        self.pool.left(self)
        data = self.wire.take_out()
        if data:
            self.transport.write(data)
        self.transport.abortConnection()
