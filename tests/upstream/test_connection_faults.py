"""Whatever an upstream says: the right answer or a 502, bounded memory, and nothing left for the next client."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from upstream.stage import PATIENCE, Origin, Script, Stage, Visit, ok, poll, reset, say, say_once


@pytest.fixture(scope="module", params=["uvloop", "epoll"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Stage(request.param) as made:
        yield made


HOST = "faults.example.com"

#: Answers that can't be understood, or that could be understood in two ways.
BAD = {
    "garbage": b"\x16\x03\x01 what is this\r\n\r\n",
    "binary": bytes(range(256)) * 4,
    "http2": b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff",
    "http2-line": b"HTTP/2 200\r\nContent-Length: 2\r\n\r\nhi",
    "http09": b"<html>hello</html>",
    "ftp-banner": b"220 ready\r\n",
    "icy": b"ICY 200 OK\r\n\r\n",
    "lower-case": b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "http12": b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "no-status": b"HTTP/1.1\r\n\r\n",
    "20x": b"HTTP/1.1 20x OK\r\nContent-Length: 2\r\n\r\nhi",
    "99x": b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\nhi",
    "000": b"HTTP/1.1 000 Zero\r\nContent-Length: 2\r\n\r\nhi",
    "two-digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi",
    "four-digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi",
    "negative-status": b"HTTP/1.1 -200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-glued": b"HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nhi",
    "two-spaces": b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "nul-in-reason": b"HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nhi",
    "nul-in-name": b"HTTP/1.1 200 OK\r\nX\0Y: 1\r\nContent-Length: 2\r\n\r\nhi",
    "nul-in-value": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi",
    "bare-cr": b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nhi",
    "bare-lf": b"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nhi",
    "only-lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "obs-fold": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
    "space-before-colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
    "no-colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nhi",
    "empty-name": b"HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 2\r\n\r\nhi",
    "leading-empty-line": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "cl-and-te": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two-cl": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "cl-list": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nhi!",
    "cl-negative": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
    "cl-plus": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
    "cl-hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nhi",
    "cl-empty": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhi",
    "cl-huge": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhi",
    "te-unknown": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "te-gzip": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "te-twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te-in-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "connection-names-cl": b"HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\nhi",
    "first-chunk-bad": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n",
    "unasked-101": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
    "unasked-101-h2c": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "huge-line": b"HTTP/1.1 200 " + b"O" * 200_000,
    "huge-head": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %b\r\n" % (b"a" * 1000) * 100 + b"\r\n",
    "many-fields": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"Content-Length: 2\r\n\r\nhi",
    "endless-head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
}


@pytest.mark.parametrize("hang", [False, True], ids=["closes", "hangs"])
@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_makes_no_sense_is_a_502(stage: Stage, name: str, hang: bool) -> None:
    with Origin(say_once(BAD[name], hang)) as origin:
        stage.serve(HOST, [origin])
        answer = stage.get(HOST)
        assert (answer.status, answer.clean) == (502, True), answer
        assert b"evil" not in answer.head and b'"bad_answer"' in answer.body
        assert len(origin.seen) == 1, "an answer that has begun is not asked for again"
        stage.settle()


GOOD = {
    "plain": (ok(), 200, b"hi"),
    "no-reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "empty-reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "odd-status": (b"HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nhi", 599, b"hi"),
    "http10": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "http10-to-close": (b"HTTP/1.0 200 OK\r\n\r\nhi", 200, b"hi"),
    "to-close": (b"HTTP/1.1 200 OK\r\n\r\nhi", 200, b"hi"),
    "to-close-empty": (b"HTTP/1.1 200 OK\r\n\r\n", 200, b""),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", 200, b"hi"),
    "chunked-trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", 200, b"hi",
    ),
    "te-case": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, b"hi"),
    "cl-zero": (ok(b""), 200, b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "204-with-body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", 204, b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", 304, b""),
    "304-with-body": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi", 304, b""),
    "102": (b"HTTP/1.1 102 Processing\r\n\r\n" + ok(), 200, b"hi"),
    "103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(), 200, b"hi"),
    "thousand-interim": (b"HTTP/1.1 102 Processing\r\n\r\n" * 1000 + ok(), 200, b"hi"),
    "thousand-hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000 + ok(), 200, b"hi"),
    "unasked-100": (b"HTTP/1.1 100 Continue\r\n\r\n" + ok(), 200, b"hi"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_an_answer_that_is_odd_but_clear_arrives(stage: Stage, name: str) -> None:
    said, status, body = GOOD[name]
    with Origin(say_once(said)) as origin:
        stage.serve(HOST, [origin])
        answer = stage.get(HOST)
        assert (answer.status, answer.body, answer.clean) == (status, body, True)
        assert b"100 Continue" not in b"".join(answer.interim) and len(answer.interim) <= 20
        stage.settle()


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"thousand-interim", "thousand-hints"}))
def test_byte_by_byte_it_is_the_same_answer(stage: Stage, name: str) -> None:
    said, status, body = GOOD[name]

    def drip(visit: Visit) -> None:
        visit.socket.setsockopt(6, 1, 1)
        visit.request()
        for at in range(len(said)):
            visit.send(said[at : at + 1])

    with Origin(drip) as origin:
        stage.serve(HOST, [origin])
        answer = stage.get(HOST)
        assert (answer.status, answer.body, answer.clean) == (status, body, True)
        stage.settle()


def test_early_hints_are_passed_on(stage: Stage) -> None:
    with Origin(say_once(GOOD["103"][0])) as origin:
        stage.serve(HOST, [origin])
        assert stage.get(HOST).interim == [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]


def test_head_has_no_body_whatever_is_declared_or_sent(stage: Stage) -> None:
    with Origin(say(ok(b"should not be here"))) as origin:
        stage.serve(HOST, [origin])
        for _ in range(3):
            answer = stage.ask(
                b"HEAD / HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % HOST.encode(), to_head=True
            )
            assert answer.status == 200 and answer.values(b"content-length") == [b"18"]
            assert stage.get(HOST).body == b"should not be here"
        stage.settle()


_CODED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_BEGUN = _CODED + b"5\r\n12345\r\n"

CUT = {
    "by-length": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"12345"),
    "no-body-at-all": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b""),
    "chunked": (_CODED, b"5\r\n12345\r\n"),
    "in-a-chunk": (_CODED, b"a\r\n12345"),
    "before-the-last-line": (_CODED, b"5\r\n12345\r\n0\r\n"),
    "in-a-trailer": (_CODED, b"5\r\n12345\r\n0\r\nX: y"),
    "bad-chunk": (_BEGUN, b"zz\r\nhello\r\n0\r\n\r\n"),
    "chunk-too-long": (
        _BEGUN,
        b"2\r\nabcd\r\n0\r\n\r\n",
    ),
    "chunk-lf": (_BEGUN, b"2\nab\n0\n\n"),
    "chunk-huge": (_BEGUN, b"f" * 17 + b"\r\n"),
    "chunk-negative": (_BEGUN, b"-1\r\n"),
    "bad-trailer": (_BEGUN, b"0\r\nno colon\r\n\r\n"),
}


@pytest.mark.parametrize("end", ["close", "reset", "stall"])
@pytest.mark.parametrize("name", CUT)
def test_a_body_that_breaks_off_never_looks_whole(stage: Stage, name: str, end: str) -> None:
    head, rest = CUT[name]

    def cut(visit: Visit) -> None:
        visit.request()
        visit.send(head)
        visit.send(rest)
        if end == "stall":  # once the head has come; where more comes later, its time begins anew
            poll(lambda: len(stage.finished) > ended or stage.call(pass_time))
            visit.origin.over.wait(PATIENCE)
        elif end == "reset":
            reset(visit.socket)

    def pass_time() -> None:
        if all(forward._started for forward in stage.forwards()):
            stage.move(31)

    with Origin(cut) as origin:
        stage.serve(HOST, [origin], timeout=30)
        ended = len(stage.finished)
        answer = stage.get(HOST)
        exchange = stage.ends(ended + 1)
        # What came in one piece with the head may be known to be bad in time for a 502; an abort that follows the head
        # at once may overtake it (0).
        if answer.status == 502:
            assert exchange.code == "bad_answer"
        else:
            assert (answer.status in (0, 200), answer.clean, exchange.code) == (True, False, "upstream_cut")
        assert len(origin.seen) == 1
        stage.settle()


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_close_delimited_body_that_is_reset_is_cut(stage: Stage, version: bytes) -> None:
    def script(visit: Visit) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        got.wait(PATIENCE)
        reset(visit.socket)

    got = threading.Event()
    with Origin(script) as origin:
        stage.serve(HOST, [origin])
        ended = len(stage.finished)
        client = stage.client()
        client.send(b"GET / HTTP/%b\r\nHost: %b\r\n\r\n" % (version, HOST.encode()))
        assert client.until(b"hello")
        got.set()
        with pytest.raises(ConnectionResetError):
            while client.more():
                pass
        assert stage.ends(ended + 1).code == "upstream_cut"
        client.close()
        stage.settle()


def second(first: bytes, later: bytes) -> Script:
    """Answer the first connection's request with `first`, say `later` unasked, and all others properly."""

    def script(visit: Visit) -> None:
        visit.request()
        if visit.number:
            visit.send(ok(b"right"))
            visit.request()
            return
        visit.send(first)
        if later:
            poll(lambda: len(visit.origin.told) > 0)  # type: ignore[attr-defined]
            visit.send(later)
        visit.origin.gone.append(visit.ended())  # type: ignore[attr-defined]

    return script


