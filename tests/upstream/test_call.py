"""Calls over real sockets: HTTP/1.1 in, HTTP/2 out: what an upstream is asked, what comes of what it says."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from upstream.framed import Server, data, echo, head, serve
from upstream.stage import Origin, Stage, poll

from gwt.model.route import Access
from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.faults import Code
from gwt.wire.h2.frames import frame
from gwt.wire.h2.options import INITIAL_WINDOW

HOST = "framed.example.com"
FRAMED = {"protocol": "h2c"}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage("uvloop") as made:
        yield made


def ask(stage: Stage, origin: Origin, request: bytes, to_head: bool = False, **options: Any) -> Any:
    stage.serve(HOST, [origin], service=FRAMED, **options)
    return stage.ask(request, to_head)


def get(
    stage: Stage, play: Callable[[Server], None], extra: bytes = b"", method: bytes = b"GET", **options: Any
) -> Any:
    """The answer to one request without a body."""
    with Origin(serve(play)) as origin:
        request = b"%b / HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (method, HOST.encode(), extra)
        return ask(stage, origin, request, method == b"HEAD", **options)


def test_what_an_upstream_is_asked(stage: Stage) -> None:
    with Origin(serve(echo)) as origin:
        request = (
            b"POST /a//b/../c?x=1 HTTP/1.1\r\nHost: Framed.example.com:80\r\nContent-Length: 4\r\n"
            b"Connection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nCookie: a=1\r\nCookie: b=2\r\n"
            b"X-User-Id: eve\r\nX_User_Id: eve\r\nAccept: */*\r\nUpgrade: websocket\r\n\r\ndata"
        )
        answer = ask(stage, origin, request)
        assert (answer.status, answer.body) == (200, b"data")
        (asked,) = origin.seen
        pseudo = dict(asked.fields[:4])
        assert pseudo[b":method"] == b"POST" and pseudo[b":scheme"] == b"http"
        assert pseudo[b":path"] == b"/a/c?x=1" and pseudo[b":authority"] == b"Framed.example.com:80"
        names = {name for name, _ in asked.fields}
        assert not names & {b"host", b"connection", b"x-mine", b"keep-alive", b"upgrade", b"x-user-id", b"x_user_id"}
        assert asked.value(b"te") == b"trailers" and asked.value(b"via") == b"1.1 gwt"
        assert asked.values(b"cookie") in ([b"a=1; b=2"], [b"a=1", b"b=2"])
        assert len(asked.value(b"x-request-id")) == 32 and len(asked.value(b"traceparent")) == 55
        assert asked.value(b"x-forwarded-host") == b"Framed.example.com:80"
        assert asked.value(b"x-forwarded-for") == b"127.0.0.1" and asked.value(b"content-length") == b"4"


def test_bodies_and_trailers_both_ways(stage: Stage) -> None:
    def play(server: Server) -> None:
        while asked := server.request():
            server.answer(asked, asked.body, trailers=[(b"x-sum", dict(asked.trailers)[b"x-sum"])])

    with Origin(serve(play)) as origin:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (b"a" * 10, b"b" * 70_000))
        start = b"POST / HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % HOST.encode()
        answer = ask(stage, origin, start + chunks + b"0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n")
        assert answer.body == b"a" * 10 + b"b" * 70_000 and answer.clean
        assert [name for name, _ in origin.seen[0].trailers] == [b"x-sum"]


def test_answers_without_a_body(stage: Stage) -> None:
    def play(server: Server) -> None:
        while asked := server.request():
            status = asked.value(b"x-status") or b"200"
            fields = [] if status == b"204" else [(b"content-length", b"5")]
            server.judge.send_headers(asked.number, [(b":status", status), *fields], end_stream=True)
            server.flush()

    length = [b"5"]
    assert get(stage, play, method=b"HEAD").values(b"content-length") == length
    not_modified = get(stage, play, b"X-Status: 304\r\n")
    assert (not_modified.status, not_modified.values(b"content-length")) == (304, length)
    empty = get(stage, play, b"X-Status: 204\r\n")
    assert (empty.status, empty.values(b"content-length"), empty.values(b"transfer-encoding")) == (204, [], [])


def test_interim_answers(stage: Stage) -> None:
    def play(server: Server) -> None:
        while asked := server.head():
            server.raw(head(asked.number, [(b":status", b"103"), (b"link", b"</a>")]))
            server.raw(head(asked.number, [(b":status", b"100")]))
            server.until(lambda: asked.ended)
            server.answer(asked, b"final")

    with Origin(serve(play)) as origin:
        stage.serve(HOST, [origin], service=FRAMED)
        client = stage.client()
        client.send(b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n" % HOST.encode())
        assert client.until(b"100 Continue\r\n\r\n").count(b"HTTP/1.1 103")
        client.send(b"ab")
        assert client.answer().body == b"final" and origin.seen[0].value(b"expect") == b"100-continue"
        client.close()


def test_an_answer_before_the_end_of_the_request(stage: Stage) -> None:
    resets = []

    def play(server: Server) -> None:
        asked = server.head()
        assert asked is not None
        server.answer(asked, b"enough", [(b":status", b"413")][:0])
        server.until(lambda: asked.reset is not None)
        resets.append(asked.reset)

    with Origin(serve(play)) as origin:
        stage.serve(HOST, [origin], service=FRAMED)
        client = stage.client()
        client.send(b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: 100000\r\n\r\nsome" % HOST.encode())
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"enough")
        poll(lambda: resets == [Code.NO_ERROR])
        client.close()


def test_a_client_that_leaves_cancels(stage: Stage) -> None:
    resets = []

    def play(server: Server) -> None:
        asked = server.request()
        assert asked is not None
        server.until(lambda: asked.reset is not None)
        resets.append(asked.reset)
        echo(server)

    with Origin(serve(play)) as origin:
        stage.serve(HOST, [origin], service=FRAMED)
        client = stage.client()
        client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        poll(lambda: origin.seen)
        client.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: close by a reset
        client.close()
        poll(lambda: resets == [Code.CANCEL])
        assert stage.get(HOST).body == b"hi" and len(origin.visits) == 1  # the trunk goes on


def test_the_pace_of_an_upstream_stops_the_client(stage: Stage) -> None:
    size = 8 << 20
    full = []

    def play(server: Server) -> None:
        asked = server.head()
        assert asked is not None
        server.until(lambda: len(asked.body) >= 65535)
        full.append(len(asked.body))
        server.visit.origin.over.wait(0.3)
        full.append(stage.call(lambda: sum(call.trunk.wire.waiting for call in calls(stage))))
        server.judge.increment_flow_control_window(size)
        server.judge.increment_flow_control_window(size, asked.number)
        server.flush()
        server.until(lambda: asked.ended)
        server.answer(asked, b"%d" % len(asked.body))

    with Origin(serve(play, reads=False)) as origin:
        request = b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n" % (HOST.encode(), size)
        answer = ask(stage, origin, request + bytes(size))
        assert answer.body == b"%d" % size
        assert full[0] == 65535 and 0 < full[1] < 1 << 20


def calls(stage: Stage) -> list[Any]:
    """All calls that are under way."""
    found = []
    for pool in stage.pools._pools.values():
        for trunk in getattr(pool, "_trunks", ()):
            found += trunk.calls.values()
    return found


def test_a_client_that_reads_slowly_stops_its_own_stream_alone(stage: Stage) -> None:
    sent = []

    def play(server: Server) -> None:
        while asked := server.request():
            if asked.value(b":path") != b"/large":
                server.answer(asked)
                continue
            server.judge.send_headers(asked.number, [(b":status", b"200")])
            for _ in range(4096):
                if server.judge.local_flow_control_window(asked.number) < 16384:
                    break
                server.judge.send_data(asked.number, bytes(16384))
                server.flush()
                sent.append(16384)

    with Origin(serve(play)) as origin:
        stage.serve(HOST, [origin], service=FRAMED)
        client = stage.client(buffer=4096)
        client.send(b"GET /large HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        assert client.until(b"200 OK")
        assert stage.get(HOST, b"/small").body == b"hi"
        assert sum(sent) <= 4 << 20
        client.close()
        poll(lambda: not calls(stage))


LIES: dict[str, Callable[[int], bytes]] = {
    "upper case": lambda n: head(n, [(b":status", b"200"), (b"X-Up", b"1")], True),
    "no status": lambda n: head(n, [(b"x", b"1")], True),
    "two statuses": lambda n: head(n, [(b":status", b"200"), (b":status", b"200")], True),
    "a bad status": lambda n: head(n, [(b":status", b"2000")], True),
    "101": lambda n: head(n, [(b":status", b"101")]),
    "a pseudo-field of requests": lambda n: head(n, [(b":status", b"200"), (b":path", b"/")], True),
    "a pseudo-field after others": lambda n: head(n, [(b"x", b"1"), (b":status", b"200")], True),
    "connection": lambda n: head(n, [(b":status", b"200"), (b"connection", b"close")], True),
    "transfer-encoding": lambda n: head(n, [(b":status", b"200"), (b"transfer-encoding", b"chunked")], True),
    "a line end": lambda n: head(n, [(b":status", b"200"), (b"x", b"1\r\nset-cookie: a=1")], True),
    "NUL": lambda n: head(n, [(b":status", b"200"), (b"x", b"1\0")], True),
    "no name": lambda n: head(n, [(b":status", b"200"), (b"", b"1")], True),
    "two lengths": lambda n: head(n, [(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"1")]),
    "a length of nothing": lambda n: head(n, [(b":status", b"200"), (b"content-length", b"1")], True),
    "an interim answer that ends": lambda n: head(n, [(b":status", b"103")], True),
    "DATA before a head": lambda n: data(n, b"x", True),
    "a stream of its own": lambda n: head(2),
    "PUSH_PROMISE": lambda n: frame(frames.PUSH_PROMISE, frames.END_HEADERS, n, b"\0\0\0\2\x82\x84\x86"),
    "settings without end": lambda n: 1000 * frames.settings([(INITIAL_WINDOW, 65535)]),
    "pings without end": lambda n: 3000 * frames.ping(bytes(8)),
    "a window that overflows": lambda n: frames.window(0, frames.MOST_WINDOW),
    "a stream's window that overflows": lambda n: frames.window(n, frames.MOST_WINDOW),
    "a large frame": lambda n: frame(frames.DATA, 0, n, bytes(16385)),
    "HPACK that is none": lambda n: frame(frames.HEADERS, frames.END_HEADERS, n, b"\xff\xff\xff\xff\xff"),
    "an HPACK bomb": lambda n: frame(
        frames.HEADERS, frames.END_HEADERS, n, b"\x88\x40\x01x\x7f\xa1\x1f" + b"y" * 4000 + b"\xbe" * 10_000
    ),
    "CONTINUATION without end": lambda n: frame(frames.HEADERS, 0, n, b"\x88") + 100 * frame(frames.CONTINUATION, 0, n),
    "a head of 1 MiB": lambda n: head_in_pieces(n, 1 << 20),
    "a head of 100 KiB": lambda n: head_in_pieces(n, 100 << 10),
    "many fields": lambda n: head(n, [(b":status", b"200"), *[(b"x", b"1")] * 300], True),
    "garbage": lambda n: b"HTTP/1.1 200 OK\r\n\r\n",
    "a GOAWAY that is broken": lambda n: frame(frames.GOAWAY, 0, 0, b"x"),
}  # fmt: skip


def head_in_pieces(number: int, size: int) -> bytes:
    """A head with so many bytes of fields, in frames that are no larger than they may be."""
    fields = [(b":status", b"200"), *[(b"x-%d" % at, b"v" * 1000) for at in range(size // 1000)]]
    return frames.headers(number, hpack.encode(fields), True, frames.LEAST_MAX_FRAME)


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_answer_is_a_502(stage: Stage, lie: str) -> None:
    def play(server: Server) -> None:
        asked = server.request()
        if asked is not None:
            server.raw(LIES[lie](asked.number))
        server.until(lambda: False)

    done = len(stage.finished)
    answer = get(stage, play)
    assert answer.status == 502 and b"set-cookie" not in answer.head.lower()
    exchange = poll(lambda: stage.finished[done:])[0]
    assert exchange.code == "bad_answer" and exchange.tries == 1


AFTER_THE_HEAD = {
    "less than was said": lambda n: head(n, [(b":status", b"200"), (b"content-length", b"9")]) + data(n, b"x", True),
    "more than was said": lambda n: head(n, [(b":status", b"200"), (b"content-length", b"1")]) + data(n, b"xyz", True),
    "a reset": lambda n: head(n) + data(n, b"x") + frames.reset(n, Code.INTERNAL_ERROR),
    "a pseudo-field in trailers": lambda n: head(n) + data(n, b"x") + head(n, [(b":status", b"200")], True),
    "a second head": lambda n: head(n) + data(n, b"x") + head(n),
    "an error of the connection": lambda n: head(n) + data(n, b"x") + frame(frames.PING, 0, 0, b"x"),
}


@pytest.mark.parametrize("lie", AFTER_THE_HEAD)
def test_an_answer_that_breaks_is_broken_off(stage: Stage, lie: str) -> None:
    def play(server: Server) -> None:
        asked = server.request()
        if asked is not None:
            server.raw(AFTER_THE_HEAD[lie](asked.number))
        server.until(lambda: False)

    done = len(stage.finished)
    answer = get(stage, play)
    assert answer.status == 0 or (answer.status in (200, 502) and (answer.status == 502 or not answer.clean))
    exchange = poll(lambda: stage.finished[done:])[0]
    assert exchange.code in ("upstream_cut", "bad_answer")


def test_a_server_of_http11_is_none(stage: Stage) -> None:
    def script(visit: Any) -> None:
        visit.until(b"SM\r\n\r\n")
        visit.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with Origin(script) as origin:
        done = len(stage.finished)
        answer = ask(stage, origin, b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        assert answer.status == 502 and b"does not speak HTTP/2" in answer.body
        assert poll(lambda: stage.finished[done:])[0].code == "connect_failed"


def refused(server: Server) -> None:
    while asked := server.request():
        server.raw(frames.reset(asked.number, Code.REFUSED_STREAM))


def passed_over(server: Server) -> None:
    server.request()
    server.raw(frames.goaway(0, Code.NO_ERROR))
    server.until(lambda: False)


@pytest.mark.parametrize("send_back", [refused, passed_over])
def test_what_was_not_looked_at_goes_elsewhere_even_a_post(stage: Stage, send_back: Callable[[Server], None]) -> None:
    with Origin(serve(send_back)) as bad, Origin(serve(echo)) as good:
        stage.serve(HOST, [bad, good], service=FRAMED, access=Access(retries=0))
        for _ in range(4):
            answer = stage.post(HOST, b"once")
            assert (answer.status, answer.body) == (200, b"once")
        assert bad.seen and len(good.seen) == 4


def test_who_refuses_always_is_no_upstream(stage: Stage) -> None:
    with Origin(serve(refused)) as origin:
        stage.serve(HOST, [origin], service=FRAMED)
        answer = stage.post(HOST)
        assert answer.status == 502 and len(origin.seen) == 6


def reset_it(server: Server, number: int) -> None:
    server.raw(frames.reset(number, Code.INTERNAL_ERROR))


def close_it(server: Server, number: int) -> None:
    server.visit.close()


@pytest.mark.parametrize("cut", [reset_it, close_it])
def test_what_may_have_been_looked_at_is_tried_again_only_where_that_is_safe(
    stage: Stage, cut: Callable[[Server, int], None]
) -> None:
    def play(server: Server) -> None:
        while asked := server.request():
            cut(server, asked.number)

    with Origin(serve(play)) as bad, Origin(serve(echo)) as good:
        stage.serve(HOST, [bad, good], service=FRAMED)
        assert [stage.get(HOST).status for _ in range(3)] == [200, 200, 200]
        tried = len(bad.seen)
        assert tried and len(good.seen) == 3
        assert sorted(stage.post(HOST).status for _ in range(2)) == [200, 502]
        assert len(bad.seen) == tried + 1 and len(good.seen) == 4


def test_endpoints_are_picked_for_each_request(stage: Stage) -> None:
    with Origin(serve(echo)) as one, Origin(serve(echo)) as two:
        stage.serve(HOST, [one, two], service=FRAMED)
        client = stage.client()
        for _ in range(10):
            client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
            assert client.answer().status == 200
        client.close()
        assert (len(one.seen), len(two.seen)) == (5, 5)
        assert (len(one.visits), len(two.visits)) == (1, 1)


def test_connection_refused_goes_elsewhere(stage: Stage) -> None:
    with socket.socket() as bound, Origin(serve(echo)) as good:
        bound.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{bound.getsockname()[1]}"
        stage.serve(HOST, [gone, good], service=FRAMED)
        assert [stage.post(HOST).status for _ in range(2)] == [200, 200]
        stage.point(HOST.partition(".")[0], gone)
        assert stage.post(HOST).status == 502


def test_an_upstream_that_hangs_is_a_504(stage: Stage) -> None:
    ended = len(stage.finished)
    answer = get(stage, hang_until(stage, 30), timeout=30)
    assert answer.status == 504
    assert not calls(stage) and len(stage.finished) == ended + 1


def hang_until(stage: Stage, seconds: float) -> Callable[[Server], None]:
    """Read a request and never answer; the exchange ends after so much time, and not before."""

    def play(server: Server) -> None:
        server.request()
        stage.skip(seconds - 1)
        assert stage.proxy.live == 1
        stage.skip(2)
        server.until(lambda: False)

    return play


GRPC = (
    b"POST /demo.Any/Echo HTTP/1.1\r\nHost: %b\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n"
    % HOST.encode()
)


def test_the_callers_deadline_is_kept_and_passed_on(stage: Stage) -> None:
    with Origin(serve(hang_until(stage, 30))) as origin:
        answer = ask(stage, origin, GRPC + b"grpc-timeout: 30S\r\n\r\n\0\0\0\0\0")
        assert answer.status == 200 and answer.values(b"grpc-status") == [b"4"]
        assert origin.seen[0].value(b"grpc-timeout") == b"30S"


def test_messages_have_a_limit_instead_of_bodies(stage: Stage) -> None:
    with Origin(serve(echo)) as origin:
        request = GRPC + b"\r\n\0\0\0\0\0"
        assert ask(stage, origin, request, access=Access(max_body=1)).body == bytes(5)
        large = request[:-5] + b"\0\0\0\0\2"
        answer = ask(stage, origin, large, access=Access(max_message=1))
        assert answer.status == 200 and answer.values(b"grpc-status") == [b"13"]
