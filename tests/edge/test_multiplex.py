"""HTTP/2 on a channel: the same resource tree, policies and log; back-pressure, drains, what ends a connection."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from edge.framed import GET, POST, Framed
from edge.rig import Rig, Wire
from twisted.internet.task import Clock
from wire.h2.peer import read

from gwt.edge.windowless import MOST
from gwt.model.access import Access
from gwt.model.settings import Limits
from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.faults import Code
from gwt.wire.h2.stream import LITTLE

HEAD = b"HTTP/1.1 200 OK\r\n"
START = frames.PREFACE + frames.settings([])
BLOCK = hpack.encode([(name.encode(), value.encode()) for name, value in GET])


def named(text: str) -> list[tuple[str, str]]:
    return [(":path" if name == ":path" else name, text if name == ":path" else value) for name, value in GET]


# -- the preface


@pytest.mark.parametrize("cuts", [[24], [1], [3], [18], [23], list(range(1, 24))])
def test_the_preface_in_pieces(cuts: list[int]) -> None:
    rig = Rig()
    pieces = [START[a:b] for a, b in zip([0, *cuts], [*cuts, len(START)], strict=True)]
    rig.send(*pieces)
    assert rig.channel.multiplexed and rig.wire.written[3] == frames.SETTINGS


def test_a_preface_after_a_request_is_none() -> None:
    rig = Rig().send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", START)
    assert rig.statuses == [200, 505] and not rig.channel.multiplexed


def test_half_a_preface_has_its_time() -> None:
    rig = Rig(limits=Limits(header_timeout=2)).send(START[:20]).pass_time(5)
    assert rig.wire.ended


# -- messages


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"INVALID CONNECTION PREFACE\r\n\r\n"])
def test_where_alpn_has_chosen_nothing_else_is_spoken(said: bytes) -> None:
    rig = Rig()
    rig.wire = Wire()
    rig.channel = rig.factory.buildSecured(None, SimpleNamespace(protocol="h2", client=None))  # type: ignore[arg-type]
    rig.channel.makeConnection(rig.wire)
    rig.send(said)
    last = read(rig.wire.written)[-1]
    assert last[0] == frames.GOAWAY and last[3][4:8] == bytes((0, 0, 0, Code.PROTOCOL_ERROR))
    assert not rig.seen and rig.wire.ended


def test_a_request_is_as_any_other() -> None:
    framed = Framed()
    answer = framed.get(("x-user-id", "eve"), ("x", "y"), ("cookie", "a=1"), ("cookie", "b=2"))
    assert (answer.status, answer.body, answer.headers[b"content-length"]) == (200, b"ok", b"2")
    seen = framed.seen[0]
    assert (seen.method, seen.target) == (b"GET", b"/")
    assert seen.header(b"host") == b"a.example" and seen.header(b"cookie") == b"a=1; b=2"
    assert seen.header(b"x") == b"y" and seen.header(b"x-user-id") is None
    assert seen.header(b"via") == b"2.0 gwt" and seen.header(b"x-forwarded-for") == b"192.0.2.7"
    (exchange,) = framed.rig.finished
    assert (exchange.protocol, exchange.status, exchange.bytes_out) == ("HTTP/2.0", 200, 2)
    assert exchange.route == "r" and exchange.uri == b"/"


def test_many_at_once_answered_in_any_order() -> None:
    framed = Framed(answer=None)
    numbers = [framed.ask() for _ in range(5)]
    for index in (3, 0, 4, 1, 2):
        framed.rig.reply(HEAD + b"Content-Length: 1\r\n\r\n%d" % index, upstream=index)
    framed.settle()
    assert [framed.answers[number].body for number in numbers] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_body_of_known_and_of_unknown_length() -> None:
    framed = Framed()
    framed.get(("content-length", "4"), base=POST, body=b"abcd")
    framed.get(base=POST, body=b"efgh")
    assert [seen.body for seen in framed.seen] == [b"abcd", b"efgh"]
    assert framed.seen[0].header(b"content-length") == b"4" and framed.seen[0].header(b"transfer-encoding") is None
    assert framed.seen[1].header(b"transfer-encoding") == b"chunked"
    assert [exchange.bytes_in for exchange in framed.rig.finished] == [4, 4]


def test_trailers_both_ways() -> None:
    framed = Framed()
    number = framed.ask(base=POST, body=b"abc", end=False)
    framed.judge.send_headers(number, [("x-sum", "1"), ("x-user-id", "eve")], end_stream=True)
    framed.settle()
    assert framed.seen[0].trailers == [(b"x-sum", b"1")]
    framed = Framed(answer=None)
    number = framed.ask(("te", "trailers"))
    assert b"TE: trailers" in framed.rig.upstreams[0].raw
    framed.rig.reply(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n")
    answer = framed.settle().answers[number]
    assert answer.body == b"ok" and answer.trailers == [(b"x-sum", b"2")] and answer.ended
    assert b"transfer-encoding" not in answer.headers


def test_heads_of_answers() -> None:
    framed = Framed(answer=None)
    number = framed.ask(base=[(":method", "HEAD"), *GET[1:]])
    framed.rig.reply(HEAD + b"Content-Length: 5\r\nConnection: close\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    answer = framed.settle().answers[number]
    assert answer.ended and answer.body == b"" and answer.headers[b"content-length"] == b"5"
    assert b"connection" not in answer.headers
    number = framed.ask()
    framed.rig.reply(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert framed.settle().answers[number].ended


def test_interim_answers() -> None:
    framed = Framed(answer=None)
    number = framed.ask(("expect", "100-continue"), base=POST, end=False)
    framed.rig.reply(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n")
    assert framed.settle().answers[number].interim == [103, 100]
    framed.judge.send_data(number, b"abc", end_stream=True)
    framed.settle()
    framed.rig.reply(HEAD + b"Content-Length: 0\r\n\r\n")
    assert framed.settle().answers[number].status == 200


def test_errors_of_the_gateway() -> None:
    framed = Framed(hosts=("b.example",))
    answer = framed.get()
    assert answer.status == 404 and json.loads(answer.body)["code"] == "no_route"
    answer = framed.get(("content-type", "application/grpc"), base=POST, body=b"")
    assert answer.status == 200 and answer.headers[b"grpc-status"] == b"12" and answer.body == b""
    for base, status in (
        ([(":method", "TRACE"), *GET[1:]], 501),
        ([(":method", "CONNECT"), (":authority", "a.example:443")], 501),
        (named("/a/../../b"), 400),
        (named("/a%00b"), 400),
    ):
        assert framed.get(base=base).status == status
    assert not framed.seen and not framed.gone


def test_heads_that_are_too_large() -> None:
    framed = Framed(limits=Limits(max_header_bytes=2048, max_headers=10))
    assert framed.get(("x", "y" * 2500)).status == 431
    assert framed.get(*[(f"x{i}", "y") for i in range(12)]).status == 431
    assert framed.get(*[("cookie", f"a{i}=b") for i in range(30)]).status == 200


def test_what_is_malformed_is_reset_and_logged() -> None:
    framed = Framed()
    number = framed.ask(("connection", "close"))
    assert framed.answers[number].reset == Code.PROTOCOL_ERROR
    (exchange,) = framed.rig.finished
    assert (exchange.status, exchange.code, exchange.protocol) == (400, "bad_request", "HTTP/2.0")
    assert framed.get().status == 200


@pytest.mark.parametrize("where", [":path", ":authority", ":method", "x"])
@pytest.mark.parametrize("odd", ["\r\n\r\nGET /evil HTTP/1.1\r\nHost: b\r\n\r\n", "\nx: y", "\0", " HTTP/1.1\r\n"])
def test_nothing_is_smuggled(where: str, odd: str) -> None:
    framed = Framed()
    fields = [(name, value + odd if name == where else value) for name, value in [*GET, ("x", "y")]]
    number = framed.ask(base=fields)
    assert framed.answers[number].reset == Code.PROTOCOL_ERROR and not framed.rig.upstreams


def test_too_much_body() -> None:
    framed = Framed(answer=None, access=Access(max_body=10))
    number = framed.ask(base=POST, body=b"x" * 8, end=False)
    framed.judge.send_data(number, b"x" * 8)
    answer = framed.settle().answers[number]
    assert answer.status == 413 and answer.ended and answer.reset == Code.NO_ERROR
    assert framed.ask(("content-length", "11"), base=POST, end=False) in framed.answers
    assert framed.rig.upstreams[0].aborted and len(framed.rig.upstreams) == 1


def test_an_answer_that_is_cut_off_is_seen_so() -> None:
    framed = Framed(answer=None)
    number = framed.ask()
    framed.rig.reply(HEAD + b"Content-Length: 5\r\n\r\nab").hang_up()
    answer = framed.settle().answers[number]
    assert answer.reset == Code.INTERNAL_ERROR and not answer.ended
    assert framed.rig.finished[0].code == "upstream_cut"
    assert framed.rig.factory.connections == 1


# -- leaving


def test_a_client_that_gives_up_frees_the_upstream() -> None:
    framed = Framed(answer=None)
    number = framed.ask()
    framed.judge.reset_stream(number, 8)
    framed.settle()
    assert framed.rig.upstreams[0].aborted
    assert [(e.status, e.code) for e in framed.rig.finished] == [(499, "client_gone")]


@pytest.mark.parametrize("how", ["vanish", "end"])
def test_a_connection_that_is_lost_frees_them_all(how: str) -> None:
    framed = Framed(answer=None)
    framed.ask()
    framed.ask(base=POST, body=b"x", end=False)
    getattr(framed.rig, how)()
    assert all(upstream.aborted for upstream in framed.rig.upstreams)
    assert [exchange.code for exchange in framed.rig.finished] == ["client_gone"] * 2
    assert framed.rig.factory.connections == 0


def test_a_broken_connection_is_told_and_closed() -> None:
    framed = Framed(answer=None)
    framed.ask()
    framed.raw(frames.window(0, 0)).settle()
    assert framed.gone == [Code.PROTOCOL_ERROR] and framed.rig.wire.half_closed
    assert (framed.rig.factory.framed, framed.rig.factory.calmed) == (1, 0)
    assert framed.rig.upstreams[0].aborted and framed.rig.finished[0].code == "client_gone"
    framed.rig.send(b"whatever").pass_time(3)
    assert framed.rig.wire.aborted


def test_draining() -> None:
    rig = Rig(answer=None).send(START, frames.headers(1, BLOCK, True, 16384))
    before = len(rig.wire.written)
    rig.factory.begin_drain()
    (_, _, _, said), (_, _, _, token) = read(rig.wire.written[before:])
    assert said[:4] == (frames.MOST_STREAM).to_bytes(4)
    rig.send(frames.headers(3, BLOCK, True, 16384), frames.ping(token, ack=True), frames.headers(5, BLOCK, True, 16384))
    assert len(rig.upstreams) == 2
    for upstream in (0, 1):
        assert not rig.wire.ended
        rig.reply(HEAD + b"Content-Length: 2\r\n\r\nok", upstream=upstream)
    assert [(kind, number) for kind, _, number, _ in read(rig.wire.written)][-5:] == [
        (frames.GOAWAY, 0), (frames.HEADERS, 1), (frames.DATA, 1), (frames.HEADERS, 3), (frames.DATA, 3),
    ]  # fmt: skip
    assert rig.wire.closed and rig.factory.connections == 0


def test_an_idle_connection_drains_at_once() -> None:
    framed = Framed()
    framed.get()
    framed.rig.factory.begin_drain()
    framed.settle()
    assert framed.gone == [0] and framed.rig.wire.closed


# -- back-pressure


def test_a_client_that_takes_nothing_stops_the_upstream() -> None:
    framed = Framed(answer=None, reads=False)
    number = framed.ask()
    framed.rig.reply(HEAD + b"Content-Length: 1000000\r\n\r\n", *[bytes(10000)] * 20)
    framed.settle()
    assert framed.rig.upstreams[0].paused and len(framed.answers[number].body) == 65535
    other = framed.ask(base=[(":method", "HEAD"), *GET[1:]])
    framed.rig.reply(HEAD + b"Content-Length: 5\r\n\r\n")
    assert framed.settle().answers[other].ended  # a head needs no window
    for stream in (number, None):
        framed.judge.increment_flow_control_window(1 << 20, stream)
    framed.settle()
    assert not framed.rig.upstreams[0].paused and len(framed.answers[number].body) == 200000


def test_a_transport_that_is_full_stops_all() -> None:
    framed = Framed(answer=None)
    number = framed.ask()
    framed.rig.reply(HEAD + b"Content-Length: 100000\r\n\r\n")
    framed.settle()
    framed.rig.channel.pauseProducing()
    framed.rig.reply(bytes(70000))
    assert framed.settle().answers[number].body == b"" and framed.rig.upstreams[0].paused
    framed.rig.channel.resumeProducing()
    assert len(framed.settle().answers[number].body) == 65535 + 70000 - 65535
    assert not framed.rig.upstreams[0].paused


def test_an_upstream_that_takes_nothing_stops_the_client() -> None:
    framed = Framed(answer=None)
    number = framed.ask(("content-length", "9000000"), base=POST, end=False)
    upstream = framed.rig.upstreams[0]
    upstream.protocol.pauseProducing()
    sent = 0
    while (window := framed.judge.local_flow_control_window(number)) > 0:
        size = min(window, 16384)
        framed.judge.send_data(number, bytes(size))
        sent += size
        framed.settle()
    assert sent == 256 * 1024
    other = framed.ask(base=POST, body=b"abc")
    assert framed.rig.upstreams[1].raw.endswith(b"0\r\n\r\n") and other
    upstream.protocol.resumeProducing()
    framed.settle()
    assert framed.judge.local_flow_control_window(number) == 256 * 1024


def test_where_too_much_waits_all_stop() -> None:
    """Each has its share of what one read brings; of many together no client is given more than some MiB."""
    framed = Framed(answer=None, settings={4: LITTLE})
    numbers = [framed.ask() for _ in range(40)]
    head = HEAD + b"Content-Length: 300001\r\n\r\n"
    for index in range(15):
        framed.rig.reply(head + bytes(300_000), upstream=index)
    assert framed.rig.channel.multiplex.dammed  # type: ignore[union-attr]
    assert all(upstream.paused for upstream in framed.rig.upstreams)
    for stream in (*numbers, None):
        framed.judge.increment_flow_control_window(8 << 20, stream)
    framed.settle()
    assert not framed.rig.channel.multiplex.dammed  # type: ignore[union-attr]
    assert not any(upstream.paused for upstream in framed.rig.upstreams[15:])
    assert [len(framed.answers[number].body) for number in numbers[:15]] == [300_000] * 15


@pytest.mark.parametrize("window", [0, LITTLE - 1])
def test_where_nothing_can_be_answered_few_are_asked(window: int) -> None:
    framed = Framed(answer=None, settings={4: window})
    numbers = [framed.ask() for _ in range(20)]
    assert len(framed.rig.upstreams) == MOST
    framed.judge.reset_stream(numbers[0], 8)
    framed.settle()
    assert len(framed.rig.upstreams) == MOST + 1
    for number in (numbers[19], numbers[1]):  # one that waits, and one that does not
        framed.judge.increment_flow_control_window(LITTLE, number)
        framed.settle()
    assert len(framed.rig.upstreams) == MOST + 3
    framed.rig.reply(HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n", upstream=2)
    assert framed.settle().answers[numbers[2]].ended
    framed.pass_time(1)  # there is no reactor here for whose turn it is
    assert len(framed.rig.upstreams) == MOST + 4
    framed.judge.update_settings({4: 65535})
    framed.settle()
    assert len(framed.rig.upstreams) == 20


def test_what_waits_for_a_window_ends_with_its_connection() -> None:
    framed = Framed(answer=None, settings={4: 0})
    numbers = [framed.ask() for _ in range(20)]
    framed.judge.reset_stream(numbers[15], 8)
    framed.settle()
    framed.rig.vanish().settle()
    assert [one.code for one in framed.rig.finished] == ["client_gone"] * 20 and len(framed.rig.upstreams) == MOST


def test_requests_wait_while_answers_do() -> None:
    framed = Framed(answer=None, reads=False)
    for index in range(5):
        framed.ask()
        framed.rig.reply(HEAD + b"Content-Length: 1000000\r\n\r\n" + bytes(250_000), upstream=index)
        framed.settle()
    waits = framed.ask()
    assert len(framed.rig.upstreams) == 5
    framed.judge.reset_stream(1, 8)
    framed.judge.reset_stream(3, 8)
    framed.settle()
    assert len(framed.rig.upstreams) == 6 and waits not in framed.answers


def test_a_client_that_reads_nothing_gets_no_more_answers_made() -> None:
    framed = Framed(answer=None)
    framed.rig.channel.pauseProducing()
    number = framed.ask(base=[(":method", "HEAD"), *GET[1:]])
    assert not framed.rig.upstreams
    framed.rig.channel.resumeProducing()
    framed.rig.reply(HEAD + b"Content-Length: 5\r\n\r\n")
    assert framed.settle().answers[number].ended


def test_what_is_reset_before_its_turn_reaches_no_upstream() -> None:
    rig = Rig(answer=None)
    rig.send(START + b"".join(frames.headers(n, BLOCK, True, 16384) + frames.reset(n, 8) for n in range(1, 200, 2)))
    assert not rig.upstreams and [exchange.code for exchange in rig.finished] == ["client_gone"] * 100


def test_a_handler_that_fails_fails_its_request_alone() -> None:
    framed = Framed()

    class Broken:
        def getChildWithDefault(self, name: bytes, request: object) -> object:
            raise RuntimeError("no")

    root, framed.rig.factory.root = framed.rig.factory.root, Broken()  # type: ignore[assignment]
    answer = framed.get()
    assert answer.status == 500 and json.loads(answer.body)["code"] == "internal"
    framed.rig.factory.root = root
    assert framed.get().status == 200


@pytest.mark.parametrize(("connecting", "begun"), [(False, 20), (True, 2)])
def test_what_needs_a_new_connection_is_begun_two_in_a_row(
    monkeypatch: pytest.MonkeyPatch, connecting: bool, begun: int
) -> None:
    framed = Framed()
    later = Later(framed)
    handed: list[Any] = []
    reader = SimpleNamespace(connecting=connecting, client_gone=lambda: None)

    def handle(factory: object, request: Any) -> None:
        request.reader = reader
        handed.append(request)

    monkeypatch.setattr(type(framed.rig.factory), "handle", handle)
    for number in range(1, 41, 2):
        framed.judge.send_headers(number, GET, end_stream=True)
    framed.rig.send(framed.judge.data_to_send())
    assert len(handed) == begun
    later.turn()
    assert len(handed) == min(20, 2 * begun)


def test_what_is_lost_is_let_go_of_two_in_a_row() -> None:
    framed = Framed(answer=None)
    for _ in range(6):
        framed.ask()
    later = Later(framed)
    framed.rig.vanish()
    gone = [sum(upstream.aborted for upstream in framed.rig.upstreams)]
    while later.calls:
        later.turn()
        gone.append(sum(upstream.aborted for upstream in framed.rig.upstreams))
    assert gone == [2, 4, 6]


class Later(Clock):
    """The reactor of a rig's client: what is put off is done by `turn`, what that puts off by the next one."""

    def __init__(self, framed: Framed) -> None:
        super().__init__()
        framed.rig.wire.reactor = self  # type: ignore[attr-defined]

    def turn(self) -> None:
        due, self.calls = self.calls, []
        for call in due:
            call.func(*call.args, **call.kw)
