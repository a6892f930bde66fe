"""The way back: heads changed, bodies filtered as they stream, filters that wait, fail or answer themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from edge.rig import Rig
from phase.plugins import Base, Fails, Later, Upper, recorder
from twisted.web.resource import Resource

from gwt.model.route import Access, Path, Service, Timeout
from gwt.phase.plugin import Exchange, GatewayError, Reply

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Base.calls.clear()
    Later.waiting.clear()
    Fails.times[0] = 0
    yield


def rig(*kinds: Any, confs: Any = None, **more: Any) -> Rig:
    return Rig(kinds=kinds, plugins={kind.name: (confs or {}).get(kind.name, {}) for kind in kinds}, **more)


def upstream(one: Rig, *pieces: bytes) -> Rig:
    """The upstream answers with bytes of the test's own."""
    return one.send(GET).reply(*pieces)


def test_heads_are_read_and_changed() -> None:
    def change(ctx: Exchange) -> None:
        answer = ctx.answer
        assert answer is not None
        assert (answer.status, answer.header("x-a"), answer.header(b"x-none")) == (200, b"1, 2", None)
        answer.status = 201
        answer.set_header("X-A", "3")
        answer.add_header("X-B", b"4")
        answer.remove_header("X-C")

    one = upstream(rig(recorder("change", 1, header_filter=change), answer=None),
                   b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nX-C: 5\r\nContent-Length: 2\r\n\r\nok")  # fmt: skip
    (got,) = one.answers()
    assert one.wire.written.startswith(b"HTTP/1.1 201 Created\r\n") and got.body == b"ok"
    assert (got.headers[b"x-a"], got.headers[b"x-b"], b"x-c" in got.headers) == (b"3", b"4", False)
    assert one.finished[0].status == 201


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "bad name"])
def test_what_frames_the_message_is_not_for_plugins(name: str) -> None:
    setting = recorder("sets", 1, header_filter=lambda ctx: ctx.answer.set_header(name, "1"))
    assert rig(setting).send(GET).statuses == [500]


def test_nothing_that_ends_a_line_gets_into_a_header() -> None:
    setting = recorder("sets", 1, header_filter=lambda ctx: ctx.answer.set_header("X-A", ctx.arg(b"a")))
    one = rig(setting).send(GET.replace(b"/ ", b"/?a=b%0d%0aSet-Cookie:x "))
    assert one.statuses == [400] and b"set-cookie" not in one.answers()[0].headers and one.raised == []


def test_a_whole_body_keeps_its_length() -> None:
    (got,) = rig(Upper, confs={"upper": {"add": "!"}}).send(GET).answers()
    assert (got.body, got.headers[b"content-length"]) == (b"OK!", b"3")


