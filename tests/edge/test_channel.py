"""A channel's conversation: order, early answers, interim ones, tunnels, and what it does when the client leaves."""

from __future__ import annotations

from typing import Any

import pytest
from edge.rig import Rig
from upstream.fakes import Later

from gwt.model.route import Access, Path
from gwt.model.settings import Limits
from gwt.wire.websocket import accept_key

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: " + accept_key(KEY) + b"\r\n\r\n"
)


def post(length: int, more: bytes = b"") -> bytes:
    return b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n" % (length, more)


def manual() -> Rig:
    """A rig whose upstreams answer what the test says."""
    return Rig(answer=None)


# -- order


def test_answers_come_in_the_order_of_the_requests() -> None:
    rig = Rig(answer=lambda seen: seen.target)
    rig.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(1000)))
    assert [got.body for got in rig.answers()] == [b"/%d" % i for i in range(1000)]
    assert len(rig.finished) == 1000


def test_refusals_between_answers_keep_their_place() -> None:
    rig = Rig(hosts=("a",))
    rig.send(b"".join(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host for host in (b"a", b"x", b"a", b"x", b"x", b"a")))
    assert rig.statuses == [200, 404, 200, 404, 404, 200]
    assert not rig.wire.ended


def test_thousands_of_refusals_in_a_row_need_no_stack() -> None:
    rig = Rig(hosts=("a",))
    rig.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
    assert rig.statuses == [404] * 5000


def test_what_is_answered_at_once_lets_others_have_their_turn() -> None:
    rig = Rig(hosts=("a",))
    reactor = rig.wire.reactor = Later()  # type: ignore[attr-defined]
    rig.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
    assert len(rig.answers()) < 100
    rig.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert len(rig.answers()) < 100
    reactor.run()
    assert len(rig.answers()) == 201


def test_costly_requests_of_one_client_are_answered_two_a_turn() -> None:
    """The share of a turn is used up, however few they were."""
    rig = Rig(hosts=("a",))
    reactor = rig.wire.reactor = Later()  # type: ignore[attr-defined]
    find = rig.factory.root.getChildWithDefault

    class Slow:
        def getChildWithDefault(self, name: bytes, request: Any) -> Any:
            rig.now += 0.02
            return find(name, request)

    rig.factory.root = Slow()  # type: ignore[assignment]
    rig.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    assert len(rig.answers()) == 2
    for answered in (4, 6, 8):
        reactor.turn()
        assert len(rig.answers()) == answered
    reactor.run()
    assert len(rig.answers()) == 20


def test_a_pipelined_request_waits_for_its_turn_where_an_upstream_answered_the_one_before() -> None:
    rig = manual()
    reactor = rig.wire.reactor = Later()  # type: ignore[attr-defined]
    rig.send(GET * 3).reply(OK)
    assert rig.upstreams[0].raw.count(b"GET / ") == 1
    reactor.run()
    assert rig.upstreams[0].raw.count(b"GET / ") == 2
    rig.vanish()
    reactor.run()
    assert len(rig.finished) == 2


def test_one_upstream_request_at_a_time() -> None:
    rig = manual().send(GET * 3)
    assert len(rig.upstreams) == 1 and rig.upstreams[0].raw.count(b"GET / ") == 1
    rig.reply(OK)
    assert rig.upstreams[0].raw.count(b"GET / ") == 2


def test_a_client_that_sends_far_ahead_is_not_read() -> None:
    rig = manual().send(GET).send(GET * 5000)
    assert rig.wire.paused
    for _ in range(5000):
        rig.reply(OK)
    assert not rig.wire.paused
    assert len(rig.reply(OK).answers()) == 5001


def test_however_much_a_client_sends_ahead_no_more_is_read_until_it_is_nearly_used_up() -> None:
    rig = manual().send(GET).send(GET * 5000)
    ahead = len(rig.channel._buffer)
    while len(rig.channel._buffer) > 70_000:
        assert rig.reply(OK).wire.paused
    assert len(rig.channel._buffer) < ahead
    while rig.wire.paused:
        rig.reply(OK)
    assert len(rig.channel._buffer) <= 65536


@pytest.mark.parametrize(
    "rest",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" + b"x" * 100_000,
    ],
    ids=["head", "body", "chunks"],
)
def test_a_client_is_read_again_for_what_is_missing(rest: bytes) -> None:
    rig = manual().send(GET).send(GET * 2000 + rest)
    assert rig.wire.paused
    for _ in range(2001):
        rig.reply(OK)
    assert len(rig.answers()) == 2001 and not rig.wire.paused


