"""Flow: sends the parts of an answer as they are made: some work each turn, and no faster than they are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

#: Seconds of work and characters of text in one turn of the event loop.
BUDGET = 0.002
SIZE = 65536


@implementer(IPushProducer)
class Flow:
    """Writes `parts` to `request` (its head is set but for Content-Length) and finishes it. `clock` is IReactorTime."""

    log = Logger("gwt.admin")

    def __init__(
        self, request: Any, parts: Iterator[str], clock: Any, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._request, self._parts, self._clock, self._now = request, parts, clock, now
        self._call: Any = None
        self._paused = self._over = self._registered = False

    def start(self) -> None:
        """Begin; an answer that is made in one turn gets its Content-Length."""
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        text, more = self._make()
        if self._over:
            return
        if not more:
            self._request.setHeader(b"content-length", b"%d" % len(text))
            self._request.write(text)
            self._finish()
            return
        self._registered = True
        self._request.registerProducer(self, True)
        self._request.write(text)
        self._next()

    def _make(self) -> tuple[bytes, bool]:
        """The text of one turn, and whether there is more."""
        made: list[str] = []
        size, until = 0, self._now() + BUDGET
        try:
            for part in self._parts:
                made.append(part)
                size += len(part)
                if size >= SIZE or self._now() >= until:
                    return "".join(made).encode("utf-8", "backslashreplace"), True
        except Exception:
            self.log.failure("an answer of the admin listener could not be made")
            self._break_off()
        return "".join(made).encode("utf-8", "backslashreplace"), False

    def _next(self) -> None:
        if self._call is None and not self._paused and not self._over:
            self._call = self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._call = None
        text, more = self._make()
        if self._over:
            return
        if text:
            self._request.write(text)
        if more:
            self._next()
        else:
            self._finish()

    def _finish(self) -> None:
        self._over = True
        if self._registered:
            self._request.unregisterProducer()
        self._request.finish()

    def _break_off(self) -> None:
        """Half an answer must not look whole."""
        self._over = True
        if self._registered:
            self._request.unregisterProducer()
        self._request.loseConnection()

    # -- IPushProducer

    def pauseProducing(self) -> None:
        self._paused = True
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def resumeProducing(self) -> None:
        self._paused = False
        self._next()

    def stopProducing(self) -> None:
        self._over = True
        self.pauseProducing()
