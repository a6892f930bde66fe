"""Peers: what one worker asks the others, over UNIX sockets in the directory that all of them share.

A question is one line of JSON, the answer any number of them and then `null`: without that it broke off, as it does
where a worker dies. Nobody waits long for anybody: a worker that does not answer in time is left out, and whoever asked
is told so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory, connectionDone
from twisted.logger import Logger

from gwt.steps import Steps
from gwt.store.pace import Pacer

SUFFIX = ".peer"
#: Seconds that all answers together may take.
PATIENCE = 1.0
#: What ends an answer that is complete.
WHOLE = b"null"
#: A question is not longer than this.
LONGEST = 4096

#: Question -> what to say, now or later: one JSON value a line; None where the work may pause.
Tell = Callable[[dict[str, Any]], "Iterator[Any] | Deferred[Iterator[Any]]"]


class Heard(NamedTuple):
    """How many other workers were asked, and how many of them have answered in time."""

    asked: int
    answered: int

    def workers(self) -> dict[str, int]:
        """For an answer that tells of all workers; this one is among them."""
        return {"asked": 1 + self.asked, "answered": 1 + self.answered}


class Peers:
    """`directory` is None in a process that has no peers."""

    log = Logger("gwt.admin")

    def __init__(self, reactor: Any, directory: str | os.PathLike[str] | None, tell: Tell) -> None:
        self._reactor, self._tell = reactor, tell
        self._directory = None if directory is None else Path(directory)
        self._port: Any = None

    @property
    def _own(self) -> str:
        return f"{os.getpid()}{SUFFIX}"

    def start(self) -> None:
        """Answer from now on. Without a socket this worker is left out of the others' figures."""
        if self._directory is None:
            return
        path = self._directory / self._own
        with suppress(FileNotFoundError):
            path.unlink()  # of a process with our id, which has died
        factory = _Answering(self._tell, self._reactor)
        try:
            self._port = self._reactor.listenUNIX(os.fspath(path), factory, mode=0o600)
        except Exception as error:
            self.log.warn("other workers can't ask this one: {error}", error=error)

    def stop(self) -> Deferred[Any]:
        """Answer no more."""
        port, self._port = self._port, None
        return succeed(None) if port is None else port.stopListening()

    def ask(self, question: dict[str, Any], take: Callable[[Any], None] = lambda said: None) -> Deferred[Heard]:
        """Ask all others; `take` gets every line of every answer. Fires when all is said or the time is up."""
        calls = [_Asking(json.dumps(question).encode() + b"\n", take, path) for path in self._others()]
        for call in calls:
            self._reactor.connectUNIX(os.fspath(call.path), call, timeout=PATIENCE)
        if not calls:
            return succeed(Heard(0, 0))

        def too_late() -> None:
            for call in calls:
                call.give_up()

        overdue = self._reactor.callLater(PATIENCE, too_late)

        def over(results: Any) -> Heard:
            if overdue.active():
                overdue.cancel()
            answers = [answer for good, answer in results if good and answer is not None]
            return Heard(len(answers), sum(answers))

        return DeferredList([call.done for call in calls], consumeErrors=True).addCallback(over)

    def _others(self) -> list[Path]:
        if self._directory is None:
            return []
        return [path for path in sorted(self._directory.glob("*" + SUFFIX)) if path.name != self._own]


class _Answering(ServerFactory):
    noisy = False

    def __init__(self, tell: Tell, clock: Any) -> None:
        self.tell, self.pacer = tell, Pacer(clock)

    def buildProtocol(self, addr: Any) -> Any:
        return _Answer(self)


class _Answer(Protocol):
    """One question and its answer."""

    transport: Any

    def __init__(self, asked: _Answering) -> None:
        self._asked, self._line = asked, b""
        self._work: Deferred[Any] | None = None

    def dataReceived(self, data: bytes) -> None:
        self._line += data
        if self._work is None and b"\n" in self._line:
            self._work = maybeDeferred(self._asked.tell, json.loads(self._line))
            self._work.addCallback(lambda telling: self._asked.pacer.run(self._say(telling)))
            self._work.addErrback(self._failed).addBoth(lambda _: self.transport.loseConnection())
        elif len(self._line) > LONGEST:
            self.transport.loseConnection()

    def _say(self, telling: Iterator[Any]) -> Steps[None]:
        for said in telling:
            if said is not None:
                self.transport.write(json.dumps(said).encode() + b"\n")
            yield
        self.transport.write(WHOLE + b"\n")

    def _failed(self, failure: Any) -> None:
        if not failure.check(CancelledError):
            Peers.log.failure("a worker's question could not be answered", failure)

    def connectionLost(self, reason: Any = None) -> None:
        if self._work is not None:
            self._work.cancel()  # also what it waits for by now; nothing where it is done


class _Asking(ClientFactory):
    """One question to one peer. `done` fires with True when it has answered, False when it never will, None where
    nobody lives there any more."""

    noisy = False

    def __init__(self, question: bytes, take: Callable[[Any], None], path: Path) -> None:
        self.question, self.take, self.path = question, take, path
        self.done: Deferred[bool | None] = Deferred()
        self.protocol_: _Ask | None = None

    def buildProtocol(self, addr: Any) -> Any:
        self.protocol_ = _Ask(self)
        return self.protocol_

    def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
        lives = _lives(self.path.stem)
        if not lives:
            with suppress(OSError):
                self.path.unlink()
        self.end(False if lives else None)

    def give_up(self) -> None:
        """The time is up."""
        if self.protocol_ is not None:
            self.protocol_.transport.abortConnection()
        self.end(False)

    def end(self, answered: bool | None) -> None:
        if not self.done.called:
            self.done.callback(answered)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


class _Ask(Protocol):
    transport: Any

    def __init__(self, asking: _Asking) -> None:
        self._asking, self._rest, self._whole = asking, b"", False

    def connectionMade(self) -> None:
        self.transport.write(self._asking.question)

    def dataReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line == WHOLE:
                self._whole = True
            elif not self._asking.done.called:
                self._asking.take(json.loads(line))

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self._asking.end(self._whole and reason.check(ConnectionDone) is not None)
