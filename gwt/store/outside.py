"""Outside: the children that parse large files (`gwt.store.loader`), seen from the serving process.

Started when they are needed, given a file and the next (so that they never wait for us), let go when there was nothing
to do for a while. A child that dies or takes too long fails the one file that it was at, which then keeps what it last
said; what it had not begun goes to another.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from gwt.model.route import Problem
from gwt.store.content import Content
from gwt.store.loader import HEAD, frame, unpickled
from gwt.store.loading import Loaded
from gwt.store.pace import Pacer

#: Seconds that a file may take.
TIMEOUT = 60.0

#: Files that a child has at most, the one that it is at included.
AHEAD = 2

#: Seconds without work after which the children are let go.
IDLE = 30.0


@dataclass(eq=False, slots=True)
class Job:
    """One file to load, and who waits for it."""

    path: str
    name: str
    known: bytes | None
    pacer: Pacer
    done: Deferred[Loaded]


class Outside:
    """At most `most` children. `reactor` is IReactorProcess and IReactorTime."""

    def __init__(self, reactor: Any, most: int = 2, timeout: float = TIMEOUT, idle: float = IDLE) -> None:
        self._reactor, self._most, self._timeout, self._idle = reactor, most, timeout, idle
        self._jobs: deque[Job] = deque()
        self._children: set[Child] = set()
        self._leave: Any = None
        self._closed: Deferred[None] | None = None

    def load(self, path: str, name: str, known: bytes | None, pacer: Pacer) -> Deferred[Loaded]:
        """As `loading.load`, elsewhere; what comes back is unpickled at `pacer`'s pace. Never fails."""
        job = Job(path, name, known, pacer, Deferred())
        self._jobs.append(job)
        self._assign()
        return job.done

    def close(self) -> Deferred[None]:
        """Let go of the children; what they were at is not answered any more. Fires when they are gone."""
        self._jobs.clear()
        closed: Deferred[None] = Deferred()
        self._closed = closed
        self._cancel_leave()
        for child in self._children:
            child.leave()
        self._ended(None)
        return closed

    def _assign(self) -> None:
        self._cancel_leave()
        while self._jobs and self._closed is None:
            child = self._least_busy()
            if child is None:
                return
            child.give(self._jobs.popleft(), self._timeout)
        if self._children and self._closed is None and not any(child.jobs for child in self._children):
            self._leave = self._reactor.callLater(self._idle, self._let_go)

    def _least_busy(self) -> Child | None:
        """A child that can take a file: an idle one, else a new one, else one with room; None if none has."""
        able = sorted((child for child in self._children if not child.leaving), key=lambda child: len(child.jobs))
        if able and not able[0].jobs:
            return able[0]
        if len(self._children) < self._most:
            return self._spawn()
        return able[0] if able and len(able[0].jobs) < AHEAD else None

    def _spawn(self) -> Child:
        child = Child(self._reactor, self._assign, self._ended)
        self._children.add(child)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        arguments = [sys.executable, "-m", "gwt.store.loader"]
        self._reactor.spawnProcess(child, sys.executable, arguments, environment, childFDs={0: "w", 1: "r", 2: 2})
        return child

    def _let_go(self) -> None:
        self._leave = None
        for child in self._children:
            child.leave()

    def _cancel_leave(self) -> None:
        if self._leave is not None:
            self._leave.cancel()
            self._leave = None

    def _ended(self, child: Child | None) -> None:
        if child is not None:
            self._children.discard(child)
            self._jobs.extendleft(reversed(child.jobs))
        if self._closed is None:
            self._assign()
        elif not self._children and not self._closed.called:
            self._closed.callback(None)


class Child(ProcessProtocol):
    """One child process and the Jobs that it was given: at the first of `jobs` it is, the others wait in its input."""

    def __init__(self, clock: Any, free: Any, ended: Any) -> None:
        self._clock, self._free, self._tell_ended = clock, free, ended
        self._buffer = bytearray()
        self._messages: list[bytes] = []
        self._limit: Any = None
        self._timeout = TIMEOUT
        self.jobs: deque[Job] = deque()
        self.leaving = False

    @property
    def _process(self) -> Any:
        return self.transport  # there from spawnProcess on

    def give(self, job: Job, timeout: float) -> None:
        """Give it a file, for which it may take `timeout` seconds."""
        self._timeout = timeout
        self.jobs.append(job)
        self._process.write(frame((job.path, job.name, job.known)))
        if len(self.jobs) == 1:
            self._start_clock()

    def leave(self) -> None:
        """It may end: it does when its input does, or is made to where it is at work."""
        self.leaving = True
        if self.jobs:
            self._kill()
        else:
            self._process.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Take frames apart; what they hold is unpickled when the last has come."""
        self._buffer += data
        at, size = 0, HEAD.size
        while len(self._buffer) - at >= size:
            length, last = HEAD.unpack_from(self._buffer, at)
            if len(self._buffer) - at - size < length:
                break
            self._messages.append(bytes(self._buffer[at + size : at + size + length]))
            at += size + length
            if last:
                self._answered()
        del self._buffer[:at]

    def processExited(self, reason: Failure) -> None:
        """It is dead; what it was at has failed."""
        self._fail(f"the parser ended while it read this ({reason.getErrorMessage()})")
        self._process.closeStdin()  # or its end would be waited for until somebody writes

    def processEnded(self, reason: Failure) -> None:
        """It is dead and its pipes are closed."""
        self._tell_ended(self)

    def _answered(self) -> None:
        messages, self._messages = self._messages, []
        self._stop_clock()
        if self.leaving:
            return  # too late
        job = self.jobs.popleft()
        if self.jobs:
            self._start_clock()
        self._free()
        job.pacer.run(unpickled(messages)).chainDeferred(job.done)

    def _too_long(self) -> None:
        self._limit = None
        self._fail(f"parsing took longer than {self._timeout:g} s")
        self._kill()

    def _fail(self, why: str) -> None:
        """What it is at has failed, unless that is known already."""
        self._stop_clock()
        known, self.leaving = self.leaving, True
        if self.jobs and not known:
            job = self.jobs.popleft()
            job.done.callback(failed(job.name, why))

    def _kill(self) -> None:
        try:
            self._process.signalProcess("KILL")
        except ProcessExitedAlready:
            pass  # processEnded is on its way

    def _start_clock(self) -> None:
        self._limit = self._clock.callLater(self._timeout, self._too_long)

    def _stop_clock(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def failed(name: str, why: str) -> Loaded:
    """Not to be tried again until the file changes: it might well kill the next child."""
    return Loaded(content=Content((), (Problem(name, 0, 0, f"{why}; what it said last holds"),), readable=False))
