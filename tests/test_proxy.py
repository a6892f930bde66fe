"""The story of an exchange over real sockets: endpoints that refuse, reset, close and hang; what is tried again."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from upstream.stage import PATIENCE, Origin, Stage, Visit, ok, poll, reset, say

from gwt.model.route import Access, Rewrite, Timeout

HOST = "proxy.example.com"


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Stage(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def dead() -> Iterator[Callable[[], str]]:
    """Gives addresses where nobody listens, and nobody else may."""
    with ExitStack() as held:

        def address() -> str:
            sock = held.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{sock.getsockname()[1]}"

        yield address


class Blackhole:
    """An address that takes no connections: the backlog of its listening socket is full."""

    def __enter__(self) -> str:
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(0)
        self._waiting = socket.create_connection(self._listening.getsockname(), PATIENCE)
        assert select.select([self._listening], [], [], PATIENCE)[0]  # it is in the queue, where one has a place
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._waiting.close()
        self._listening.close()


def close_at_once(visit: Visit) -> None:
    visit.request()


def reset_at_once(visit: Visit) -> None:
    visit.request()
    reset(visit.socket)


def reset_before_reading(visit: Visit) -> None:
    reset(visit.socket)


def hang(visit: Visit) -> None:
    visit.request()
    visit.origin.over.wait(PATIENCE)


def half_a_head(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 O")


DYING = [close_at_once, reset_at_once]


@pytest.mark.parametrize("die", [*DYING, reset_before_reading])
def test_a_get_goes_to_another_endpoint_once(stage: Stage, die: Callable[[Visit], None]) -> None:
    with Origin(die) as bad, Origin(say(ok(b"good"))) as good:
        for _ in range(2):
            stage.serve(HOST, [bad, good])
            answer = stage.get(HOST)
            assert (answer.status, answer.body) == (200, b"good")
        assert len(bad.visits) + len(good.visits) >= 2
        stage.settle()


@pytest.mark.parametrize("die", DYING)
@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2), (2, 3), (5, 3)])
def test_each_endpoint_is_tried_once_and_no_more_than_allowed(
    stage: Stage, die: Callable[[Visit], None], retries: int, tries: int
) -> None:
    with Origin(die) as one, Origin(die) as two, Origin(die) as three:
        stage.serve(HOST, [one, two, three], access=Access(retries=retries))
        ended = len(stage.finished)
        answer = stage.get(HOST)
        assert answer.status == 502 and b"connect_failed" in answer.body
        assert b"connection_terminated" in answer.values(b"proxy-status")[0]
        seen = sorted(len(origin.seen) for origin in (one, two, three))
        assert sum(seen) == tries and max(seen) == 1
        assert stage.ends(ended + 1).tries == tries
        stage.settle()


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"LOCK"])
@pytest.mark.parametrize("die", DYING)
def test_what_may_have_been_acted_on_is_not_sent_again(
    stage: Stage, die: Callable[[Visit], None], method: bytes
) -> None:
    with Origin(die) as one, Origin(die) as two:
        stage.serve(HOST, [one, two], access=Access(retries=3))
        assert stage.post(HOST, method=method).status == 502
        assert len(one.seen) + len(two.seen) == 1
        stage.settle()


@pytest.mark.parametrize("method", [b"PUT", b"DELETE"])
def test_an_idempotent_body_is_sent_again_in_full(stage: Stage, method: bytes) -> None:
    with Origin(reset_at_once) as one, Origin(say(ok())) as two:
        for _ in range(2):
            stage.serve(HOST, [one, two])
            assert stage.post(HOST, b"x" * 30_000, method).status == 200
        assert all(seen.body == b"x" * 30_000 for seen in two.seen) and len(two.seen) == 2
        stage.settle()


def test_a_chunked_put_is_sent_again_with_its_trailers(stage: Stage) -> None:
    with Origin(reset_at_once) as one, Origin(say(ok())) as two:
        for _ in range(2):
            stage.serve(HOST, [one, two])
            answer = stage.ask(
                b"PUT / HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n" % HOST.encode()
            )
            assert answer.status == 200
        assert [(seen.body, seen.complete) for seen in two.seen] == [(b"hello world", True)] * 2
        stage.settle()


def test_a_put_larger_than_the_buffer_is_not(stage: Stage) -> None:
    with Origin(reset_at_once) as one, Origin(reset_at_once) as two:
        stage.serve(HOST, [one, two], access=Access(retries=3, retry_buffer=1000))
        assert stage.post(HOST, b"x" * 5000, b"PUT").status in (0, 502)
        assert len(one.seen) + len(two.seen) == 1
        stage.settle()


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_where_nothing_was_sent_any_method_goes_elsewhere(stage: Stage, dead: Any, method: bytes) -> None:
    with Origin(say(ok())) as good:
        for _ in range(4):
            stage.serve(HOST, [dead(), good])
            assert stage.post(HOST, method=method).status == 200
        assert [seen.body for seen in good.seen] == [b"data"] * 4
        stage.settle()


def test_all_refuse_fast(stage: Stage, dead: Any) -> None:
    stage.serve(HOST, [dead(), dead(), dead()])
    for _ in range(3):
        began = stage.ticks
        answer = stage.get(HOST)
        assert (answer.status, b"connect_failed" in answer.body) == (502, True)
        assert stage.ticks - began < 10
    stage.settle()


def test_no_endpoint_at_all(stage: Stage) -> None:
    stage.serve(HOST, [])
    answer = stage.get(HOST)
    assert (answer.status, b"no_endpoint" in answer.body) == (503, True)
    stage.settle()


def test_a_blackhole_is_a_timeout_and_others_are_asked(stage: Stage) -> None:
    limits = Access(timeout=Timeout(0.3, 5.0, 5.0, None))
    with Blackhole() as hole, Origin(say(ok())) as good:
        stage.serve(HOST, [hole], access=limits)
        began = stage.ticks
        answer = stage.get(HOST)
        assert answer.status == 504 and b"connection_timeout" in answer.values(b"proxy-status")[0]
        assert stage.ticks - began < 20
        for _ in range(2):
            stage.serve(HOST, [hole, good], access=limits)
            assert stage.post(HOST).status == 200
        stage.settle()


def test_a_client_that_leaves_while_connecting(stage: Stage) -> None:
    with Blackhole() as hole:
        stage.serve(HOST, [hole])
        client = stage.client()
        client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        poll(lambda: stage.proxy.live)
        reset(client.socket)
        stage.settle()


def test_half_a_head_is_not_asked_for_again(stage: Stage) -> None:
    with Origin(half_a_head) as one, Origin(half_a_head) as two:
        stage.serve(HOST, [one, two])
        answer = stage.get(HOST)
        assert (answer.status, b"bad_answer" in answer.body) == (502, True)
        assert len(one.seen) + len(two.seen) == 1
        stage.settle()


def test_retries_are_few_at_once(stage: Stage) -> None:
    """Ten of twenty requests fail together: three (or a fifth of those under way) may be repeated."""
    go = threading.Event()

    def fail_together(visit: Visit) -> None:
        visit.request()
        go.wait(PATIENCE)

    with Origin(fail_together) as bad, Origin(hang) as slow:
        stage.serve(HOST, [bad, slow])
        clients = [stage.client() for _ in range(20)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        poll(lambda: len(bad.seen) == 10 and len(slow.seen) == 10)
        go.set()
        poll(lambda: len(slow.seen) >= 13 and stage.proxy.live <= 14)
        assert stage.proxy.retrying in (3, 4) and len(slow.seen) <= 14
        for client in clients:
            reset(client.socket)
        stage.settle()


def test_a_get_survives_the_end_of_an_idle_connection(stage: Stage) -> None:
    """The server closes each connection right after an answer that promised to keep it."""

    def once(visit: Visit) -> None:
        visit.request()
        visit.send(ok())

    with Origin(once) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        for _ in range(50):
            client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
            assert client.answer().status == 200
        client.close()
        stage.settle()


def test_a_post_under_an_idle_close_is_never_sent_twice(stage: Stage) -> None:
    """The server reads a second request on a connection, and resets it unanswered."""

    def second_is_lost(visit: Visit) -> None:
        visit.request()
        visit.send(ok())
        visit.request()
        reset(visit.socket)

    with Origin(second_is_lost) as origin:
        stage.serve(HOST, [origin])
        client = stage.client()
        statuses = []
        for number in range(20):
            client.send(b"POST /%d HTTP/1.1\r\nHost: %b\r\nContent-Length: 1\r\n\r\nx" % (number, HOST.encode()))
            statuses.append(client.answer().status)
        lines = [seen.line for seen in origin.seen]
        assert len(lines) == len(set(lines)) == 20 and set(statuses) == {200, 502}
        client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        assert client.answer().status == 200
        client.close()
        stage.settle()


def test_a_pooled_connection_with_bytes_or_an_end_is_not_used(stage: Stage) -> None:
    """The reactor is held up, so that only a look at the socket can tell."""
    for late in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"):
        told = threading.Event()

        def ends_late(visit: Visit, late: bytes = late, told: threading.Event = told) -> None:
            visit.request()
            visit.send(ok(b"%d" % visit.number))
            if visit.number == 0:
                told.wait(PATIENCE)
                visit.send(late)
            else:
                visit.request()

        with Origin(ends_late) as origin:
            stage.serve(HOST, [origin])
            assert stage.get(HOST).body == b"0"
            client = stage.client()
            held, go = threading.Event(), threading.Event()

            def hold(held: threading.Event = held, go: threading.Event = go) -> None:
                held.set()
                go.wait(PATIENCE)

            stage.reactor.callFromThread(hold)
            assert held.wait(PATIENCE)
            client.send(b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: 1\r\n\r\nx" % HOST.encode())
            told.set()
            poll(lambda: origin.visits[0].socket.fileno() < 0)
            go.set()
            assert client.answer().body == b"1"
            client.close()
            stage.settle()


def test_running_exchanges_finish_where_they_began(stage: Stage) -> None:
    go = threading.Event()

    def slow(visit: Visit) -> None:
        while visit.request():
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nol")
            go.wait(PATIENCE)
            visit.send(b"d!")

    with Origin(slow) as old, Origin(say(ok(b"new"))) as new:
        stage.serve(HOST, [old])
        client = stage.client()
        client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST.encode())
        assert client.until(b"ol")
        before = next(e.state for e in stage.endpoints() if e.address == old.address)
        stage.point("proxy", new.address)
        assert [stage.get(HOST).body for _ in range(3)] == [b"new"] * 3
        assert before.inflight == 1
        go.set()
        assert client.until(b"d!") == b"d!"
        poll(lambda: before.inflight == 0)
        pool = stage.pools.get("127.0.0.1", old.port)
        poll(lambda: pool.live == 0)  # its idle connection was closed without being asked for
        assert stage.pools.get("127.0.0.1", new.port).idle >= 1
        client.close()
        stage.settle()


def test_the_upstream_sees_the_rewritten_path_and_each_of_our_lines_once(stage: Stage) -> None:
    with Origin(say(ok())) as origin:
        stage.serve(HOST, [origin], rewrite=Rewrite(strip="/api"))
        stage.get(
            HOST, b"/api/./x//y?q=/../z",
            b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nx_forwarded_proto: https\r\nX-Real-IP: 6.6.6.6\r\n"
            b"X-User-Id: root\r\nx_user_id: root\r\nConnection: keep-alive, X-Gone\r\nX-Gone: 1\r\nKeep-Alive: 5\r\n"
            b"Via: 1.1 before\r\nX-Request-Id: bad id!\r\nTE: trailers\r\n",
        )  # fmt: skip
        seen = origin.seen[0]
        assert seen.line == b"GET /x/y?q=/../z HTTP/1.1"
        for name, value in {
            b"host": HOST.encode(), b"x-forwarded-for": b"127.0.0.1", b"x-real-ip": b"127.0.0.1",
            b"x-forwarded-proto": b"http", b"x-forwarded-host": HOST.encode(),
            b"x-forwarded-port": b"%d" % stage.port,
        }.items():  # fmt: skip
            assert seen.values(name) == [value], name
        assert len(seen.values(b"x-request-id")) == len(seen.values(b"traceparent")) == 1
        assert seen.values(b"via")[-1] == b"1.1 gwt"
        for gone in (b"x-user-id", b"x_user_id", b"x-gone", b"keep-alive", b"x_forwarded_proto", b"te"):
            assert seen.values(gone) in ([], [b"trailers"]), gone
        stage.settle()


@pytest.mark.parametrize(
    ("mode", "wanted"), [("preserve", HOST), ("upstream", None), ("other.example", "other.example")]
)
def test_host_modes(stage: Stage, mode: str, wanted: str | None) -> None:
    with Origin(say(ok())) as origin:
        stage.serve(HOST, [origin], service={"host": mode})
        stage.get(HOST)
        assert origin.seen[0].values(b"host") == [(wanted or origin.address).encode()]


def test_a_rewrite_to_no_path_is_refused(stage: Stage) -> None:
    with Origin(say(ok())) as origin:
        stage.serve(HOST, [origin], rewrite=Rewrite(regex=("^/a(.*)$", "/../$1")))
        assert stage.get(HOST, b"/a/b").status == 400
        assert not origin.seen
        stage.settle()
