"""One command on a connection of its own."""

from __future__ import annotations

from typing import Any

from redis_wire import Transport, words
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from gwt.redis.question import Question


class Factory:
    """As little as txredisapi asks of one."""


def test_one_question() -> None:
    question, transport, said = Question(), Transport(), list[Any]()
    question.factory = Factory()
    question.makeConnection(transport)
    question.ask(b"PING").addBoth(said.append)
    assert words(transport.sent()) == [[b"PING"]]
    question.dataReceived(b"+PONG\r\n")
    question.ask(b"PING").addBoth(said.append)
    question.connectionLost(Failure(ConnectionDone()))
    assert said[0] == b"PONG" and isinstance(said[1], Failure)
