"""gwt.limiter.link: questions, answers, and giving up in time; Redis is played by the test."""

from __future__ import annotations

from typing import Any

import pytest
from redis_wire import Transport, words
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gwt.limit.lease import DEADLINE, LOST
from gwt.limiter.link import SETTLE, Link, Wire
from gwt.limiter.script import SCRIPT, SHA
from gwt.redis import wire as wire_module
from gwt.redis.wire import READ

ARGUMENTS = (b"1.0", b"6", b"9", b"1", b"0", b"0")


class Stage:
    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.link = Link(self.clock, None, **options)
        self.said: list[str] = []
        self.link.log = self  # type: ignore[assignment]
        self.late = self.lost = 0
        self.link.on_late, self.link.on_lost = self.count_late, self.count
        self.answers: list[tuple[int, float]] = []

    def count_late(self) -> None:
        self.late += 1

    def count(self) -> None:
        self.lost += 1

    def info(self, text: str, **_: Any) -> None:
        self.said.append(text)

    def warn(self, text: str, why: str) -> None:
        self.said.append(why)

    def connect(self) -> tuple[Wire, Transport]:
        """A new connection, up to the probe."""
        wire, transport = self.link._factory.buildProtocol(None), Transport()
        wire.makeConnection(transport)
        self.link._factory.addConnection(wire)
        return wire, transport

    def up(self, prompt: bool = True) -> tuple[Wire, Transport]:
        wire, transport = self.connect()
        wire.dataReceived(b"*2\r\n:1\r\n$1\r\n1\r\n")
        transport.clear()
        assert self.link.up
        assert self.link.prompt is prompt
        return wire, transport

    def ask(self, key: bytes = b"k") -> None:
        self.link.ask(key, ARGUMENTS, lambda *answer: self.answers.append(answer))


def test_a_connection_is_tried_with_the_whole_script_first() -> None:
    stage = Stage()
    wire, transport = stage.connect()
    numbers = [b"1", b"1", b"1", b"1", b"0", b"0"]
    assert words(transport.sent()) == [[b"EVAL", SCRIPT, b"1", b"gwt:limit:{probe}", *numbers]]
    assert not stage.link.up
    wire.dataReceived(b"*2\r\n:1\r\n$1\r\n1\r\n")
    assert stage.link.up
    assert stage.said == ["rate limits are shared through Redis"]


def test_questions_are_pipelined_and_answered_in_order() -> None:
    stage = Stage(prefix="other")
    wire, transport = stage.up()
    for key in (b"a", b"b"):
        stage.ask(key)
    asked = words(transport.sent())
    assert asked[0] == [b"EVALSHA", SHA, b"1", b"other:limit:{a}", *ARGUMENTS]
    assert asked[1][3] == b"other:limit:{b}"
    wire.dataReceived(b"*2\r\n:3\r\n$3\r\n3.5\r\n*2\r\n:0\r\n$4\r\n")
    assert stage.answers == [(3, 3.5)]
    wire.dataReceived(b"6.25\r\n")
    assert stage.answers == [(3, 3.5), (0, 6.25)]
    assert stage.link.questions == 2


def test_a_script_that_redis_forgot_is_sent_again() -> None:
    stage = Stage()
    wire, transport = stage.up()
    stage.ask()
    transport.clear()
    wire.dataReceived(b"-NOSCRIPT No matching script.\r\n")
    assert words(transport.sent()) == [[b"EVAL", SCRIPT, b"1", b"gwt:limit:{k}", *ARGUMENTS]]
    wire.dataReceived(b"*2\r\n:1\r\n$1\r\n1\r\n")
    assert stage.answers == [(1, 1.0)]


ANSWER = b"*2\r\n:1\r\n$1\r\n1\r\n"


def test_an_answer_is_late_after_the_deadline_and_may_still_come() -> None:
    stage = Stage()
    wire, _ = stage.up()
    stage.ask()
    stage.clock.advance(DEADLINE)
    assert stage.link.prompt, "an answer may wait to be read"
    stage.clock.advance(READ)
    assert (stage.link.prompt, stage.link.up, stage.late, stage.lost) == (False, True, 1, 0)
    stage.ask()
    wire.dataReceived(ANSWER)
    assert len(stage.answers) == 1
    assert not stage.link.prompt, "this one was late"
    wire.dataReceived(ANSWER)
    assert stage.link.prompt
    stage.clock.advance(LOST * 2)
    assert (stage.link.prompt, stage.late, stage.lost) == (True, 1, 0)
    assert not stage.clock.getDelayedCalls(), "no timer where nothing is asked"


def test_without_an_answer_the_link_is_given_up() -> None:
    stage = Stage()
    wire, transport = stage.up()
    stage.ask()
    stage.clock.advance(DEADLINE)
    stage.clock.advance(READ)
    stage.ask()
    stage.clock.advance(LOST - DEADLINE)
    assert stage.link.up
    stage.clock.advance(READ)
    assert (stage.link.prompt, stage.link.up, stage.late, stage.lost) == (False, False, 1, 1)
    assert transport.aborted
    wire.dataReceived(ANSWER)
    wire.connectionLost(Failure(ConnectionLost()))
    assert stage.answers == []
    assert stage.lost == 1
    assert stage.said[1:] == ["Redis did not answer within 0.25 s"]
    assert not stage.clock.getDelayedCalls()


