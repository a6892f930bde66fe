"""Unwinding: the way back of one exchange: its answer passes the filters of those who saw the request, in reverse.

Stands between whoever answers (`Exchange.respond`, `send`, `finish`) and the client. Where nothing is left to filter
it is `passing`, and what follows goes by it untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.phase import fields as lines
from gwt.phase.answer import Answer
from gwt.phase.exchange import Exchange
from gwt.phase.lineup import Back
from gwt.phase.member import Member, Method, as_deferred
from gwt.phase.reply import Reply
from gwt.wire.date import date_line

_BODILESS = (204, 304)
_NOBODY = Back(())


def out_of_order() -> GatewayError:
    """What a client is told of a plugin's failure; the rest is in the log, by the request's id."""
    return GatewayError("plugin", "a plugin failed")


class Unwinding:
    """`back` is who filters, `answer` the head of the answer once there is one. What is not set yet is the class's.

    `debug`: the client has shown the debug token, and is told what ran.

    While a header_filter thinks (`_waiting`), what follows the head waits too: `_queue`, `_trailers`.
    """

    exchange: Exchange
    debug = False
    back = _NOBODY
    answer: Answer | None = None
    passing = True
    _filtering = False
    _asked: Method
    _waiting: Deferred[Any] | None = None
    _queue: Sequence[bytes] = ()
    _trailers: list[bytes] | None = None
    _rest: tuple[int | None, bytes, bool]

    # -- what subclasses know

    def report(self, member: Member, error: BaseException) -> None:
        """`member` failed with `error`."""
        raise TypeError(type(self))

    def watch(self) -> None:
        """Somebody lets the exchange wait: not for ever."""
        raise TypeError(type(self))

    def unwatch(self) -> None:
        """Nobody does any more."""
        raise TypeError(type(self))

    def told(self) -> bytes:
        """Field lines about the gateway's own work, for whoever debugs it."""
        return b""

    # -- the head

    def reply(self, reply: Reply) -> None:
        """Answer with `reply`."""
        exchange = self.exchange
        if reply.failure is not None or (reply.status >= 400 and exchange.wants_grpc):
            exchange.fail(reply.as_error())
            return
        exchange.code = exchange.code or reply.code
        fields = date_line() + reply.fields
        if reply.status in _BODILESS:
            exchange.respond(reply.status, b"", fields, None, b"", True)
        else:
            fields += b"Content-Length: %d\r\n" % len(reply.body)
            exchange.respond(reply.status, b"", fields, len(reply.body), reply.body, True)

    def respond(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, done: bool) -> None:
        """See `Exchange.respond`: the head goes through all filters, then on with what is there of the body."""
        if self._waiting is not None:
            self._overtaken()
        exchange = self.exchange
        if exchange.gone:
            self.passing = True
            exchange.respond(status, reason, fields, length, body, done)
            return
        answer = self.answer = Answer(status, reason, fields)
        self._rest = (length, body, done)
        self._filter_head(self.back.heads, answer)

    def _overtaken(self) -> None:
        """An error comes in place of the answer that a filter thinks about."""
        waiting, self._waiting = self._waiting, None
        self.unwatch()
        self._drop(self.back.owner(self._asked))
        if waiting is not None:
            waiting.cancel()

    def _filter_head(self, methods: Sequence[Method], answer: Answer) -> None:
        exchange, said = self.exchange, None
        try:
            for method in methods:
                said = method(exchange)
                if said is not None:
                    break
        except Exception as error:
            self._head_failed(self.back.owner(method), error)
            return
        if said is not None:
            self._head_said(method, said)
        elif self.back.bodies or self.debug or answer._status != answer.began_with:
            self._begin(answer)
        else:
            length, body, done = self._rest
            self.passing = True
            exchange.respond(answer._status, answer.reason, answer.fields, length, body, done)
            if self._queue or self._trailers is not None:
                self._flush()

    def _head_said(self, method: Method, said: Any) -> None:
        member = self.back.owner(method)
        if isinstance(said, Reply):
            self._replace(member, said)
            return
        later = as_deferred(said)
        if later is None:
            self._head_failed(member, TypeError(f"header_filter returned {type(said).__name__}, which is no Reply"))
            return
        self._asked, self._waiting = method, later
        if self.exchange.reader is not None:
            self.exchange.reader.pause_answer()
        self.watch()
        later.addCallbacks(self._head_fired, self._head_broke, callbackArgs=(later,), errbackArgs=(later,))

    def _head_fired(self, said: Any, later: Any) -> None:
        if self._waiting is not later:
            return
        self._go_on()
        heads, answer = self.back.heads, self.answer
        assert answer is not None
        if said is None:
            self._filter_head(heads[heads.index(self._asked) + 1 :], answer)
        else:
            self._head_said(self._asked, said)

    def _head_broke(self, failure: Any, later: Any) -> None:
        if self._waiting is later:
            self._go_on()
            self._head_failed(self.back.owner(self._asked), failure.value)

    def _go_on(self) -> None:
        self._waiting = None
        self.unwatch()
        if self.exchange.reader is not None:
            self.exchange.reader.resume_answer()

    def _head_failed(self, member: Member, error: BaseException) -> None:
        if isinstance(error, GatewayError):
            self._replace(member, Reply.of(error))
        else:
            self.report(member, error)
            self._replace(member, Reply.of(out_of_order()))

    def _replace(self, member: Member, reply: Reply) -> None:
        """`reply` instead of the answer that there is: those filter it who have not yet filtered the other."""
        self.abandon()
        self._drop(member)
        self.reply(reply)

    def _drop(self, member: Member) -> None:
        """Forget the answer that there is, and those up to `member` who have filtered it."""
        self.back = self.back.after(member)
        self._queue, self._trailers = (), None

    def abandon(self) -> None:
        """Tell whoever makes the answer that nobody wants it any more."""
        reader, self.exchange.reader = self.exchange.reader, None
        if reader is not None:
            reader.client_gone()

    def _begin(self, answer: Answer) -> None:
        """The head is as it shall be: send it, with what its changes mean for the body."""
        exchange = self.exchange
        length, body, done = self._rest
        fields = answer.fields
        if self.debug:
            fields += self.told()
        if exchange.head.method == b"HEAD" or answer.status in _BODILESS:
            if self.back.bodies or answer.status != answer.began_with:
                fields, length = lines.removed(fields, b"content-length"), None
        elif self.back.bodies or answer.began_with in _BODILESS:
            filtered = self._filtered(body, done)
            if filtered is None:
                return
            body, fields = filtered, lines.removed(fields, b"content-length")
            length = len(body) if done else None
            if done:
                fields += b"Content-Length: %d\r\n" % len(body)
            self._filtering = not done
        self.passing = True
        exchange.respond(answer.status, answer.reason, fields, length, body, done)
        self.passing = not self._filtering
        if self._queue or self._trailers is not None:
            self._flush()

    def _flush(self) -> None:
        """What came while a filter was thinking."""
        queue, self._queue = self._queue, ()
        for data in queue:
            self.exchange.send(data)
        trailers, self._trailers = self._trailers, None
        if trailers is not None and not self.exchange.answered:
            self.exchange.finish(trailers)

    # -- the body

    def send(self, data: bytes) -> None:
        """See `Exchange.send`."""
        if self._waiting is not None:
            self._queue = (*self._queue, data)
            if self.exchange.reader is not None:
                self.exchange.reader.pause_answer()
            return
        out = self._filtered(data, False)
        if out:
            self._send(out)

    def finish(self, trailers: list[bytes]) -> None:
        """See `Exchange.finish`."""
        if self._waiting is not None:
            self._trailers = trailers
            return
        out = self._filtered(b"", True)
        if out is None:
            return
        if out:
            self._send(out)
        self.passing = True
        self.exchange.finish(trailers)

    def _send(self, data: bytes) -> None:
        self.passing = True
        self.exchange.send(data)
        self.passing = False

    def _filtered(self, chunk: bytes, last: bool) -> bytes | None:
        """What the filters make of a chunk; None where one failed, and all is said."""
        back = self.back
        for method in back.bodies:
            try:
                chunk = method(self.exchange, chunk, last)
                if not isinstance(chunk, bytes):
                    raise TypeError(f"body_filter returned {type(chunk).__name__}, not bytes")
            except Exception as error:
                self._body_failed(back.owner(method), error)
                return None
        return chunk

    def _body_failed(self, member: Member, error: BaseException) -> None:
        """The body can't be had as it should be: another answer, or where it has begun a visible end."""
        if not isinstance(error, GatewayError):
            self.report(member, error)
            error = out_of_order()
        if not self.exchange.answering:
            self._replace(member, Reply.of(error))
            return
        self.abandon()
        self.passing = True
        self.exchange.fail(error)