def test_a_client_that_takes_no_answers_is_asked_no_more() -> None:
    rig = Rig()
    rig.channel.pauseProducing()
    rig.send(GET)
    assert len(rig.seen) == 0
    rig.channel.resumeProducing()
    assert rig.settle().statuses == [200]
    rig.send(GET)
    assert rig.statuses == [200, 200]


def test_pipelined_requests_wait_while_the_client_takes_nothing() -> None:
    rig = manual().send(GET * 3)
    rig.channel.pauseProducing()
    rig.reply(OK)
    assert rig.upstreams[0].raw.count(b"GET / ") == 1
    rig.channel.resumeProducing()
    assert rig.settle().upstreams[0].raw.count(b"GET / ") == 2
    rig.reply(OK).reply(OK)
    assert rig.statuses == [200] * 3


# -- early answers


def test_an_early_answer_ends_the_connection_but_is_read() -> None:
    rig = manual().send(post(100) + b"abc").reply(OK)
    got = rig.answers()[0]
    assert (got.status, got.body, got.headers[b"connection"]) == (200, b"ok", b"close")
    assert rig.wire.half_closed and not rig.wire.closed and not rig.wire.aborted
    rig.send(GET)
    assert len(rig.answers()) == 1 and len(rig.finished) == 1
    rig.end()
    assert rig.wire.closed


def test_the_rest_of_a_refused_body_is_drained_for_two_seconds() -> None:
    rig = Rig(access=Access(max_body=10)).send(post(1000) + b"x" * 100)
    assert rig.statuses == [413] and rig.wire.half_closed
    assert not rig.upstreams
    rig.pass_time(1.5)
    assert not rig.wire.aborted
    rig.send(b"x" * 100).pass_time(2.0)
    assert rig.wire.aborted


def test_a_flood_after_a_refusal_is_not_read() -> None:
    rig = Rig(access=Access(max_body=10)).send(post(10**9))
    for _ in range(20):
        rig.send(b"x" * 2**20)
    assert rig.wire.paused and not rig.wire.aborted
    assert rig.pass_time(3.5).wire.aborted


def test_a_chunked_body_that_grows_too_large() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    rig = Rig(access=Access(max_body=10)).send(head, b"5\r\nhello\r\n", b"6\r\nworld!\r\n")
    assert rig.statuses == [413] and rig.seen == []
    assert rig.upstreams[0].aborted and rig.wire.half_closed


def test_a_body_that_came_whole_leaves_the_connection_open_after_a_refusal() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    rig = Rig(hosts=("a",)).send(post(5).replace(b"Host: a", b"Host: x") + b"hello" + chunked + GET)
    assert rig.statuses == [404, 404, 200] and not rig.wire.ended


