"""Bodies of answers: one that is read to its end, and one that is heard line by line as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from gwt.asking import reason_of
from gwt.kube.lines import Lines, TooLong
from gwt.store.heap import Heap

#: Seconds of a turn that lines of a watch may take.
BUDGET: Final = 0.002

#: Lines that may wait before no more are taken in.
AHEAD: Final = 50

#: Bytes of an answer.
MAX_BODY: Final = 64 * 1024 * 1024


class ApiError(Exception):
    """The API server did not answer, or not in time; one line for people."""


class Following(Protocol):
    """Lines of a watch, as they come: BUDGET seconds of them a turn, the rest waits where it comes from.

    `done` fires with how it ended, and why, once all that came has been heard.
    """

    def __init__(self, clock: Any, heard: Callable[[bytes], bool], idle: float, abort: Callable[[], None]) -> None:
        self.done: Deferred[tuple[str, str]] = Deferred(lambda _: self._leave("left"))
        self._clock, self._heard, self._idle, self._abort = clock, heard, idle, abort
        self._cutter, self._heap, self._last = Lines(), Heap(), clock.seconds()
        self._waiting: deque[bytes] = deque()
        self._how, self._why, self._ended = "", "", False
        self._timer = clock.callLater(idle, self._look)
        self._turn: Any = None
        self._paused = False

    def dataReceived(self, data: bytes) -> None:
        if self._how:
            return
        self._last = self._clock.seconds()
        try:
            self._waiting.extend(self._cutter.feed(data))
        except TooLong as error:
            self._leave("broken", str(error))
            return
        if self._turn is None and self._waiting:
            self._turn = self._clock.callLater(0, self._work)
        if len(self._waiting) > AHEAD and not self._paused:
            self._flow(False)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._how:
            clean = reason.check(ResponseDone) is not None
            self._how, self._why = "clean" if clean else "broken", "" if clean else reason_of(reason)
        self._finish()

    def _work(self) -> None:
        self._turn = None
        begun = perf_counter()
        try:
            while self._waiting and perf_counter() - begun < BUDGET:
                if not self._heard(self._waiting.popleft()):
                    self._leave("left")
        except Exception:
            failure = Failure()
            self._leave("left")
            if not self.done.called:
                self.done.errback(failure)
        self._heap.worked(begun, perf_counter() - begun)
        if self._waiting:
            self._turn = self._clock.callLater(0, self._work)
        elif self._paused:
            self._flow(True)
        self._finish()

    def _flow(self, on: bool) -> None:
        """More may come, or not yet."""
        self._paused = not on
        if not self._ended and not self._how:
            (self.transport.resumeProducing if on else self.transport.pauseProducing)()  # type: ignore[union-attr]

    def _finish(self) -> None:
        if self._ended and not self._waiting and not self.done.called:
            self.done.callback((self._how, self._why))

    def _look(self) -> None:
        left = self._last + self._idle - self._clock.seconds()
        self._timer = None
        if left <= 0:
            self._leave("silent")
        else:
            self._timer = self._clock.callLater(left, self._look)

    def _leave(self, how: str, why: str = "") -> None:
        self._how, self._why = how, why
        self._waiting.clear()
        self._abort()


class Whole(Protocol):
    """Collects a body of at most MAX_BODY bytes."""

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._stop())
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._pieces.append(data)
        if self._size > MAX_BODY and not self.done.called:
            self.done.errback(ApiError(f"the API server's answer is larger than {MAX_BODY >> 20} MiB"))
            self._stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(b"".join(self._pieces))
        else:
            self.done.errback(reason)

    def _stop(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
