"""Connections: h2spec's cases by name (docs/http2.md has them as a table), messages of both roles, abuse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from wire.h2.h2spec import CASES, Case
from wire.h2.peer import GET, POST, Talk, data, headers

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.events import Data, Headers, Reset, Trailers
from gwt.wire.h2.faults import Code
from gwt.wire.h2.frames import CONTINUATION, END_HEADERS, HEADERS, PADDED, frame

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_h2spec(case: Case) -> None:
    talk = Talk(started=case.started, max_streams=3)
    talk.say(*case.sent)
    if case.after:
        talk.answer(1)
        talk.say(*case.after)
    kinds = [(kind, flags & 1) for kind, flags, *_ in talk.frames]
    if case.wants.startswith("c/"):
        assert talk.ended == Code[case.wants[2:]]
        assert kinds[-1][0] == frames.GOAWAY
    elif case.wants.startswith("s/"):
        code = Code[case.wants[2:]]
        assert talk.ended == code or (talk.ended is None and [said for _, said in talk.resets] == [code])
    else:
        assert talk.ended is None and not talk.broken
        if case.wants == "ack":
            assert (frames.SETTINGS, 1) in kinds
        elif case.wants == "pong":
            assert kinds.count((frames.PING, 1)) == 1
        elif any(piece[3] == HEADERS for piece in case.sent):
            assert talk.told(Headers)


def test_the_page_has_every_case_of_h2spec() -> None:
    page = (ROOT / "docs/http2.md").read_text()
    named = re.findall(r"^\| `((?:generic|http2|hpack)/[0-9.]+/[0-9]+)` \| (.+?) \| (.+?) \|$", page, re.M)
    assert named == [(case.name, case.what, _told(case.wants)) for case in CASES]


def _told(wants: str) -> str:
    reach, _, code = wants.partition("/")
    if reach in ("c", "s"):
        return f"{'connection' if reach == 'c' else 'stream'}: `{code}`"
    return {"ok": "goes on", "ack": "acknowledged", "pong": "answered"}[reach]


# -- a server's messages


def test_a_request_and_its_answer() -> None:
    talk = Talk()
    (asked,) = talk.say(headers(1, (*GET, (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"))))
    assert asked.stream == 1 and asked.ended and not asked.too_large
    assert asked.message.head == b"GET / HTTP/1.1\r\nHost: a.example\r\nx: y\r\ncookie: a=1; b=2"
    talk.answer(1)
    assert [(kind, flags) for kind, flags, *_ in talk.frames] == [(HEADERS, 4), (frames.DATA, 1)]
    assert not talk.connection.streams


def test_a_body_with_trailers() -> None:
    talk = Talk()
    talk.say(headers(1, POST, ended=False), data(1, b"abc"), headers(1, [(b"x-sum", b"1")]))
    assert talk.events[1:] == [Data(1, b"abc", 3, False), Trailers(1, ((b"x-sum", b"1"),), (b"x-sum: 1",))]


def test_an_early_answer_ends_the_request_too() -> None:
    talk = Talk()
    talk.say(headers(1, POST, ended=False))
    talk.answer(1)
    assert talk.resets == [(1, Code.NO_ERROR)]
    assert talk.say(data(1, b"still coming"), data(1, b"", True)) == [] and talk.ended is None


def test_padding_counts_for_the_window() -> None:
    talk = Talk()
    talk.say(headers(1, POST, ended=False))
    (event,) = talk.say(data(1, b"\x04ab\0\0\0\0", flags=PADDED))
    assert event == Data(1, b"ab", 7, False)


def test_a_peer_gets_back_what_was_taken() -> None:
    talk = Talk(window=65535, connection_window=65535)
    talk.say(headers(1, POST, ended=False))
    for _ in range(3):
        talk.say(data(1, bytes(16384)))
    talk.connection.taken(1, 2 * 16384)
    grown = [(number, int.from_bytes(more)) for _, _, number, more in talk.written()]
    assert grown == [(0, 32768), (1, 32768)]


def test_more_than_the_window_is_an_error() -> None:
    talk = Talk(window=100, connection_window=65535)
    talk.say(headers(1, POST, ended=False), data(1, bytes(101)))
    assert talk.resets == [(1, Code.FLOW_CONTROL_ERROR)] and talk.ended is None
    talk.say(headers(3, POST, ended=False), *[data(1, bytes(16384))] * 4)
    assert talk.ended is None  # what came for a stream that was reset takes no room
    talk = Talk(window=65535, connection_window=65535)
    talk.say(headers(1, POST, ended=False), *[data(1, bytes(16384))] * 4)
    assert talk.ended == Code.FLOW_CONTROL_ERROR


def test_what_lies_in_a_stream_that_ends_is_given_back() -> None:
    talk = Talk(window=65535, connection_window=65535)
    talk.say(headers(1, POST, ended=False), data(1, bytes(16384)), data(1, bytes(16384)), frames.reset(1, 8))
    assert talk.connection.room + talk.connection.owed == 65535
    talk.connection.taken(1, 16384)  # too late: nothing
    assert talk.connection.room + talk.connection.owed == 65535


@pytest.mark.parametrize(
    ("length", "frames_of_data", "good"),
    [
        (b"3", [data(1, b"abc", True)], True),
        (b"3", [data(1, b"ab"), data(1, b"c"), data(1, b"", True)], True),
        (b"3", [data(1, b"abc"), headers(1, [(b"x", b"y")])], True),
        (b"3", [data(1, b"ab"), headers(1, [(b"x", b"y")])], False),
        (b"3", [data(1, b"abcd")], False),
        (b"3", [data(1, b"", True)], False),
        (b"0", [data(1, b"x")], False),
    ],
)
def test_content_length_must_be_what_comes(length: bytes, frames_of_data: list[bytes], good: bool) -> None:
    talk = Talk()
    talk.say(headers(1, (*POST, (b"content-length", length)), ended=False), *frames_of_data)
    assert talk.broken == ([] if good else [1]) and talk.ended is None


def test_a_head_of_a_body_that_is_not_there() -> None:
    talk = Talk()
    talk.say(headers(1, (*POST, (b"content-length", b"3"))), headers(3, (*POST, (b"content-length", b"0"))))
    assert talk.broken == [1] and [event.stream for event in talk.told(Headers)] == [3]


def test_what_is_too_large_is_told() -> None:
    talk = Talk(header_bytes=1000, header_fields=10)
    talk.say(headers(1, (*GET, *[(b"x%d" % i, b"y") for i in range(10)])))
    talk.say(headers(3, (*GET, (b"x", b"y" * 1000))))
    talk.say(headers(5, (*GET, *[(b"cookie", b"a=%d" % i) for i in range(30)])))
    assert [event.too_large for event in talk.told(Headers)] == [True, True, False]
    talk.say(headers(7, ((b"x", b"\0" * 1000),)))
    assert talk.told(Headers)[-1].too_large and not talk.broken  # nothing of it is looked at


# -- a client's


def test_a_client() -> None:
    talk = Talk(client=True)
    assert talk.preamble.startswith(frames.PREFACE)
    number = talk.connection.open(hpack.encode(POST), False)
    talk.connection.send_data(number, b"abc", True)
    assert [(kind, flags, stream) for kind, flags, stream, _ in talk.written()] == [(HEADERS, 4, 1), (0, 1, 1)]
    talk.say(headers(1, [(b":status", b"103"), (b"link", b"x")], ended=False))
    talk.say(headers(1, [(b":status", b"200"), (b"content-length", b"2")], ended=False), data(1, b"ok"))
    talk.say(headers(1, [(b"grpc-status", b"0")]))
    statuses = [event.message.status for event in talk.told(Headers)]
    assert statuses == [103, 200] and talk.told(Data)[0].data == b"ok"
    assert talk.told(Trailers)[0].fields == ((b"grpc-status", b"0"),) and not talk.connection.streams


@pytest.mark.parametrize(
    "said",
    [
        [data(1, b"x")],
        [headers(1, [(b":status", b"100")])],
        [headers(1, [(b":status", b"101")], ended=False)],
        [headers(1, [(b"x", b"y")])],
        [headers(1, [(b":status", b"200"), (b"content-length", b"2")])],
        [headers(1, [(b":status", b"200"), (b"content-length", b"2")], ended=False), data(1, b"x", True)],
        [headers(1, [(b":status", b"204")], ended=False), data(1, b"x", True)],
        [headers(1, [(b":status", b"200"), (b":path", b"/")])],
    ],
)
def test_a_client_is_answered_badly(said: list[bytes]) -> None:
    talk = Talk(client=True)
    talk.connection.open(hpack.encode(GET), True)
    talk.say(*said)
    assert talk.broken == [1] and talk.ended is None


def test_a_head_needs_no_body() -> None:
    talk = Talk(client=True)
    talk.connection.open(hpack.encode(GET), True, bodiless=True)
    talk.say(headers(1, [(b":status", b"200"), (b"content-length", b"2")]))
    assert talk.told(Headers) and not talk.broken


def test_room_for_streams() -> None:
    talk = Talk(client=True)
    talk.say(frames.settings([(3, 2)]))
    assert talk.connection.room_for == 2
    talk.connection.open(hpack.encode(GET), True)
    assert talk.connection.room_for == 1
    talk.say(frames.goaway(1, 0))
    assert talk.connection.room_for == 0


def test_a_server_opens_no_streams() -> None:
    talk = Talk(client=True)
    talk.say(headers(2, [(b":status", b"200")]))
    assert talk.ended == Code.PROTOCOL_ERROR


# -- abuse: each of these ends the connection, having cost little

CALM = Code.ENHANCE_YOUR_CALM


ABUSE: dict[str, list[bytes]] = {
    "rapid reset": [headers(n) + frames.reset(n, 8) for n in range(1, 5000, 2)],
    "MadeYouReset by window": [headers(n) + frames.window(n, 0) for n in range(1, 5000, 2)],
    "MadeYouReset by overflow": [headers(n) + frames.window(n, (1 << 31) - 1) for n in range(1, 5000, 2)],
    "MadeYouReset by DATA": [headers(n) + data(n, b"x") for n in range(1, 5000, 2)],
    "MadeYouReset by HEADERS": [headers(n) + headers(n) for n in range(1, 5000, 2)],
    "MadeYouReset by priority": [headers(n) + frame(2, 0, n, n.to_bytes(4) + b"x") for n in range(1, 5000, 2)],
    "malformed requests": [headers(n, GET[:2]) for n in range(1, 5000, 2)],
    "settings": [frames.settings([])] * 100,
    "acknowledged settings": [frames.SETTINGS_ACK] * 2000,
    "pings": [frames.ping(bytes(8))] * 2000,
    "priorities": [frame(2, 0, 1, bytes(5))] * 2000,
    "windows": [frames.window(0, 1)] * 2000,
    "unknown frames": [frame(99, 0, 0)] * 2000,
    "empty DATA": [headers(1, POST, ended=False), *[data(1)] * 2000],
    "padding alone": [headers(1, POST, ended=False), *[data(1, b"\x01\0", flags=PADDED)] * 2000],
    "CONTINUATION without end": [frame(HEADERS, 1, 1, b""), *[frame(CONTINUATION, 0, 1, b"\x82" * 1000)] * 100],
    "empty CONTINUATION": [frame(HEADERS, 1, 1, b""), *[frame(CONTINUATION, 0, 1)] * 100],
    "an HPACK bomb": [headers(1, GET), frame(HEADERS, 5, 3, b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 12000)],
    "more streams than there may be": [headers(n) for n in range(1, 10000, 2)],
}


@pytest.mark.parametrize("name", ABUSE)
def test_abuse_ends_the_connection(name: str) -> None:
    talk = Talk(max_streams=100)
    for piece in ABUSE[name]:
        talk.say(piece)
        if talk.ended is not None:
            break
    assert talk.ended == CALM
    # Nothing but bytes of answers is left, and few of them.
    assert sum(len(payload) + 9 for *_, payload in talk.frames) < 64 * 1024
    assert len(talk.connection._late) <= 1024 and len(talk.connection.streams) <= 100


def test_requests_that_are_answered_pay_for_those_that_are_not() -> None:
    talk = Talk(max_streams=100)
    for number in range(1, 4000, 4):
        talk.say(headers(number), headers(number + 2))
        talk.answer(number)
        talk.say(frames.reset(number + 2, 8))
    assert talk.ended is None


def test_time_pays_too() -> None:
    talk = Talk()
    for _ in range(50):
        talk.now += 60
        talk.say(*[frames.ping(bytes(8))] * 500)
    assert talk.ended is None


def test_heads_that_pin_memory_are_refused() -> None:
    talk = Talk(held_heads=100_000)
    talk.say(*(headers(n, (*GET, (b"x", b"y" * 9000))) for n in range(1, 41, 2)))
    assert 9 <= len(talk.connection.streams) <= 11 and talk.connection.heads <= 100_000
    assert {code for _, code in talk.resets} == {Code.REFUSED_STREAM}
    for number in list(talk.connection.streams):
        talk.answer(number)
    assert talk.connection.heads == 0


def test_many_frames_take_turns() -> None:
    talk = Talk()
    talk.connection.receive(frames.ping(bytes(8)) * 300, talk.now)
    assert talk.connection.behind and len(talk.written()) == 32
    for _ in range(9):
        talk.connection.receive(b"", talk.now)
    assert not talk.connection.behind and len(talk.written()) == 268


def test_what_comes_while_frames_wait_follows_them() -> None:
    talk = Talk()
    pings = [b"%08d" % number for number in range(70)]
    talk.connection.receive(b"".join(frames.ping(one) for one in pings[:40]) + frames.ping(pings[40])[:5], talk.now)
    assert talk.connection.behind
    talk.connection.receive(frames.ping(pings[40])[5:] + b"".join(map(frames.ping, pings[41:])), talk.now)
    talk.say(b"")
    assert [payload for *_, payload in talk.frames] == pings


def test_heads_that_are_remembered_cost_a_turn_no_more_than_other_frames() -> None:
    talk = Talk()
    many = b"".join(headers(number, (*GET, (b"x", b"y" * 200))) for number in range(1, 31, 2))
    talk.connection.receive(many, talk.now)
    assert not talk.connection.behind and len(talk.connection.streams) == 15
    unlike = b"".join(headers(number, (*GET, (b"x", b"%0200d" % number))) for number in range(31, 61, 2))
    talk.connection.receive(unlike, talk.now)
    assert talk.connection.behind and len(talk.connection.streams) < 20


def test_nothing_is_read_after_the_end() -> None:
    talk = Talk()
    talk.say(frames.window(0, 0))
    assert talk.ended == Code.PROTOCOL_ERROR
    assert talk.say(headers(1)) == [] and talk.connection.take_out() == b""


def test_a_block_that_is_refused_still_counts_for_the_table() -> None:
    talk = Talk(max_streams=1)
    talk.say(headers(1))
    block = b"\x82\x86\x84\x41\x01a\x40\x01x\x01y"  # adds x: y, and the authority
    talk.say(frame(HEADERS, 5, 3, block))
    talk.answer(1)
    (asked,) = talk.say(frame(HEADERS, 5, 5, b"\x82\x86\x84\xbf\xbe"))
    assert asked.message.head == b"GET / HTTP/1.1\r\nHost: a\r\nx: y"


def test_a_stream_that_breaks_a_rule_is_told_once() -> None:
    talk = Talk()
    talk.say(headers(1, POST, ended=False), data(1, b"x"), frames.window(1, 0), data(1, b"y"))
    (reset,) = talk.told(Reset)
    assert (reset.stream, reset.code, reset.ours) == (1, Code.PROTOCOL_ERROR, True) and reset.message


def test_half_a_block_is_known_of() -> None:
    talk = Talk()
    assert not talk.connection.within
    talk.say(frame(HEADERS, END_HEADERS ^ END_HEADERS, 1, b"\x82"))
    assert talk.connection.within
