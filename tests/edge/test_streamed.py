"""One stream's exchange: answers after the client has gone, and a body that comes before anybody takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from edge.framed import POST, Framed
from twisted.internet.defer import Deferred

from gwt.phase.plugin import Plugin
from gwt.wire.h2.faults import Code

WAITING: list[Deferred[Any]] = []


@dataclass(frozen=True)
class Thinks(Plugin):
    """Thinks before each request."""

    name: ClassVar[str] = "thinks"
    priority: ClassVar[int] = 1

    def access(self, ctx: Any) -> Any:
        later: Deferred[Any] = Deferred()
        WAITING.append(later)
        return later


def test_a_body_waits_while_a_plugin_thinks() -> None:
    framed = Framed(kinds=[Thinks], plugins={"thinks": {}})
    WAITING.clear()
    number = framed.ask(base=POST, body=b"abc")
    assert not framed.rig.upstreams
    WAITING.pop().callback(None)
    framed.settle()
    assert framed.seen[0].body == b"abc" and framed.answers[number].status == 200


def test_a_client_that_goes_while_a_plugin_thinks() -> None:
    framed = Framed(kinds=[Thinks], plugins={"thinks": {}})
    WAITING.clear()
    number = framed.ask(base=POST, body=b"abc")
    framed.judge.reset_stream(number, 8)
    framed.settle()
    (exchange,) = framed.rig.finished
    assert exchange.code == "client_gone" and not framed.rig.upstreams
    exchange.respond(200, b"", b"", 0, b"", True)
    exchange.send(b"x")
    exchange.finish([])
    exchange.interim(None)
    framed.settle()
    assert len(framed.rig.finished) == 1 and framed.answers == {}


def test_an_early_answer_ends_the_upload() -> None:
    framed = Framed(answer=None)
    number = framed.ask(base=POST, body=b"abc", end=False)
    framed.rig.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    answer = framed.settle().answers[number]
    assert answer.ended and answer.reset == Code.NO_ERROR and answer.body == b"ok"
    assert framed.rig.finished[0].status == 200


def test_where_the_client_came_in() -> None:
    framed = Framed(answer=None)
    framed.ask()
    (exchange,) = framed.rig.channel.multiplex.requests.values()  # type: ignore[union-attr]
    assert exchange.server_addr == "127.0.0.1" and exchange.scheme == b"http"
