"""gwt.redis.client: questions and answers in order, giving up in time, messages; Redis is played by the test."""

from __future__ import annotations

from typing import Any

import pytest
from redis_wire import Transport, words
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gwt.redis.address import Address
from gwt.redis.client import TIMEOUT, Client, Listener, RedisGone, ResponseError
from gwt.redis.wire import READ, Wire


class Stage:
    def __init__(self, make: Any = Client, *arguments: Any) -> None:
        self.clock, self.events = Clock(), list[str]()
        up, down = (lambda: self.events.append("up")), (lambda: self.events.append("down"))
        self.client = make(self.clock, None, Address(), *arguments, up, down)
        self.replies: list[Any] = []

    def connect(self) -> tuple[Wire, Transport]:
        wire, transport = self.client._factory.buildProtocol(None), Transport()
        wire.makeConnection(transport)
        self.client._factory.addConnection(wire)
        return wire, transport

    def ask(self, *commands: bytes) -> None:
        self.client.ask(*commands).addCallbacks(self.replies.append, lambda failure: self.replies.append(failure.value))


def test_questions_are_pipelined_and_answered_in_order() -> None:
    stage = Stage()
    wire, transport = stage.connect()
    assert stage.client.up and stage.events == ["up"]
    stage.ask(b"GET", b"a")
    stage.ask(b"GET", b"b")
    assert words(transport.sent()) == [[b"GET", b"a"], [b"GET", b"b"]]
    wire.dataReceived(b"$1\r\n1\r\n$-1\r")
    wire.dataReceived(b"\n")
    assert stage.replies == [b"1", None]
    stage.clock.advance(TIMEOUT + 1)
    assert stage.client.up and stage.clock.getDelayedCalls() == []


def test_an_error_is_told_and_the_next_answer_is_the_next_one_s() -> None:
    stage = Stage()
    wire, _ = stage.connect()
    stage.ask(b"GET", b"a")
    stage.ask(b"GET", b"b")
    wire.dataReceived(b"-WRONGTYPE no\r\n:7\r\n")
    assert isinstance(stage.replies[0], ResponseError) and stage.replies[1] == 7 and stage.client.up


@pytest.mark.parametrize("why", [b"READONLY You can't write", b"LOADING dataset", b"MASTERDOWN Link"])
def test_who_is_no_master_any_more_is_left(why: bytes) -> None:
    stage = Stage()
    wire, transport = stage.connect()
    stage.ask(b"SET", b"a", b"1")
    wire.dataReceived(b"-" + why + b"\r\n")
    assert isinstance(stage.replies[0], ResponseError)
    assert transport.aborted and not stage.client.up and stage.events == ["up", "down"]


def test_without_an_answer_in_time_the_connection_is_given_up() -> None:
    stage = Stage()
    _, transport = stage.connect()
    stage.ask(b"GET", b"a")
    stage.clock.advance(TIMEOUT / 2)
    stage.ask(b"GET", b"b")
    stage.clock.advance(TIMEOUT / 2)
    stage.clock.advance(READ)
    assert transport.aborted and stage.events == ["up", "down"]
    assert [str(one) for one in stage.replies] == ["Redis did not answer within 5 s"] * 2
    assert stage.clock.getDelayedCalls() == []


def test_an_answer_that_lies_unread_after_a_standstill_ends_nothing() -> None:
    stage = Stage()
    wire, transport = stage.connect()
    stage.ask(b"GET", b"a")
    stage.ask(b"GET", b"b")
    stage.clock.advance(TIMEOUT * 3)  # this process was stopped
    wire.dataReceived(b"$1\r\n1\r\n$1\r\n2\r\n")
    stage.clock.advance(READ)
    assert stage.replies == [b"1", b"2"] and stage.client.up and not transport.aborted
    stage.ask(b"GET", b"c")
    stage.clock.advance(TIMEOUT)
    stage.clock.advance(READ)
    assert transport.aborted and isinstance(stage.replies[2], RedisGone)


def test_a_connection_that_breaks_fails_what_was_asked() -> None:
    stage = Stage()
    wire, _ = stage.connect()
    stage.ask(b"GET", b"a")
    wire.connectionLost(Failure(ConnectionLost()))
    assert isinstance(stage.replies[0], RedisGone) and stage.client.why == "the connection broke"
    stage.ask(b"GET", b"b")
    assert isinstance(stage.replies[1], RedisGone)
    wire, _ = stage.connect()
    assert stage.client.up and stage.events == ["up", "down", "up"]


def test_an_old_connection_says_nothing_of_the_new_one() -> None:
    stage = Stage()
    first, _ = stage.connect()
    stage.client.break_off("for a better one")
    stage.connect()
    first.connectionLost(Failure(ConnectionLost()))
    assert stage.client.up


def test_a_reply_that_nobody_asked_for_ends_the_connection() -> None:
    stage = Stage()
    wire, transport = stage.connect()
    wire.dataReceived(b":1\r\n")
    assert transport.aborted and stage.client.why == "Redis answers what nobody asked"


def test_who_does_not_speak_redis_is_left() -> None:
    stage = Stage()
    wire, transport = stage.connect()
    stage.ask(b"GET", b"a")
    wire.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert transport.aborted


def test_a_refusal_is_told() -> None:
    stage = Stage()
    stage.client.refused("WRONGPASS")
    stage.ask(b"GET", b"a")
    assert str(stage.replies[0]) == "WRONGPASS"


SUBSCRIBED = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"


def test_a_listener_hears_once_it_has_subscribed() -> None:
    heard: list[str] = []
    stage = Stage(Listener, "c", heard.append)
    wire, transport = stage.connect()
    assert words(transport.sent()) == [[b"SUBSCRIBE", b"c"]] and stage.events == []
    wire.dataReceived(SUBSCRIBED)
    assert stage.events == ["up"]
    wire.dataReceived(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$10\r\nroutes 1 a\r\n")
    assert heard == ["routes 1 a"]


def test_a_listener_that_hears_nothing_makes_sure() -> None:
    heard: list[str] = []
    stage = Stage(Listener, "c", heard.append)
    wire, transport = stage.connect()
    wire.dataReceived(SUBSCRIBED)
    transport.clear()
    stage.client.check()
    assert words(transport.sent()) == [[b"PING"]]
    wire.dataReceived(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n")
    stage.clock.advance(TIMEOUT + 1)
    assert heard == ["x"] and stage.client.up
    stage.client.check()
    stage.clock.advance(TIMEOUT)
    stage.clock.advance(READ)
    assert transport.aborted and stage.events == ["up", "down"]
    stage.client.check()  # nobody there


def test_who_may_not_subscribe_tries_again() -> None:
    stage = Stage(Listener, "c", lambda message: None)
    wire, transport = stage.connect()
    wire.dataReceived(b"-NOPERM no\r\n")
    assert transport.aborted and "NOPERM" in stage.client.why
