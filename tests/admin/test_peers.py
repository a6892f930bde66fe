"""gwt.admin.peers: workers ask each other over real UNIX sockets."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase

from gwt.admin import peers
from gwt.admin.peers import Peers


class Other(Peers):
    """Peers of a process with another id."""

    number = 1

    @property
    def _own(self) -> str:
        return f"{self.number}.peer"


class PeersTests(TestCase):
    def setUp(self) -> None:
        self.patch(peers, "PATIENCE", 60.0)
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.questions: list[Any] = []

    def make(self, number: int, *said: Any) -> Peers:
        def tell(question: dict[str, Any]) -> Iterator[Any]:
            self.questions.append(question)
            yield None
            yield from said

        made = Other(reactor, self.directory, tell)
        made.number = number
        made.start()
        self.addCleanup(made.stop)
        return made

    @inlineCallbacks
    def test_all_others_are_asked(self) -> Any:
        asking = self.make(1, "self")
        self.make(2, ["a", 1], None, {"x": "y" * 100_000})
        self.make(3)
        said: list[Any] = []
        heard = yield asking.ask({"ask": "it"}, said.append)
        assert heard == (2, 2)
        assert heard.workers() == {"asked": 3, "answered": 3}
        assert self.questions == [{"ask": "it"}] * 2
        assert said == [["a", 1], {"x": "y" * 100_000}]

    @inlineCallbacks
    def test_who_has_stopped_is_not_asked(self) -> Any:
        asking, other = self.make(1), self.make(2, "here")
        yield other.stop()
        said: list[Any] = []
        yield asking.ask({}, said.append)
        assert said == []

    @inlineCallbacks
    def test_the_dead_leave_nothing_behind(self) -> Any:
        dead = self.directory / "999999999.peer"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(os.fspath(dead))
        assert dead.exists()
        heard = yield self.make(1).ask({})
        assert heard == (0, 0)
        assert not dead.exists()

    @inlineCallbacks
    def test_nobody_waits_long_and_who_was_too_late_is_told(self) -> Any:
        self.patch(peers, "PATIENCE", 0.05)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(os.fspath(self.directory / f"{os.getpid()}0.peer"))
            silent.listen()
            heard = yield self.make(1).ask({"ask": "it"})
        assert heard == (1, 0)
        assert heard.workers() == {"asked": 2, "answered": 1}

    @inlineCallbacks
    def test_an_answer_may_come_later_or_never(self) -> Any:
        ended: Deferred[None] = Deferred()
        later: Deferred[Iterator[Any]] = Deferred()
        never: Deferred[Iterator[Any]] = Deferred(lambda _: ended.callback(None))
        for number, answer in enumerate((later, never), 2):
            other = Other(reactor, self.directory, lambda question, answer=answer: answer)
            other.number = number
            other.start()
            self.addCleanup(other.stop)
        self.patch(peers, "PATIENCE", 0.3)
        said: list[Any] = []
        asked = self.make(1).ask({"ask": "it"}, said.append)
        reactor.callLater(0.05, later.callback, iter([7]))  # type: ignore[attr-defined]
        yield asked
        assert said == [7]
        yield ended  # nobody wants to know any more

    def test_a_question_that_is_taken_back_is_no_error(self) -> None:
        peer = self.directory / "5.peer"
        peer.touch()
        self.addCleanup(peer.unlink)
        asked = Peers(MemoryReactorClock(), self.directory, lambda question: iter(())).ask({"ask": "it"})
        asked.cancel()
        self.successResultOf(asked)
        del asked
        gc.collect()
        assert self.flushLoggedErrors() == []

    @inlineCallbacks
    def test_who_is_not_waited_for_any_more_works_no_more(self) -> Any:
        ended: Deferred[None] = Deferred()

        def without_end(question: dict[str, Any]) -> Iterator[Any]:
            try:
                while True:
                    yield None
            finally:
                reactor.callLater(0, ended.callback, None)  # type: ignore[attr-defined]

        other = Other(reactor, self.directory, without_end)
        other.number = 2
        other.start()
        self.addCleanup(other.stop)
        self.patch(peers, "PATIENCE", 0.1)
        assert (yield self.make(1).ask({"ask": "it"})) == (1, 0)
        yield ended.addTimeout(20, reactor)

    @inlineCallbacks
    def test_a_process_alone_has_no_peers(self) -> Any:
        alone = Peers(reactor, None, lambda question: iter(()))
        alone.start()
        assert (yield alone.ask({"ask": "it"})) == (0, 0)
        yield alone.stop()

    @inlineCallbacks
    def test_an_answer_that_breaks_ends(self) -> Any:
        def broken(question: dict[str, Any]) -> Iterator[Any]:
            yield 1
            raise KeyError("oh")

        other = Other(reactor, self.directory, broken)
        other.number = 2
        other.start()
        self.addCleanup(other.stop)
        said: list[Any] = []
        heard = yield self.make(1).ask({}, said.append)
        assert said == [1] and heard == (1, 0), "half an answer is none"
        assert len(self.flushLoggedErrors(KeyError)) == 1
