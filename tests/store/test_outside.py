from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.trial.unittest import TestCase

from gwt.store.content import Content
from gwt.store.loading import Loaded, load
from gwt.store.outside import Child, Outside
from gwt.store.pace import Pacer

UPSTREAMS = "upstreams:\n" + "".join(f"  u{number}: ['10.0.0.1:80', '10.0.0.2:80']\n" for number in range(500))


class OutsideTests(TestCase):
    """With real children."""

    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.outside = Outside(reactor, 2)
        self.addCleanup(self.stop)

    @inlineCallbacks
    def stop(self) -> Any:
        if self.outside._closed is None:
            yield self.outside.close()
        for path in self.root.iterdir():
            path.unlink()
        self.root.rmdir()

    def load(self, name: str) -> Deferred[Loaded]:
        return self.outside.load(str(self.root / name), name, None, Pacer(reactor))

    def hold(self, name: str) -> Path:
        """A file that a child is kept reading: a pipe that nobody writes to."""
        path = self.root / name
        os.mkfifo(path)
        return path

    @inlineCallbacks
    def test_what_comes_back_is_what_would_be_read_here(self) -> Any:
        (self.root / "a.yaml").write_text(UPSTREAMS)
        there = yield self.load("a.yaml")
        assert there == load(str(self.root / "a.yaml"), "a.yaml", None)

    @inlineCallbacks
    def test_many_files_share_few_children(self) -> Any:
        names = [f"{number}.yaml" for number in range(8)]
        for name in names:
            (self.root / name).write_text(UPSTREAMS)
        work = gatherResults([self.load(name) for name in names])
        assert len(self.outside._children) == 2
        found = yield work
        assert all(loaded.content.docs for loaded in found)

    @inlineCallbacks
    def test_a_file_that_is_gone_is_said(self) -> Any:
        loaded = yield self.load("none.yaml")
        assert loaded.error == "No such file or directory"

    @inlineCallbacks
    def test_a_child_that_is_killed_fails_its_file_and_another_takes_over(self) -> Any:
        self.hold("held.yaml")
        (self.root / "b.yaml").write_text(UPSTREAMS)
        held = self.load("held.yaml")
        (child,) = self.outside._children
        reactor.callLater(0, os.kill, child._process.pid, signal.SIGKILL)  # once the reactor hears of dead children
        loaded = yield held
        assert not loaded.content.readable
        assert "parser ended" in loaded.content.problems[0].message
        after = yield self.load("b.yaml")
        assert isinstance(after.content, Content)

    @inlineCallbacks
    def test_what_a_dead_child_had_not_begun_goes_to_another(self) -> Any:
        self.outside._most = 1
        self.hold("held.yaml")
        (self.root / "b.yaml").write_text(UPSTREAMS)
        held, waiting = self.load("held.yaml"), self.load("b.yaml")
        (child,) = self.outside._children
        assert len(child.jobs) == 2
        reactor.callLater(0, os.kill, child._process.pid, signal.SIGKILL)
        first, second = yield gatherResults([held, waiting])
        assert not first.content.readable
        assert second == load(str(self.root / "b.yaml"), "b.yaml", None)

    @inlineCallbacks
    def test_a_file_that_takes_too_long_is_given_up(self) -> Any:
        self.outside._timeout = 0.05
        self.hold("held.yaml")
        loaded = yield self.load("held.yaml")
        assert "longer than 0.05 s" in loaded.content.problems[0].message

    @inlineCallbacks
    def test_children_are_let_go_when_there_is_nothing_to_do(self) -> Any:
        ended: Deferred[Child] = Deferred()
        self.outside._idle = 0.01
        work = self.load("none.yaml")
        (child,) = self.outside._children
        child._tell_ended = ended.callback
        yield work
        found = yield ended
        assert found is child
        self.outside._ended(child)

    @inlineCallbacks
    def test_closing_kills_what_is_at_work_and_waits_for_it(self) -> Any:
        self.hold("held.yaml")
        unanswered = self.load("held.yaml")
        yield self.outside.close()
        assert self.outside._children == set()
        assert not unanswered.called

    @inlineCallbacks
    def test_closing_without_children_is_done_at_once(self) -> Any:
        done = self.outside.close()
        assert done.called
        yield done


def test_an_answer_that_comes_too_late_is_thrown_away() -> None:
    child = Child(None, lambda: None, lambda child: None)
    child.leaving = True
    child.outReceived(b"\0\0\0\1\1N")
    assert child._messages == []
