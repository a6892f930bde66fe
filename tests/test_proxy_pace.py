"""Time and pace over real sockets: the four timeouts, early answers, Expect, slow peers, clients that leave."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from upstream.stage import PATIENCE, Client, Origin, Stage, Visit, ok, poll, reset, say

from gwt.model.route import Access, Timeout

HOST = "pace.example.com"
GET = b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode()
MIB = 1 << 20


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Stage(request.param) as made:
        yield made


def head_of(method: bytes, length: int, extra: bytes = b"") -> bytes:
    return b"%b / HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n%b\r\n" % (method, HOST.encode(), length, extra)


def hang(visit: Visit) -> None:
    visit.request()
    visit.origin.over.wait(PATIENCE)


# -- the four timeouts


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_hanging_upstream_is_a_504_in_time(stage: Stage, method: bytes) -> None:
    with Origin(hang) as one, Origin(hang) as two:
        stage.serve(HOST, [one, two], timeout=30)
        client, ended = stage.client(), len(stage.finished)
        client.send(head_of(method, 4) + b"data")
        poll(lambda: any(seen.complete and seen.body for seen in one.seen + two.seen))
        stage.skip(29)
        assert (len(stage.finished), stage.proxy.live) == (ended, 1)
        stage.skip(2)
        answer = client.answer()
        assert (answer.status, b'"timeout"' in answer.body) == (504, True)
        client.close()
        assert len(one.seen) + len(two.seen) == 1
        stage.settle()


def test_total_breaks_off_what_still_comes(stage: Stage) -> None:
    def drip(visit: Visit) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not visit.origin.over.wait(0.05):
            visit.send(b"x")

    with Origin(drip) as origin:
        stage.serve(HOST, [origin], access=Access(timeout=Timeout(60.0, 60.0, 60.0, 30.0)))
        client, ended = stage.client(), len(stage.finished)
        client.send(GET)
        assert client.until(b"\r\n\r\nxx")
        stage.skip(29)
        assert client.more() and len(stage.finished) == ended
        stage.skip(2)
        while not client.ended():
            pass
        assert stage.ends(ended + 1).code == "upstream_cut"
        client.close()
        stage.settle()


def test_read_begins_anew_with_each_byte(stage: Stage) -> None:
    def drip(visit: Visit) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            assert turn.acquire(timeout=PATIENCE)
            visit.send(b"x")

    turn = threading.Semaphore(0)
    with Origin(drip) as origin:
        stage.serve(HOST, [origin], timeout=30)
        client = stage.client()
        client.send(GET)
        assert client.until(b"\r\n\r\n")
        for _ in range(8):
            stage.skip(29)
            turn.release()
            assert client.take(1) == b"x"
        client.close()
        stage.settle()


def test_read_does_not_fire_while_the_client_is_the_slow_one(stage: Stage) -> None:
    body = b"x" * (16 * MIB)
    with Origin(say(ok(body))) as origin:
        stage.serve(HOST, [origin], timeout=30)
        client = stage.client(buffer=65536)
        client.send(GET)
        client.until(b"\r\n\r\n")
        (forward,) = poll(lambda: stage.call(stage.forwards))
        for _ in range(2):  # more than twice `read`: nothing may happen
            poll(lambda: stage.call(lambda: forward._paused and stage.move(31)))
        assert client.take(len(body)) == body
        client.close()
        stage.settle()


def test_the_answer_has_its_time_once_the_slow_request_is_complete(stage: Stage) -> None:
    def wait(visit: Visit) -> None:
        visit.request()
        go.wait(PATIENCE)
        visit.send(ok())

    go = threading.Event()
    with Origin(wait) as origin:
        stage.serve(HOST, [origin], timeout=2)
        client = stage.client()
        client.send(head_of(b"POST", 4))
        poll(lambda: origin.seen)
        for piece in (b"a", b"b", b"c", b"d"):
            stage.skip(1.5)
            client.send(piece)
        poll(lambda: origin.seen[0].body)
        stage.skip(1.5)
        go.set()
        assert client.answer().status == 200
        client.close()
        stage.settle()


# -- early answers


EARLY = {
    "413": b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig",
    "413-close": b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig",
    "200": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbig",
    "200-chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n0\r\n\r\n",
    "http10": b"HTTP/1.0 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig",
}


@pytest.mark.parametrize("end", ["waits", "closes", "resets", "reads on"])
@pytest.mark.parametrize("name", EARLY)
def test_an_early_answer_reaches_the_client_who_still_sends(stage: Stage, name: str, end: str) -> None:
    def early(visit: Visit) -> None:
        seen = visit.request(body=False)
        visit.send(EARLY[name])
        while end == "reads on" and seen is not None:
            visit.body(seen)
            seen = visit.request(body=False)
            visit.send(EARLY[name])
        if end == "waits":
            visit.origin.over.wait(PATIENCE)
        elif end == "resets":
            reset(visit.socket)

    with Origin(early) as origin:
        stage.serve(HOST, [origin])
        for _ in range(5):
            client = stage.client()
            sent = threading.Thread(target=push, args=(client, head_of(b"POST", 8 * MIB) + b"x" * (8 * MIB)))
            sent.start()
            answer = client.answer()
            assert (answer.status, answer.body) == (int(EARLY[name].split(b" ")[1]), b"big"), end
            client.close()
            sent.join(PATIENCE)
        stage.settle()
        whole = sum(len(seen.body) == 8 * MIB for seen in origin.seen)
        assert len(origin.seen) == 5
        assert 5 - whole <= len(origin.visits) <= 5, "only what has had a whole request is used again"


def push(client: Client, data: bytes) -> None:
    try:
        client.send(data)
    except OSError:
        return  # nobody wants the rest


def test_an_answer_behind_a_reset_is_still_read(stage: Stage) -> None:
    """The reactor is held up until answer and reset are both there, and writes before it reads."""
    got = threading.Event()

    def refuse(visit: Visit) -> None:
        visit.request(body=False)
        got.set()
        go.wait(PATIENCE)
        visit.send(EARLY["413"])
        reset(visit.socket)
        gone.set()

    go, gone = threading.Event(), threading.Event()
    with Origin(refuse) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        client.send(head_of(b"POST", 1000) + b"x")
        assert got.wait(PATIENCE)
        channel = poll(lambda: stage.call(lambda: next((request.channel for request in live(stage)), None)))
        poll(lambda: channel.request is not None and channel.request.bytes_in == 1)

        def write_first() -> None:
            go.set()
            gone.wait(PATIENCE)
            channel.dataReceived(b"y" * 10)
            channel.dataReceived(b"z" * 10)

        stage.call(write_first)
        assert client.answer().status == 413
        client.close()
        stage.settle()


# -- Expect


def test_100_comes_from_the_upstream_that_wants_the_body(stage: Stage) -> None:
    def wants(visit: Visit) -> None:
        seen = visit.request(body=False)
        assert seen is not None and seen.values(b"expect") == [b"100-continue"]
        visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        visit.body(seen)
        visit.send(ok())

    with Origin(wants) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        client.send(head_of(b"POST", 4, b"Expect: 100-continue\r\n"))
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"data")
        assert client.answer().status == 200 and origin.seen[0].body == b"data"
        client.close()
        stage.settle()


def test_no_100_where_the_upstream_refuses(stage: Stage) -> None:
    with Origin(lambda visit: (visit.request(body=False), visit.send(EARLY["413"])) and None) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        client.send(head_of(b"POST", 4, b"Expect: 100-continue\r\n"))
        answer = client.answer()
        assert (answer.status, answer.interim) == (413, [])
        client.close()
        stage.settle()


def test_an_upstream_that_ignores_expect_gets_the_body_all_the_same(stage: Stage) -> None:
    with Origin(say(ok())) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        client.send(head_of(b"POST", 4, b"Expect: 100-continue\r\n"))
        poll(lambda: origin.seen)
        stage.skip(2)
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"data")
        assert client.answer().status == 200 and origin.seen[0].body == b"data"
        client.close()
        stage.settle()


# -- pace


def test_a_client_that_does_not_read_holds_the_upstream_back(stage: Stage) -> None:
    sent = [0]

    def gibibyte(visit: Visit) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        visit.socket.settimeout(None)
        while True:
            visit.send(b"x" * MIB)
            sent[0] += MIB

    before = resident()
    with Origin(gibibyte) as origin:
        stage.serve(HOST, [origin])
        client = stage.client(buffer=4096)
        client.send(GET)
        client.until(b"\r\n\r\n")
        stage.steady(lambda: sent[0])
        assert sent[0] < 64 * MIB
        assert resident() - before < 64 * MIB
        reset(client.socket)
        stage.settle()


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("method", [b"POST", b"PUT"])
def test_an_upstream_that_does_not_read_holds_the_client_back(stage: Stage, method: bytes) -> None:
    go = threading.Event()

    def lazy(visit: Visit) -> None:
        seen = visit.request(body=False)
        go.wait(PATIENCE)
        visit.body(seen)
        visit.send(ok())

    size = 48 * MIB
    with Origin(lazy) as origin:
        stage.serve(HOST, [origin], access=Access(max_body=size))
        client = stage.client()
        sent = [0]

        def upload() -> None:
            client.send(head_of(method, size))
            for _ in range(size // 65536):
                client.send(b"x" * 65536)
                sent[0] += 65536

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        poll(lambda: origin.seen)
        stage.steady(lambda: sent[0])
        assert sent[0] < 24 * MIB, "what the kernel's buffers hold, no more"
        go.set()
        assert client.answer().status == 200
        assert len(origin.seen[0].body) == size
        thread.join(PATIENCE)
        client.close()
        stage.settle()


def test_an_upstream_that_never_reads_is_a_504(stage: Stage) -> None:
    with Origin(lambda visit: (visit.request(body=False), visit.origin.over.wait(PATIENCE)) and None) as origin:
        stage.serve(HOST, [origin], access=Access(timeout=Timeout(PATIENCE, 30, 30, None), max_body=64 * MIB))
        client, ended = stage.client(), len(stage.finished)
        thread = threading.Thread(
            target=push, args=(client, head_of(b"POST", 48 * MIB) + b"x" * (48 * MIB)), daemon=True
        )
        thread.start()
        poll(lambda: origin.seen)
        stage.steady(lambda: stage.call(lambda: [e.bytes_in for e in live(stage)]))
        stage.skip(29)
        assert len(stage.finished) == ended
        stage.skip(2)
        assert client.answer().status == 504
        client.close()
        thread.join(PATIENCE)
        stage.settle()


def test_a_second_try_is_not_held_back_by_the_first(stage: Stage) -> None:
    """The first endpoint stops reading, then resets; the rest of the body goes to the second."""
    size = 8 * MIB

    def lazy(visit: Visit) -> None:
        visit.request(body=False)
        full.wait(PATIENCE)
        reset(visit.socket)

    full = threading.Event()
    with Origin(lazy) as bad, Origin(say(ok())) as good:
        stage.serve(HOST, [bad, good], access=Access(retry_buffer=2 * size, max_body=2 * size))
        stage.serve(HOST, [bad, good], access=Access(retry_buffer=2 * size, max_body=2 * size))
        client = stage.client()
        thread = threading.Thread(target=push, args=(client, head_of(b"PUT", size) + b"x" * size), daemon=True)
        thread.start()
        poll(lambda: bad.seen or good.seen)
        stage.steady(lambda: stage.call(lambda: [e.bytes_in for e in live(stage)]))
        full.set()
        assert client.answer().status == 200
        assert good.seen[-1].complete and len(good.seen[-1].body) == size
        thread.join(PATIENCE)
        client.close()
        stage.settle()


def live(stage: Stage) -> list[Any]:
    return [channel.request for channel in stage.factories[0]._channels if channel.request is not None]


def test_a_connection_paused_at_its_last_bytes_can_be_used_again(stage: Stage) -> None:
    """The client is full when the answer ends: the next exchange on that connection must still be heard."""
    body = b"x" * (3 * MIB)
    with Origin(say(ok(body))) as origin:
        stage.serve(HOST, [origin])
        for _ in range(4):
            client, ended = stage.client(buffer=65536), len(stage.finished)
            client.send(GET)
            client.until(b"\r\n\r\n")
            assert client.take(len(body)) == body
            stage.ends(ended + 1)
            client.close()
            assert len(stage.get(HOST).body) == len(body)
        assert len(origin.visits) <= 5
        stage.settle()


def test_a_body_that_grows_too_large_never_looks_complete(stage: Stage) -> None:
    with Origin(say(ok())) as origin:
        stage.serve(HOST, [origin], access=Access(max_body=1000))
        answer = stage.ask(
            b"POST / HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n"
            % (HOST.encode(), b"100\r\n%b\r\n" % (b"x" * 256) * 8)
        )
        assert answer.status == 413
        stage.settle()
        poll(lambda: all(not seen.complete for seen in origin.seen))
        assert stage.post(HOST, b"x" * 1001).status == 413 and stage.post(HOST, b"x" * 1000).status == 200
        stage.settle()


# -- the client leaves


@pytest.mark.parametrize("how", ["closes", "resets"])
@pytest.mark.parametrize("when", ["waiting for the head", "while it streams", "while it uploads"])
def test_a_client_that_leaves_takes_its_request_along(stage: Stage, when: str, how: str) -> None:
    ended = threading.Event()

    def script(visit: Visit) -> None:
        visit.request(body=False)
        if when == "while it streams":
            visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not visit.origin.over.wait(0.05):
                try:
                    visit.send(b"1\r\nx\r\n")
                except OSError:
                    break
        else:
            visit.buffer = b""
            while not visit.ended():
                pass
        ended.set()

    with Origin(script) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        client.send(head_of(b"POST", 1000) + b"x" if when == "while it uploads" else GET)
        poll(lambda: origin.seen)
        if when == "while it streams":
            client.until(b"1\r\nx\r\n")
        if how == "resets":
            reset(client.socket)
        else:
            client.close()
        began = stage.ticks
        if how == "closes":  # it may still want the answer, for a second
            poll(lambda: stage.call(lambda: all(one.channel._ended_at is not None for one in live(stage))))
            stage.skip(1.5)
        assert ended.wait(PATIENCE)
        assert stage.ticks - began <= 10 + 5  # a second and a half, as the reactor has had it
        stage.settle()
