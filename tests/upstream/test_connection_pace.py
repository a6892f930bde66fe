"""A server that says more at once than one turn of the reactor takes: all of it arrives, a turn's worth at a time."""

from __future__ import annotations

from typing import Any

import pytest
from upstream.fakes import Clock, Later, Net, Transport
from upstream.stage import Origin, Stage, ok, say_once

from gwt.errors import GatewayError
from gwt.phase.share import Share
from gwt.upstream.connection import _CHUNKS_IN_A_ROW, _INTERIM_IN_A_ROW
from gwt.upstream.pool import Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CODED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MANY = _CHUNKS_IN_A_ROW * 4 + 7
CHUNKS = b"".join(b"1\r\n%c\r\n" % (97 + number % 26) for number in range(MANY))
BODY = bytes(97 + number % 26 for number in range(MANY))


class Asker:
    """Owns one exchange; `pause_after` bytes it pauses the answer."""

    wants_upgrade = False
    request_sent = True

    def __init__(self) -> None:
        self.body = b""
        self.ended = self.interim = 0
        self.errors: list[GatewayError] = []
        self.pause_after: int | None = None

    def connected(self, connection: Any) -> None:
        self.connection = connection

    def not_connected(self, error: GatewayError) -> None:
        self.errors.append(error)

    def answer_interim(self, head: Any) -> None:
        self.interim += 1

    def answer_head(self, head: Any, body: bytes, done: bool) -> None:
        self.answer_body(body)
        self.ended += done

    def answer_body(self, data: bytes) -> None:
        self.body += data
        if self.pause_after is not None and len(self.body) >= self.pause_after:
            self.connection.pause()

    def answer_end(self, trailers: list[bytes]) -> None:
        self.ended += 1

    def answer_failed(self, error: GatewayError) -> None:
        self.errors.append(error)


def begun(reactor: Later | None = None) -> tuple[Asker, Transport, Pool]:
    """An exchange whose request is sent."""
    net, clock = Net(), Clock()
    pool, asker = Pool("10.0.0.1", 80, net, clock, Share(clock)), Asker()
    pool.connect(asker, 1.0)  # type: ignore[arg-type]
    transport = net.connecting[0].succeed()
    if reactor is not None:
        transport.reactor = reactor  # type: ignore[attr-defined]
    asker.connection.begin(asker, b"GET / HTTP/1.1\r\n\r\n", False)
    return asker, transport, pool


@pytest.mark.parametrize("pieces", [[CODED + CHUNKS + b"0\r\n\r\n"], [CODED, CHUNKS, b"0\r\n\r\n"]])
def test_many_chunks_take_several_turns(pieces: list[bytes]) -> None:
    reactor = Later()
    asker, transport, pool = begun(reactor)
    transport.says(pieces[0])
    if len(pieces) > 1:
        transport.says(pieces[1])
    assert asker.body == BODY[:_CHUNKS_IN_A_ROW] and not transport.reading
    reactor.turn()
    assert asker.body == BODY[: 2 * _CHUNKS_IN_A_ROW] and not transport.reading
    reactor.run()
    for piece in pieces[2:]:
        transport.says(piece)
    assert (asker.body, asker.ended, asker.errors) == (BODY, 1, [])
    assert transport.reading and pool.idle == 1


def test_without_a_reactor_they_are_taken_at_once() -> None:
    asker, transport, _ = begun()
    transport.says(CODED + CHUNKS + b"0\r\n\r\n")
    assert (asker.body, asker.ended) == (BODY, 1) and transport.reading


def test_what_has_come_is_read_though_the_server_is_gone() -> None:
    reactor = Later()
    asker, transport, pool = begun(reactor)
    transport.says(CODED + CHUNKS + b"0\r\n\r\n")
    transport.end()
    assert (asker.body, asker.ended, asker.errors) == (BODY, 1, [])
    reactor.run()
    assert (pool.live, pool.idle) == (0, 0)


def test_what_breaks_off_is_known_to_be_cut() -> None:
    asker, transport, _ = begun(Later())
    transport.says(CODED + CHUNKS)
    transport.end()
    assert asker.body == BODY and not asker.ended and asker.errors[0].code == "bad_answer"