def test_a_body_that_streams_loses_its_length_and_is_chunked() -> None:
    one = upstream(rig(Upper, confs={"upper": {"add": "!"}}, answer=None),
                   b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab", b"cd", b"ef")  # fmt: skip
    (got,) = one.answers()
    assert (got.body, got.headers[b"transfer-encoding"], got.complete) == (b"ABCDEF!", b"chunked", True)
    assert b"content-length" not in got.headers


def test_chunks_in_chunks_out_with_trailers() -> None:
    one = upstream(rig(Upper, answer=None), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                   b"2\r\nab\r\n", b"0\r\nX-T: 1\r\n\r\n")  # fmt: skip
    (got,) = one.answers()
    assert (got.body, got.trailers) == (b"AB", b"X-T: 1")


def test_http10_clients_get_the_end_of_the_connection() -> None:
    one = rig(Upper, answer=None).send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", b"cd")
    assert one.wire.written.endswith(b"\r\n\r\nABCD") and one.wire.ended


def test_filters_may_swallow_and_make_up() -> None:
    def only_last(ctx: Exchange, chunk: bytes, last: bool) -> bytes:
        return b"end" if last else b""

    one = upstream(rig(recorder("swallow", 1, body_filter=only_last), answer=None),
                   b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"abc", b"def")  # fmt: skip
    assert one.answers()[0].body == b"end" and one.answers()[0].complete


def test_several_filters_see_each_others_work() -> None:
    add = recorder("add", 900, body_filter=lambda ctx, chunk, last: chunk + b"x")
    one = rig(Upper, add).send(GET)
    assert one.answers()[0].body == b"OKx"  # upper is lower in priority, so first on the way back


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_a_body_have_none_to_filter(status: bytes) -> None:
    one = upstream(
        rig(Upper, confs={"upper": {"add": "!"}}, answer=None), b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n"
    )
    (got,) = one.answers()
    assert got.body == b"" and got.headers[b"etag"] == b"x" and got.complete
    assert one.send(GET).reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").answers()[1].body == b"!"


def test_head_is_not_filtered_and_tells_no_length_that_would_be_wrong() -> None:
    one = rig(Upper, answer=None).send(HEAD).reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    (got,) = one.answers(True)
    assert b"content-length" not in got.headers and got.body == b""
    plain = rig(recorder("look", 1, "header_filter"), answer=None).send(HEAD)
    assert (
        plain.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").answers(True)[0].headers[b"content-length"] == b"9"
    )


def test_a_status_that_changes_whether_there_is_a_body() -> None:
    def to(status: int) -> Any:
        def change(ctx: Exchange) -> None:
            ctx.answer.status = status  # type: ignore[union-attr]

        return recorder("change", 1, header_filter=change)

    empty = upstream(rig(to(200), answer=None), b"HTTP/1.1 204 No Content\r\n\r\n").answers()[0]
    assert (empty.status, empty.headers[b"content-length"]) == (200, b"0")
    one = rig(to(204)).send(GET + GET)
    assert [(got.status, got.body, b"content-length" in got.headers) for got in one.answers()] == [
        (204, b"", False)
    ] * 2


@pytest.mark.parametrize("status", [100, 199, 600, 0])
def test_no_plugin_makes_an_interim_answer(status: int) -> None:
    def change(ctx: Exchange) -> None:
        ctx.answer.status = status  # type: ignore[union-attr]

    assert rig(recorder("change", 1, header_filter=change)).send(GET).statuses == [500]


def test_a_filter_may_answer_itself_and_nobody_waits_for_the_rest() -> None:
    instead = recorder("instead", 5, header_filter=lambda ctx: Reply(503, "later"))
    kinds = (
        recorder("below", 1, "header_filter", "body_filter"),
        instead,
        recorder("above", 9, "header_filter"),
        Upper,
    )
    one = rig(*kinds, answer=None).send(GET)
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
    (got,) = one.answers()
    assert (got.status, got.body) == (503, b"LATER")  # upper stands above it, and filters what it says
    assert Base.calls == ["below#header_filter", "instead#header_filter", "above#header_filter"]
    assert one.upstreams[0].aborted and len(one.ticker) == 0
    one.send(GET)
    assert len(one.upstreams) == 2


def test_a_filter_that_waits_holds_the_answer_and_its_maker() -> None:
    one = rig(Later, confs={"later": {"phase": "header_filter"}}, answer=None).send(GET)
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    assert one.statuses == [] and one.upstreams[0].paused
    one.reply(b"cd")
    Later.waiting.pop().callback(None)
    assert not one.upstreams[0].paused
    one.reply(b"ef")
    (got,) = one.answers()
    assert (got.status, got.body, got.headers[b"content-length"]) == (200, b"abcdef", b"6")


def test_an_answer_that_is_complete_before_the_filter_is() -> None:
    one = rig(Later, Upper, confs={"later": {"phase": "header_filter"}}, answer=None).send(GET)
    one.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nab\r\n", b"0\r\n\r\n")
    assert one.statuses == []
    Later.waiting.pop().callback(None)
    assert one.answers()[0].body == b"AB" and one.finished[0].answered


@pytest.mark.parametrize("fail", [GatewayError("denied", "no"), ZeroDivisionError()])
def test_a_filter_that_fails_late(fail: Exception) -> None:
    one = rig(Later, confs={"later": {"phase": "header_filter"}}, answer=None).send(GET)
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    Later.waiting.pop().errback(fail)
    assert one.statuses == [403 if isinstance(fail, GatewayError) else 500] and one.upstreams[0].aborted


def test_an_upstream_that_breaks_while_a_filter_waits() -> None:
    one = rig(Later, confs={"later": {"phase": "header_filter"}}, answer=None).send(GET)
    one.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab").hang_up()
    assert one.statuses == [502] and len(one.ticker) == 0 and one.raised == []


def test_a_filter_that_waits_for_ever_and_a_client_that_does_not() -> None:
    slow = {"confs": {"later": {"phase": "header_filter"}}, "access": Access(timeout=Timeout(1, 2, 2))}
    one = rig(Later, **slow).send(GET).pass_time(3)
    assert one.statuses == [504] and len(one.ticker) == 0
    other = rig(Later, **slow).send(GET).vanish()
    assert len(other.ticker) == 0 and [exchange.code for exchange in other.finished] == ["client_gone"]


def test_a_body_filter_that_fails_at_once_is_an_error_later_a_visible_end() -> None:
    Fails.times[0] = 1
    one = rig(Fails, confs={"fails": {"phase": "body_filter"}}).send(GET)
    assert one.statuses == [500]
    cut = rig(Fails, confs={"fails": {"phase": "body_filter"}}, answer=None).send(GET)
    cut.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    Fails.times[0] = 1
    cut.reply(b"cd")
    assert cut.wire.aborted and cut.upstreams[0].aborted and cut.finished[0].code == "plugin"


@pytest.mark.parametrize("made", [None, "text", 3])
def test_a_body_filter_returns_bytes(made: Any) -> None:
    one = rig(recorder("odd", 1, body_filter=lambda ctx, chunk, last: made)).send(GET)
    assert one.statuses == [500] and "not bytes" in str(one.raised[0][1])


class Hello(Resource):
    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"hello"


def test_mounted_resources_pass_the_same_way() -> None:
    service = Service(resource="hello", paths=(Path("/"),))
    one = rig(Upper, resources={"hello": Hello()}, service=service).send(GET)
    assert one.answers()[0].body == b"HELLO"


def test_a_websocket_is_a_tunnel_that_nobody_filters() -> None:
    handshake = (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    one = rig(Upper, recorder("seen", 1, "access", "log"), answer=None).send(handshake)
    one.reply(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst")  # fmt: skip
    one.send(b"ping").reply(b"pong")
    assert one.answers()[0].body == b"firstpong" and one.upstreams[0].raw.endswith(b"ping")
    one.vanish()
    assert Base.calls == ["seen#access", "seen#log"]


def test_callers_of_grpc_are_told_in_their_own_way() -> None:
    call = GET.replace(b"\r\n\r\n", b"\r\nContent-Type: application/grpc\r\n\r\n")
    kind = recorder("refuse", 1, access=lambda ctx: Reply(401, "who?", {"WWW-Authenticate": "x"}))
    (got,) = rig(kind, recorder("above", 9, "header_filter")).send(call).answers()
    assert (got.status, got.headers[b"grpc-status"], got.headers[b"grpc-message"]) == (200, b"16", b"who?")
    assert got.headers[b"www-authenticate"] == b"x" and Base.calls[-1] == "above#header_filter"
