"""Bodies: lines in slices, with the other side made to wait; and answers that are too large."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from gwt.controller import bodies
from gwt.controller.bodies import AHEAD, ApiError, Following, Whole


class Transport:
    def __init__(self) -> None:
        self.said: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda: self.said.append(name)


class Rig:
    def __init__(self) -> None:
        self.clock, self.lines, self.ends = Clock(), list[bytes](), list[Any]()
        self.aborted = 0
        self.body = Following(self.clock, self.heard, 100.0, self.abort)
        self.transport: Any = Transport()
        self.body.makeConnection(self.transport)
        self.body.done.addBoth(self.ends.append)

    def heard(self, line: bytes) -> bool:
        self.lines.append(line)
        return line != b"stop"

    def abort(self) -> None:
        self.aborted += 1


def test_lines_are_heard_in_the_next_turn() -> None:
    rig = Rig()
    rig.body.dataReceived(b"a\nb")
    assert rig.lines == []
    rig.body.dataReceived(b"c\n")
    rig.clock.advance(0)
    assert rig.lines == [b"a", b"bc"]


def test_the_other_side_waits_while_there_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BUDGET", 0.0)
    rig = Rig()
    rig.body.dataReceived(b"x\n" * (AHEAD + 1))
    assert rig.transport.said == ["pauseProducing"]
    monkeypatch.undo()
    rig.clock.advance(0)
    rig.clock.pump([0] * 100)
    assert len(rig.lines) == AHEAD + 1 and rig.transport.said[-1] == "resumeProducing"


def test_all_that_came_is_heard_before_the_end() -> None:
    rig = Rig()
    rig.body.dataReceived(b"a\n")
    rig.body.connectionLost(Failure(ResponseDone()))
    assert rig.ends == []
    rig.clock.advance(0)
    assert (rig.lines, rig.ends) == ([b"a"], [("clean", "")])


def test_how_it_may_end() -> None:
    rig = Rig()
    rig.body.connectionLost(Failure(ConnectionLost()))
    assert rig.ends[0][0] == "broken" and "Connection" in rig.ends[0][1]
    rig = Rig()
    rig.clock.advance(100)
    rig.body.connectionLost(Failure(ConnectionLost()))
    assert rig.aborted == 1 and rig.ends == [("silent", "")]
    rig = Rig()
    rig.body.dataReceived(b"stop\nmore\n")
    rig.clock.advance(0)
    rig.body.connectionLost(Failure(ConnectionLost()))
    assert rig.lines == [b"stop"] and rig.ends == [("left", "")]
    rig = Rig()
    rig.body.dataReceived(b"x" * (5 << 20))
    rig.body.connectionLost(Failure(ConnectionLost()))
    assert rig.ends == [("broken", "a line of more than 4 MiB")]


def test_a_body_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY", 2)
    body, transport = Whole(), Transport()
    body.makeConnection(transport)  # type: ignore[arg-type]
    body.dataReceived(b"abc")
    assert transport.said == ["loseConnection"]
    with pytest.raises(ApiError, match="larger than"):
        body.done.result.raiseException()  # type: ignore[union-attr]
    body.done.addErrback(lambda _: None)