def test_a_broken_chunk_is_found_in_its_turn() -> None:
    reactor = Later()
    asker, transport, _ = begun(reactor)
    transport.says(CODED + CHUNKS + b"zz\r\n")
    reactor.run()
    assert asker.body == BODY[: len(asker.body)] and asker.errors[0].code == "bad_answer" and transport.aborted


def test_a_client_that_pauses_gets_nothing_in_its_turn() -> None:
    reactor = Later()
    asker, transport, _ = begun(reactor)
    asker.pause_after = 1
    transport.says(CODED + CHUNKS + b"0\r\n\r\n")
    reactor.run()
    assert len(asker.body) == _CHUNKS_IN_A_ROW and not transport.reading
    asker.pause_after = None
    asker.connection.resume()
    assert len(asker.body) == 2 * _CHUNKS_IN_A_ROW and not transport.reading
    reactor.run()
    assert (asker.body, asker.ended) == (BODY, 1) and transport.reading


def test_who_left_meanwhile_hears_nothing() -> None:
    reactor = Later()
    asker, transport, pool = begun(reactor)
    transport.says(CODED + CHUNKS + b"0\r\n\r\n")
    asker.connection.cancel()
    reactor.run()
    transport.end()
    assert len(asker.body) == _CHUNKS_IN_A_ROW and not asker.ended and pool.live == 0


INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"


def test_many_interim_answers_take_several_turns() -> None:
    reactor = Later()
    asker, transport, pool = begun(reactor)
    transport.says(INTERIM * (2 * _INTERIM_IN_A_ROW + 3) + OK[:9])
    assert asker.interim == _INTERIM_IN_A_ROW and not transport.reading
    reactor.turn()
    assert asker.interim == 2 * _INTERIM_IN_A_ROW and not transport.reading
    reactor.turn()
    assert asker.interim == 2 * _INTERIM_IN_A_ROW + 3 and transport.reading
    transport.says(OK[9:])
    assert (asker.body, asker.ended, asker.errors) == (b"ok", 1, []) and pool.idle == 1


def test_what_comes_while_interim_answers_wait_is_not_lost() -> None:
    reactor = Later()
    asker, transport, pool = begun(reactor)
    transport.says(INTERIM * (_INTERIM_IN_A_ROW + 1))
    asker.connection.dataReceived(OK)  # a transport may have read it before it was told to pause
    reactor.run()
    assert (asker.interim, asker.body, asker.ended) == (_INTERIM_IN_A_ROW + 1, b"ok", 1)
    assert transport.reading and pool.idle == 1


def test_interim_answers_pass_a_client_that_pauses() -> None:
    reactor = Later()
    asker, transport, pool = begun(reactor)
    transport.says(INTERIM * (_INTERIM_IN_A_ROW + 1) + OK)
    asker.connection.pause()
    reactor.run()
    assert asker.body == b"ok" and asker.ended == 1 and pool.idle == 1 and transport.reading


@pytest.mark.parametrize("answer", [True, False])
def test_an_answer_behind_interim_ones_is_read_though_the_server_is_gone(answer: bool) -> None:
    asker, transport, pool = begun(Later())
    transport.says(INTERIM * (_INTERIM_IN_A_ROW * 3) + (OK if answer else b""))
    transport.end()
    assert asker.interim == 3 * _INTERIM_IN_A_ROW
    assert (asker.ended, [error.code for error in asker.errors]) == ((1, []) if answer else (0, ["bad_answer"]))
    assert (pool.live, pool.idle) == (0, 0)


@pytest.mark.parametrize("kind", ["uvloop", "epoll"])
def test_interim_answers_without_end_are_a_bad_answer(kind: str) -> None:
    with Stage(kind) as stage, Origin(say_once(b"HTTP/1.1 102 Processing\r\n\r\n" * 2001 + ok())) as origin:
        stage.serve("a.example.com", [origin])
        answer = stage.get("a.example.com")
        assert (answer.status, stage.last().code) == (502, "bad_answer")
        stage.settle()
