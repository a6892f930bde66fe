"""One exchange on one stream of a trunk: what an HTTP/1.1 connection is to its owner, for as long as one call lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.errors import GatewayError
from gwt.wire.h2.events import Data, Headers, Reset, Trailers
from gwt.wire.h2.faults import Code
from gwt.wire.h2.message import Answered, trailer_block

if TYPE_CHECKING:
    from gwt.upstream.owner import Owner
    from gwt.upstream.trunk import Trunk
    from gwt.upstream.upload import Upload

_log = Logger()


class Call:
    """Tells its `owner` what comes on stream `number`; None once it is over.

    `fresh`: it is the first one of its trunk. `_owed` is what came while the owner does not take it.
    """

    __slots__ = ("_begun", "_owed", "_paused", "fresh", "number", "owner", "trunk")

    def __init__(self, trunk: Trunk) -> None:
        self.trunk = trunk
        self.owner: Owner | None = None
        self.number = self._owed = 0
        self._begun = self._paused = False
        self.fresh = trunk.fresh

    # -- for the owner

    def begin(self, owner: Owner, block: bytes, to_head: bool, upload: Upload | None) -> None:
        """Send a request: its head, and what is there of its body (None: it has none)."""
        self.owner = owner
        self.number = self.trunk.open(self, block, upload is None, to_head)
        if upload is not None:
            held = upload.again()
            if held:
                self.write(held)
            if upload.complete:
                self.end(upload.trailers)
        self.trunk.flush()

    def write(self, data: bytes) -> None:
        """More of the request's body, not empty."""
        if not self.trunk.wire.send_data(self.number, data) and self.owner is not None:
            self.owner.pause_request()
        self.trunk.flush()

    def end(self, trailers: list[bytes]) -> None:
        """The request is complete."""
        self.trunk.wire.send_end(self.number, trailer_block(trailers))
        self.trunk.flush()

    def cancel(self) -> None:
        """It is over for its owner: nothing more is told."""
        self.owner = None
        self.trunk.give_up(self, Code.CANCEL)

    part = cancel

    def pause(self) -> None:
        """Grant no more of the answer for now: what the window allows may still come, and is handed on."""
        self._paused = True

    def resume(self) -> None:
        """Grant what was taken."""
        self._paused = False
        owed, self._owed = self._owed, 0
        if owed:
            self.trunk.wire.taken(self.number, owed)
            self.trunk.flush()

    # -- for the trunk

    def head(self, event: Headers, first: Data | None) -> None:
        """A head, and with it `first`, what has come of the body right behind it."""
        answered, owner = event.message, self.owner
        assert isinstance(answered, Answered)
        if owner is None:
            return
        if event.too_large:
            raise GatewayError(
                "bad_answer", "the answer's head is too large", detail="http_response_header_section_size"
            )
        if answered.status < 200:
            owner.answer_interim(answered.begun)
            return
        self._begun = True
        if event.ended:
            self._done().answer_head(answered.whole, b"", True)
        elif first is None:
            owner.answer_head(answered.begun, b"", False)
        elif first.ended:
            self._done().answer_head(answered.begun, first.data, True)
        else:
            owner.answer_head(answered.begun, first.data, False)
            self._take(first.cost)

    def body(self, event: Data) -> None:
        """More of the body."""
        owner = self.owner
        if owner is None:
            return
        if event.data:
            owner.answer_body(event.data)
        if not event.ended:
            self._take(event.cost)
        elif self.owner is owner:
            self._done().answer_end([])

    def _take(self, cost: int) -> None:
        """So much came; the endpoint may send as much again once it is taken."""
        if self._paused:
            self._owed += cost
        else:
            self.trunk.wire.taken(self.number, cost)

    def trailers(self, event: Trailers) -> None:
        """The end of the body."""
        if self.owner is not None:
            self._done().answer_end(list(event.lines))

    def _done(self) -> Owner:
        """The answer is complete: where the request is not, nobody wants the rest of it."""
        owner, self.owner = self.owner, None
        assert owner is not None
        self.trunk.give_up(self, Code.NO_ERROR)
        return owner

    def failed(self, error: Exception) -> None:
        """What came is no answer, or could not be handled."""
        if not isinstance(error, GatewayError):
            _log.failure("an answer could not be handled", Failure(error))
            error = GatewayError("internal", "the gateway failed to handle the answer")
        owner, self.owner = self.owner, None
        self.trunk.give_up(self, Code.CANCEL)
        if owner is not None:
            owner.answer_failed(error)

    def reset(self, event: Reset) -> None:
        """The stream is over before its time."""
        owner, self.owner = self.owner, None
        if owner is None:
            return
        if event.ours:
            owner.answer_failed(GatewayError("bad_answer", f"the upstream broke HTTP/2: {event.message}"))
        elif event.code == Code.REFUSED_STREAM and not self._begun:
            owner.answer_refused(_gone("the upstream has refused the request"))
        else:
            self._cut(owner, f"the upstream has reset the request ({_name(event.code)})")

    def passed_over(self) -> None:
        """The endpoint goes, and will not look at this request any more."""
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.answer_refused(_gone("the upstream is going and has not looked at the request"))

    def lost(self, error: GatewayError | None) -> None:
        """The trunk is gone; `error`: for a reason of its own."""
        owner, self.owner = self.owner, None
        if owner is None:
            return
        if error is not None:
            owner.answer_failed(error)
        else:
            self._cut(owner, "the upstream closed the connection before its answer")

    def _cut(self, owner: Owner, message: str) -> None:
        if self._begun:
            message, detail = "the upstream's answer was cut off", "http_response_incomplete"
            owner.answer_failed(GatewayError("bad_answer", message, detail=detail))
        else:
            owner.answer_failed(_gone(message))


def _gone(message: str) -> GatewayError:
    return GatewayError("connect_failed", message, detail="connection_terminated")


def _name(code: int) -> str:
    """What RFC 9113 7 calls an error code."""
    return Code(code).name if code in set(Code) else str(code)