def test_an_answer_that_was_only_waiting_to_be_read_ends_nothing() -> None:
    stage = Stage()
    wire, _ = stage.up()
    stage.ask()
    stage.clock.advance(LOST * 3)  # this process was busy
    wire.dataReceived(ANSWER)
    stage.ask()
    stage.clock.advance(READ)
    assert stage.link.prompt
    wire.dataReceived(ANSWER)
    stage.clock.advance(LOST)
    assert (stage.link.prompt, stage.late, stage.lost) == (True, 0, 0)
    assert len(stage.answers) == 2


def test_a_redis_that_is_slow_from_the_beginning_is_asked_but_not_waited_for() -> None:
    stage = Stage()
    wire, _ = stage.connect()
    stage.clock.advance(DEADLINE * 2)
    wire.dataReceived(ANSWER)
    assert (stage.link.up, stage.link.prompt) == (True, False)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"-READONLY You can't write against a read only replica.\r\n", "Redis says READONLY You can't write"),
        (b"-OOM command not allowed\r\n", "Redis says OOM"),
        (b"+OK\r\n", "Redis says"),
        (b"*1\r\n:1\r\n", "Redis says"),
        (b"$-1\r\n", "Redis says None"),
    ],
)
def test_any_other_answer_ends_the_link(reply: bytes, why: str) -> None:
    stage = Stage()
    wire, transport = stage.up()
    stage.ask()
    stage.ask()
    wire.dataReceived(reply)
    assert not (stage.link.up or stage.link.prompt)
    assert transport.aborted
    assert stage.said[-1].startswith(why)
    assert stage.answers == []


def test_a_reply_that_nobody_asked_for_ends_the_link() -> None:
    stage = Stage()
    wire, transport = stage.up()
    wire.dataReceived(b":1\r\n")
    assert transport.aborted


def test_who_does_not_speak_redis_is_left() -> None:
    stage = Stage()
    wire, transport = stage.connect()
    wire.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert transport.aborted
    assert not stage.link.up


def test_a_connection_that_breaks_ends_the_link_and_the_next_one_begins_it() -> None:
    stage = Stage()
    wire, _ = stage.up()
    stage.ask()
    wire.connectionLost(Failure(ConnectionLost()))
    assert not stage.link.up
    assert stage.lost == 1
    again, _ = stage.up(prompt=False)
    wire.factory.owner.lost(wire)
    assert stage.link.up, "the old one says nothing any more"
    again.connectionLost(Failure(ConnectionLost()))
    assert stage.lost == 2
    assert stage.said.count("Redis is lost") == 2


def test_answers_count_as_prompt_once_others_had_time_to_come_back_too() -> None:
    stage = Stage()
    stage.up()[0].connectionLost(Failure(ConnectionLost()))
    wire, _ = stage.connect()
    wire.dataReceived(ANSWER)
    assert (stage.link.up, stage.link.prompt) == (True, False)
    stage.clock.advance(SETTLE - 0.001)
    stage.ask()
    wire.dataReceived(ANSWER)
    assert not stage.link.prompt
    stage.clock.advance(0.001)
    assert not stage.link.prompt
    stage.ask()
    wire.dataReceived(ANSWER)
    assert stage.link.prompt and len(stage.answers) == 2


def test_an_outage_is_told_once() -> None:
    stage = Stage()
    stage.up()[0].connectionLost(Failure(ConnectionLost()))
    for _ in range(3):
        wire, transport = stage.connect()
        stage.clock.advance(LOST)
        stage.clock.advance(READ)
        assert transport.aborted
        wire.connectionLost(Failure(ConnectionLost()))
    assert stage.said[1:] == ["Redis is lost"]
    assert stage.lost == 1


def test_a_wrong_password_is_told_and_tried_again() -> None:
    stage = Stage(password="wrong")
    wire, transport = stage.link._factory.buildProtocol(None), Transport()
    wire.makeConnection(transport)
    assert words(transport.sent()) == [[b"AUTH", b"wrong"]]
    wire.dataReceived(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
    assert transport.disconnecting
    assert "could not auth" in stage.said[0]
    assert "wrong" not in stage.said[0].replace("WRONGPASS", "")
    assert stage.link._factory.retryDelay(100) < 1.0


def test_redis_that_is_not_there_is_told() -> None:
    class Endpoint:
        attempt: Deferred[Any] = Deferred()

        def connect(self, factory: Any) -> Deferred[Any]:
            return self.attempt

    stage = Stage()
    stage.link._endpoint = Endpoint()
    stage.link.start()
    Endpoint.attempt.errback(ConnectionRefusedError())
    stage.link.stop()
    assert len(stage.said) == 1
    assert stage.said[0].startswith("Redis can't be reached: Connection was refused")


def test_it_works_without_hiredis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "_PACK", None)
    stage = Stage()
    _, transport = stage.up()
    stage.ask()
    assert words(transport.sent()) == [[b"EVALSHA", SHA, b"1", b"gwt:limit:{k}", *ARGUMENTS]]
