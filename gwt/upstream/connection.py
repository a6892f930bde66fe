"""One connection to an endpoint: one exchange at a time, its answer parsed and handed on.

The protocol decides nothing about retries or policies: it tells its owner what came, and its
pool whether it can be used again.
"""

from __future__ import annotations

from socket import MSG_DONTWAIT
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from gwt.errors import GatewayError
from gwt.secure.ends import half_close_of
from gwt.shortcut import shortcut
from gwt.wire import chunked
from gwt.wire.request import plausible
from gwt.wire.response import CHUNKED, UNTIL_CLOSE, ResponseHead, parse_response
from gwt.wire.scan import head_end

if TYPE_CHECKING:
    from gwt.upstream.owner import Owner
    from gwt.upstream.pool import Pool, Waiter

_log = Logger()

MAX_HEAD = 64 * 1024
#: Chunks, and interim answers, of one server that are read before others have their turn.
_CHUNKS_IN_A_ROW = 256
_INTERIM_IN_A_ROW = 64
IDLE, HEAD, LENGTH, CODED, CLOSE, TUNNEL, DEAD = range(7)


@implementer(IProtocol, IPushProducer)
class Connection:
    """An HTTP/1.1 client connection, kept alive by its pool.

    `fresh` is True until it has carried an exchange; `heard` whether a byte of the present answer came;
    `since` is when it became idle, on the monotonic clock.
    """

    __slots__ = (
        "_behind",
        "_buffer",
        "_decoder",
        "_left",
        "_paused",
        "_to_head",
        "_waiter",
        "fresh",
        "heard",
        "owner",
        "pool",
        "reusable",
        "since",
        "state",
        "transport",
    )

    native_data_received = True
    transport: Any
    owner: Owner | None
    _decoder: chunked.Decoder

    def __init__(self, pool: Pool, waiter: Waiter) -> None:
        self.pool = pool
        self.state = IDLE
        self.owner = None
        self.fresh = True
        self.heard = self._paused = self._behind = False
        self.reusable = True
        self.since = 0.0
        self._buffer = b""
        self._left = 0
        self._to_head = False
        self._waiter: Waiter | None = waiter

    # -- for the owner

    def begin(self, owner: Owner, request: bytes, to_head: bool) -> None:
        """Send a request's head (and what is there of its body); the answer goes to `owner`."""
        self.owner = owner
        self.state = HEAD
        self._to_head = to_head
        self.heard = False
        self.transport.write(request)

    def write(self, data: bytes) -> None:
        """More of the request's body, as it goes on the wire."""
        self.transport.write(data)

    def cancel(self) -> None:
        """The exchange is over for its owner: nothing more is told, the connection is dropped."""
        self.owner = None
        self._drop()

    def part(self) -> None:
        """As `cancel`, but what was written is still sent: the end of a tunnel."""
        self.owner = None
        self.state = DEAD
        self.pool.parting(self)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def end_sending(self) -> bool:
        """Send nothing more into a tunnel; what comes still comes. False where the transport has no half of an end."""
        half_close = half_close_of(self.transport)
        if half_close is None:
            return False
        self.transport.unregisterProducer()
        half_close()
        return True

    def pause(self) -> None:
        """Read no more of the answer for now."""
        if self.owner is not None and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            if not self._behind:
                self._read_on()

    def _let_others(self) -> None:
        """Go on with what is here in a later turn: a server that says much at once has nobody else wait."""
        reactor = getattr(self.transport, "reactor", None)
        if reactor is None:
            self._read_on()
        elif not self._behind:
            self._behind = True
            self.transport.pauseProducing()
            reactor.callLater(0, self._read_on)

    def _read_on(self) -> None:
        self._behind = False
        if self._more_is_here() and not (self._paused and self.state == CODED):
            self._take_more()
        if not (self._paused or self._behind or self.state == DEAD):
            self.transport.resumeProducing()

    def _more_is_here(self) -> bool:
        """Whether there are heads or chunks that were left for a later turn (or a head that is not complete)."""
        return (self.state == HEAD and bool(self._buffer)) or (self.state == CODED and self._decoder.behind)

    def _take_more(self) -> None:
        data, self._buffer = self._buffer, b""
        self.dataReceived(data)

    # -- IProtocol

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self.connectionMade()

    def connectionMade(self) -> None:
        """Tell who waits for it."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.connected(self)

    @shortcut("answer")
    def dataReceived(self, data: bytes) -> None:
        try:
            state = self.state
            if state == HEAD:
                self._head(data)
            elif state == LENGTH:
                self._counted(data)
            elif state == CODED:
                self._coded(data)
            elif state == CLOSE or state == TUNNEL:
                if self.owner is not None:
                    self.owner.answer_body(data)
            elif state == IDLE:
                self.pool.dropped(self)  # nobody asked: whatever this is, the next exchange must not get it
                self._drop()
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """What came is no answer, or could not be handled."""
        if isinstance(error, chunked.BadChunk):
            error = GatewayError("bad_answer", f"the answer's body is broken: {error}")
        elif not isinstance(error, GatewayError):
            _log.failure("an answer could not be handled", Failure(error))
            error = GatewayError("internal", "the gateway failed to handle the answer")
        self._fail(error)

    def connectionLost(self, reason: Failure) -> None:
        while (self._behind or self.state == CODED) and self._more_is_here():
            self._behind = False
            self._take_more()
        state, self.state = self.state, DEAD
        self.pool.lost(self, state == IDLE)
        owner, self.owner = self.owner, None
        if owner is None or state == IDLE:
            return
        clean = reason.check(ConnectionDone) is not None
        if state == TUNNEL or (state == CLOSE and clean):
            owner.answer_end([])
        elif state == HEAD and not self.heard:
            if not self.fresh:
                self.pool.beware()
            owner.answer_failed(
                GatewayError(
                    "connect_failed",
                    "the upstream closed the connection before its answer",
                    detail="connection_terminated",
                )
            )
        else:
            owner.answer_failed(
                GatewayError("bad_answer", "the upstream's answer was cut off", detail="http_response_incomplete")
            )

    # -- IPushProducer, for what we send: the transport's buffer is full, or empty again

    def pauseProducing(self) -> None:
        if self.owner is not None:
            self.owner.pause_request()

    def resumeProducing(self) -> None:
        if self.owner is not None:
            self.owner.resume_request()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost tells the owner.

        A server that does not want the rest of a request answers (413, say) and closes; its reset may be noticed by
        our writing before its answer was read. The answer is still there, and the client should see it.
        """
        if self.owner is not None:
            self.reusable = False
            if self.pool.tls is not None:
                return  # what is there is not to be read without TLS, which is over
            try:
                while self.owner is not None and (data := self.transport.getHandle().recv(65536, MSG_DONTWAIT)):
                    self.dataReceived(data)
            except (OSError, AttributeError):
                return  # nothing more is there, or there is no socket under the transport

    # -- the answer

    def _head(self, data: bytes) -> None:
        self.heard = True
        at = seen = interim = 0
        if self._buffer:
            seen = 0 if self._behind else len(self._buffer)
            data = self._buffer + data
            self._buffer = b""
        while True:
            end = head_end(data, seen and max(at, seen - 3), at + MAX_HEAD)
            if end < 0:
                self._partial(data[at:], max(0, seen - at))
                return
            head = parse_response(data[at:end], self._to_head)
            at = seen = end + 4
            if head.status >= 200:
                self._final(head, data[at:])
                return
            if head.status == 101:
                self._upgraded(head, data[at:])
                return
            if self.owner is not None:
                self.owner.answer_interim(head)
            if at == len(data) or self.state != HEAD:
                return
            interim += 1
            if interim == _INTERIM_IN_A_ROW:
                self._buffer = data[at:]
                self._let_others()
                return

    def _partial(self, data: bytes, seen: int) -> None:
        """A head that is not complete, refused at once if it can't become one; `seen` bytes of it were looked at."""
        if not b"HTTP/1.".startswith(data[:7]):
            raise GatewayError("bad_answer", "the upstream does not speak HTTP/1.1")
        if len(data) >= MAX_HEAD:
            raise GatewayError(
                "bad_answer", "the answer's head is too large", detail="http_response_header_section_size"
            )
        if not plausible(data, seen):
            raise GatewayError("bad_answer", "a control character or a bare CR or LF in the head of the answer")
        self._buffer = data

    def _upgraded(self, head: ResponseHead, data: bytes) -> None:
        owner = self.owner
        if owner is None or not owner.wants_upgrade:
            raise GatewayError("bad_answer", "the upstream switched protocols unasked")
        self.state = TUNNEL
        self.reusable = False
        owner.answer_upgraded(head, data)

    def _final(self, head: ResponseHead, data: bytes) -> None:
        owner = self.owner
        length = head.length
        if not head.keep_alive:
            self.reusable = False
        if head.idle_timeout is not None:
            self.pool.announced(head.idle_timeout)
        if owner is None:
            self._drop()
        elif length >= 0:
            if len(data) >= length:
                if len(data) > length:
                    self.reusable = False
                    data = data[:length]
                elif not length and (head.declared or head.coded):
                    self.reusable = False  # no body may follow, but there are servers that send it all the same
                self._done()
                owner.answer_head(head, data, True)
            else:
                self._left = length - len(data)
                self.state = LENGTH
                owner.answer_head(head, data, False)
        elif length == CHUNKED:
            self._final_coded(owner, head, data)
        else:
            assert length == UNTIL_CLOSE
            self.state = CLOSE
            owner.answer_head(head, data, False)

    def _final_coded(self, owner: Owner, head: ResponseHead, data: bytes) -> None:
        self.state = CODED
        self._decoder = chunked.Decoder(at_once=_CHUNKS_IN_A_ROW)
        body = self._decoder.feed(data) if data else b""
        if self._decoder.done and not self._decoder.trailers:
            self.reusable = self.reusable and not self._decoder.rest
            self._done()
            owner.answer_head(head, body, True)
        else:
            owner.answer_head(head, body, False)
            self._coded_on(owner)

    def _counted(self, data: bytes) -> None:
        left = self._left - len(data)
        owner = self.owner
        if left > 0:
            self._left = left
            if owner is not None:
                owner.answer_body(data)
            return
        if left < 0:
            self.reusable = False
            data = data[: self._left]
        if owner is not None and data:
            owner.answer_body(data)
        if self.owner is owner:
            self._done()
            if owner is not None:
                owner.answer_end([])

    def _coded(self, data: bytes) -> None:
        body = self._decoder.feed(data)
        owner = self.owner
        if owner is None:
            return
        if body:
            owner.answer_body(body)
        self._coded_on(owner)

    def _coded_on(self, owner: Owner) -> None:
        """See whether the body is complete, or more of it is here than one turn takes."""
        if self.state != CODED:
            return
        if self._decoder.behind:
            self._let_others()
        elif self._decoder.done:
            self.reusable = self.reusable and not self._decoder.rest
            trailers = self._decoder.trailers
            self._done()
            owner.answer_end(trailers)

    def _done(self) -> None:
        """The answer is complete: back to the pool, where the connection can be used again."""
        owner, self.owner = self.owner, None
        self.fresh = False
        self.state = IDLE
        if self.reusable and owner is not None and owner.request_sent:
            if self._paused:
                self.resume()
            self.pool.release(self)
        else:
            self._drop()

    def _fail(self, error: GatewayError) -> None:
        owner, self.owner = self.owner, None
        self._drop()
        if owner is not None:
            owner.answer_failed(error)

    def _drop(self) -> None:
        self.state = DEAD
        self.transport.abortConnection()