STRAY = {
    "doubled-at-once": (ok() + ok(b"evil"), b""),
    "doubled-later": (ok(), ok(b"evil")),
    "bytes-later": (ok(), b"x"),
    "empty-line-later": (ok(), b"\r\n"),
    "longer-than-declared": (ok() + b"evil", b""),
    "chunked-and-more": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + ok(b"evil"), b"",
    ),
    "204-and-body": (b"HTTP/1.1 204 No Content\r\n\r\n" + ok(b"evil"), b""),
    "304-and-body-later": (b"HTTP/1.1 304 Not Modified\r\n\r\n", ok(b"evil")),
    "304-declared": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", b""),
    "408-while-idle": (ok(), b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRAY)
def test_what_nobody_asked_for_reaches_nobody(stage: Stage, name: str) -> None:
    with Origin(second(*STRAY[name])) as origin:
        origin.told, origin.gone = [], []  # type: ignore[attr-defined]
        stage.serve(HOST, [origin])
        first = stage.get(HOST)
        assert first.status in (200, 204, 304) and b"evil" not in first.body
        origin.told.append(True)  # type: ignore[attr-defined]
        assert poll(lambda: origin.gone) == [True], "the connection is dropped"  # type: ignore[attr-defined]
        assert stage.get(HOST).body == b"right"
        stage.settle()