def test_the_answer_of_an_upstream_that_stops_reading() -> None:
    rig = manual().send(post(10) + b"abc").reply(b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert rig.statuses == [413] and rig.wire.half_closed


# -- Expect


def test_100_is_the_upstreams_to_give() -> None:
    rig = manual().send(post(2, b"Expect: 100-continue\r\n"))
    assert b"Expect: 100-continue" in rig.upstreams[0].raw and not rig.wire.written
    rig.reply(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert rig.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    rig.send(b"hi").reply(OK)
    assert rig.statuses == [100, 200] and not rig.wire.ended


def test_100_is_not_sent_twice() -> None:
    rig = manual().send(post(2, b"Expect: 100-continue\r\n")).reply(b"HTTP/1.1 100 Continue\r\n\r\n" * 3)
    rig.send(b"hi").reply(OK)
    assert rig.statuses == [100, 200]


def test_a_patient_client_is_asked_for_its_body_in_the_end() -> None:
    rig = manual().send(post(2, b"Expect: 100-continue\r\n")).pass_time(2)
    assert rig.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_no_100_where_the_body_is_not_wanted() -> None:
    rig = Rig(access=Access(max_body=1)).send(post(2, b"Expect: 100-continue\r\n"))
    assert rig.statuses == [413] and rig.wire.half_closed
    rig = Rig(hosts=("b",)).send(post(2, b"Expect: 100-continue\r\n"))
    assert rig.statuses == [404] and rig.wire.half_closed


def test_a_final_answer_instead_of_100() -> None:
    rig = manual().send(post(2, b"Expect: 100-continue\r\n")).reply(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
    assert rig.statuses == [417] and rig.wire.half_closed


def test_no_100_for_clients_that_did_not_ask() -> None:
    rig = manual().send(post(2)).reply(b"HTTP/1.1 100 Continue\r\n\r\n").send(b"hi").reply(OK)
    assert rig.statuses == [200]


def test_other_expectations_are_the_upstreams_to_judge() -> None:
    rig = manual().send(post(2, b"Expect: miracles\r\n") + b"hi")
    assert b"Expect: miracles\r\n" in rig.upstreams[0].raw


# -- interim answers


def test_early_hints_pass_and_102_does_not() -> None:
    rig = manual().send(GET).reply(b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").reply(OK)
    assert rig.statuses == [103, 200]
    assert rig.answers()[0].headers == {b"link": b"</a>"}


def test_no_interim_answers_in_http_1_0() -> None:
    rig = manual().send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").reply(b"HTTP/1.1 103 Early Hints\r\n\r\n").reply(OK)
    assert rig.statuses == [200]


# -- how answers are framed


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(status: int) -> None:
    rig = manual().send(GET * 2).reply(b"HTTP/1.1 %d X\r\nETag: x\r\n\r\n" % status).reply(OK)
    first, second = rig.answers()
    assert (first.status, second.status) == (status, 200)
    assert not {b"content-length", b"transfer-encoding"} & set(first.headers)


def test_an_answer_to_head_keeps_its_length() -> None:
    rig = manual().send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    rig.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").reply(OK)
    first, second = rig.answers(True)
    assert first.headers[b"content-length"] == b"5000" and second.body == b"ok"


def test_a_refusal_of_head_has_no_body() -> None:
    rig = Rig(hosts=("b",)).send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert rig.wire.written.endswith(b"\r\n\r\n") and rig.answers(True)[0].status == 404


def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    rig = manual().send(GET).reply(b"HTTP/1.1 200 OK\r\n\r\n", b"one", b"two")
    got = rig.hang_up().answers()[0]
    assert (got.body, got.complete, got.headers[b"transfer-encoding"]) == (b"onetwo", True, b"chunked")


def test_chunks_and_trailers_of_an_answer_pass() -> None:
    rig = manual().send(GET * 2)
    rig.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    rig.reply(b"3\r\ntwo\r\n0\r\nX-T: v\r\n\r\n", OK)
    first, second = rig.answers()
    assert (first.body, first.trailers, second.body) == (b"onetwo", b"X-T: v", b"ok")


def test_http_1_0_gets_no_chunks_but_the_end_of_the_connection() -> None:
    rig = manual().send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    rig.reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n")
    got = rig.answers()[0]
    assert (got.body, got.headers[b"connection"]) == (b"one", b"close") and rig.wire.closed


def test_http_1_0_is_told_that_the_connection_stays() -> None:
    rig = manual().send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").reply(OK)
    assert rig.answers()[0].headers[b"connection"] == b"keep-alive" and not rig.wire.ended


def test_hop_by_hop_fields_of_an_answer_stay_behind() -> None:
    rig = (
        manual()
        .send(GET)
        .reply(
            b"HTTP/1.1 200 OK\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n"
            b"Proxy-Connection: x\r\nProxy-Authenticate: Basic\r\nX-Other: 2\r\nContent-Length: 0\r\n\r\n"
        )
    )
    assert rig.answers()[0].headers == {b"x-other": b"2", b"content-length": b"0"}
    assert not rig.wire.ended


def test_a_broken_answer_is_broken_off() -> None:
    rig = manual().send(GET).reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n", b"zz\r\n")
    assert rig.wire.aborted and not rig.answers()[0].complete
    assert rig.finished[0].code == "upstream_cut"


# -- tunnels


def test_a_websocket_handshake_opens_a_tunnel() -> None:
    rig = manual().send(UPGRADE)
    raw = rig.upstreams[0].raw
    assert b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in raw and b"Sec-WebSocket-Key: " + KEY in raw
    rig.reply(SWITCH + b"\x81\x02hi").send(b"\x81\x80abcd")
    assert rig.answers()[0].status == 101 and rig.answers()[0].body == b"\x81\x02hi"
    assert rig.upstreams[0].raw.endswith(b"\r\n\r\n\x81\x80abcd")


def test_bytes_behind_the_handshake_wait_for_the_answer() -> None:
    rig = manual().send(UPGRADE + b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"/admin" not in rig.upstreams[0].raw
    rig.reply(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    assert rig.statuses == [403]
    assert rig.upstreams[-1].raw.count(b"X-Request-Id: ") >= 1  # a request of its own, not bytes of a tunnel
    rig.reply(OK)
    assert rig.statuses == [403, 200]


def test_bytes_behind_the_handshake_belong_to_the_tunnel_once_it_stands() -> None:
    rig = manual().send(UPGRADE + b"\x81\x00").reply(SWITCH)
    assert rig.upstreams[0].raw.endswith(b"\r\n\r\n\x81\x00")


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH.replace(b"Sec-WebSocket-Accept: s", b"Sec-WebSocket-Accept: t"),
        SWITCH.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        SWITCH.replace(b"Connection: Upgrade\r\n", b""),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_a_101_that_is_none_opens_nothing(answer: bytes) -> None:
    rig = manual().send(UPGRADE + b"GET /x HTTP/1.1\r\n\r\n").reply(answer)
    assert rig.statuses[0] == 502 and b"/x" not in rig.upstreams[0].raw


def test_a_101_that_nobody_asked_for() -> None:
    rig = manual().send(GET).reply(SWITCH)
    assert rig.statuses == [502] and rig.upstreams[0].aborted


@pytest.mark.parametrize("line", [b"Upgrade: h2c", b"Upgrade: websocket, h2c", b"Upgrade: websocket\r\nUpgrade: h2c"])
def test_nothing_else_is_upgraded(line: bytes) -> None:
    rig = Rig().send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n%b\r\n\r\n" % line)
    assert rig.statuses == [200]
    assert rig.seen[0].header(b"upgrade") is None and rig.seen[0].header(b"connection") is None


# -- the client ends its side, or leaves


def test_a_half_closed_client_gets_its_answer() -> None:
    rig = manual().send(GET).end().pass_time(0.2).reply(OK)
    assert rig.statuses == [200] and rig.wire.closed


def test_a_half_closed_client_gets_all_its_answers() -> None:
    rig = Rig().send(GET * 3)
    rig = manual().send(GET * 3 + b"GET /partial HT").end()
    rig.reply(OK).reply(OK).reply(OK)
    assert rig.statuses == [200] * 3 and rig.wire.closed


def test_a_half_closed_client_is_waited_for() -> None:
    rig = manual().send(GET).end().pass_time(5).reply(OK)
    assert [got.status for got in rig.answers()] == [100, 200]
    rig = manual().send(GET).end().reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").pass_time(5).reply(b"hello")
    assert rig.answers()[0].body == b"hello"


def test_a_half_closed_client_of_http_1_0_is_not_probed() -> None:
    rig = manual().send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").end().pass_time(3).reply(OK)
    assert rig.statuses == [200]


def test_a_client_that_left_in_the_middle_of_an_answer() -> None:
    rig = manual().send(GET).reply(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", b"first").end().pass_time(1.0)
    assert rig.wire.aborted and rig.upstreams[0].aborted


def test_a_client_that_vanishes_cancels_the_upstream_request() -> None:
    rig = manual().send(GET).vanish()
    assert rig.upstreams[0].aborted
    assert (rig.finished[0].status, rig.finished[0].code) == (499, "client_gone")


def test_a_client_that_ends_in_the_middle_of_its_body() -> None:
    rig = manual().send(post(10) + b"abc").end()
    assert rig.statuses == [400] and rig.upstreams[0].aborted and rig.wire.closed


def test_a_client_that_ends_in_the_middle_of_a_head() -> None:
    rig = Rig().send(b"GET / HT").end()
    assert rig.wire.closed and not rig.wire.written and not rig.finished


def test_an_idle_client_that_ends() -> None:
    rig = Rig().send(GET).end()
    assert rig.wire.closed and rig.statuses == [200]


# -- the resource tree's errors


def test_a_failure_of_the_gateway_is_an_answer() -> None:
    rig = Rig()
    rig.factory.root = None  # type: ignore[assignment]
    rig.send(GET)
    assert rig.statuses == [500] and rig.wire.half_closed
    assert b'"code": "internal"' in rig.answers()[0].body


def test_too_many_connections() -> None:
    rig = Rig(limits=Limits(max_connections=1))
    first = rig.wire
    rig.connect()
    assert rig.statuses == [503] and rig.wire.half_closed and not first.ended
    assert b'"overloaded"' in rig.answers()[0].body and rig.factory.refused == 1


def test_paths_of_a_route() -> None:
    rig = Rig(paths=(Path("/a"),), answer=lambda seen: seen.target)
    rig.send(b"GET /a/../a/x HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert rig.answers()[0].body == b"/a/x"
    assert rig.statuses == [200, 404]
