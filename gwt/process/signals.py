"""SIGTERM, SIGINT and SIGHUP mean something to a gateway: finish and go, go, read the configuration again.

The reactor's own handlers would stop it at once, and have twistd end itself by the same signal (status 143).
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

log = Logger("gwt.signals")

#: Signals that come so soon after the first (seconds) are the same one: sent to the whole group, or by a service
#: manager to every process.
ECHO = 0.5


class Life(Protocol):
    """What can be told to end or to change."""

    def drain(self) -> Deferred[Any]:
        """Finish what is in flight; fires when nothing is left. Called once."""

    def hurry(self) -> None:
        """Stop finishing: end what is left now."""

    def reload(self) -> None:
        """Read the configuration again."""


class Signals:
    """Turns the process's signals into the life of `life`, and its end into the end of the reactor."""

    def __init__(self, reactor: Any, life: Life) -> None:
        self._reactor, self._life = reactor, life
        self._told_at: float | None = None

    def install(self) -> None:
        """Take the signals over as soon as the reactor runs (it sets its own when it starts)."""
        signal.signal(signal.SIGHUP, self._handler(self._life.reload))
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handler(self.stop))

    def _handler(self, call: Any) -> Any:
        return lambda number, frame: self._reactor.callFromThread(call)

    def stop(self) -> None:
        """The first time: drain, then stop the reactor. The second time: now."""
        now = self._reactor.seconds()
        if self._told_at is not None:
            if now - self._told_at > ECHO:
                log.warn("told to stop again: not waiting any longer")
                self._life.hurry()
            return
        self._told_at = now
        self._life.drain().addErrback(self._failed).addBoth(lambda _: self._end())

    def _failed(self, failure: Any) -> None:
        log.failure("while draining", failure)

    def _end(self) -> None:
        if self._reactor.running:
            self._reactor.stop()


def exit_with(reactor: Any, status: int, message: str) -> None:
    """End a running process with `status`, saying why on standard error. twistd itself knows no status but 0."""
    print(message, file=sys.__stderr__, flush=True)
    atexit.register(_exit_hard, status)
    reactor.callWhenRunning(reactor.stop)


def _exit_hard(status: int) -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    os._exit(status)
