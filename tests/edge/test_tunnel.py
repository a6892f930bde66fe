"""WebSockets over HTTP/1.1 and HTTP/2: the same to an upstream, followed frame by frame, and told of the end."""

from __future__ import annotations

import random
from base64 import b64decode, b64encode
from typing import Any

import pytest
from edge.framed import Framed
from edge.rig import Rig

from gwt.edge.tunnel import PARTING, Farewell
from gwt.model.access import Access
from gwt.wire.h2.faults import Code
from gwt.wire.websocket import accept_key

CONNECT = [
    (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat?x=1"),
    (":authority", "a.example"), ("sec-websocket-version", "13"),
]  # fmt: skip
KEY = b64encode(bytes(16))
HANDSHAKE = (
    b"GET /chat?x=1 HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % KEY
)
#: A frame to the server, and one to the client.
UP, DOWN = b"\x82\x83abcd123", b"\x82\x03123"
GOING = b"\x88\x02\x03\xe9"


def accept(rig: Rig, more: bytes = b"") -> Rig:
    """The upstream's 101."""
    raw = rig.upstreams[-1].raw
    key = raw.lower().split(b"sec-websocket-key: ")[1].split(b"\r\n")[0]
    key = raw[raw.lower().index(b"sec-websocket-key: ") + 19 :][: len(key)]
    return rig.reply(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accept_key(key), more)
    )


def framed(**rig: Any) -> tuple[Framed, int]:
    client = Framed(answer=None, **rig)
    return client, client.ask(base=CONNECT, end=False)


def tunnelled(**rig: Any) -> tuple[Framed, int, Any]:
    client, number = framed(**rig)
    accept(client.rig)
    client.settle()
    return client, number, client.rig.upstreams[0]


# -- over HTTP/2


def test_the_upstream_sees_the_handshake_of_http11() -> None:
    client, number = framed()
    assert client.judge.remote_settings.enable_connect_protocol == 1
    raw = client.rig.upstreams[0].raw
    assert raw.startswith(b"GET /chat?x=1 HTTP/1.1\r\nHost: a.example\r\nsec-websocket-version: 13\r\n")
    assert raw.endswith(b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n") and b"chunked" not in raw
    key = raw.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    assert len(b64decode(key)) == 16
    accept(client.rig, b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n")
    answer = client.settle().answers[number]
    assert answer.status == 200 and answer.headers[b"sec-websocket-protocol"] == b"chat"
    assert answer.headers[b"sec-websocket-extensions"] == b"permessage-deflate"
    assert b"sec-websocket-accept" not in answer.headers and b"upgrade" not in answer.headers and not answer.ended


def test_every_handshake_has_a_key_of_its_own_and_none_of_the_client() -> None:
    client, _ = framed()
    client.ask(("sec-websocket-key", "AAAA"), base=CONNECT, end=False)
    client.ask(base=CONNECT, end=False)
    keys = {up.raw.lower().split(b"sec-websocket-key: ")[1].split(b"\r\n")[0] for up in client.rig.upstreams}
    assert len(keys) == 3 and not any(b"AAAA" in up.raw for up in client.rig.upstreams)


def test_bytes_pass_both_ways_and_are_counted() -> None:
    client, number, upstream = tunnelled()
    client.judge.send_data(number, UP)
    client.settle()
    client.rig.reply(DOWN)
    client.settle()
    assert upstream.raw.endswith(b"\r\n\r\n" + UP) and client.answers[number].body == DOWN
    client.rig.hang_up()
    assert client.settle().answers[number].ended
    (exchange,) = client.rig.finished
    assert (exchange.status, exchange.method, exchange.protocol) == (200, b"GET", "HTTP/2.0")
    assert (exchange.bytes_in, exchange.bytes_out, exchange.code) == (len(UP), len(DOWN), None)


def test_what_is_sent_ahead_waits_for_the_tunnel() -> None:
    client, number = framed()
    client.judge.send_data(number, UP)
    client.settle()
    assert not client.rig.upstreams[0].raw.endswith(UP)
    accept(client.rig)
    assert client.settle().rig.upstreams[0].raw.endswith(b"\r\n\r\n" + UP)


@pytest.mark.parametrize("status", [b"403 No", b"302 There"])
def test_a_refusal_is_an_answer(status: bytes) -> None:
    client, number = framed()
    client.judge.send_data(number, UP)
    client.rig.reply(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nno" % status)
    answer = client.settle().answers[number]
    assert answer.status == int(status[:3]) and answer.body == b"no" and answer.ended
    assert UP not in client.rig.upstreams[0].raw


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    ],
)
def test_what_the_client_would_take_for_a_tunnel_is_a_502(answer: bytes) -> None:
    client, number = framed()
    client.rig.reply(answer)
    got = client.settle().answers[number]
    assert got.status == 502 and b"bad_answer" in got.body and got.ended
    assert len(client.rig.finished) == 1


def test_policies_see_a_get() -> None:
    client, number = framed(access=Access(ip_deny=("0.0.0.0/0",)))
    assert client.answers[number].status == 403 and not client.rig.upstreams


@pytest.mark.parametrize(
    ("change", "status", "reset"),
    [
        ([(":protocol", "connect-udp")], 501, Code.NO_ERROR),
        ([("content-length", "5")], 0, Code.PROTOCOL_ERROR),
        ([(":path", "")], 0, Code.PROTOCOL_ERROR),
    ],
)
def test_other_connects(change: list[tuple[str, str]], status: int, reset: int) -> None:
    client = Framed(answer=None)
    fields = dict([*CONNECT, *change])
    answer = client.answers[client.ask(base=[*fields.items()], end=False)]
    assert (answer.status, answer.reset) == (status, reset) and not client.rig.upstreams


def test_a_websocket_that_is_over_at_once() -> None:
    client = Framed(answer=None)
    assert client.answers[client.ask(base=CONNECT)].status == 400 and not client.rig.upstreams


def test_the_end_of_the_clients_side_is_passed_on() -> None:
    client, number, upstream = tunnelled()
    client.judge.send_data(number, UP, end_stream=True)
    client.settle()
    assert upstream.raw.endswith(UP) and upstream.half_closed and not client.rig.finished
    client.rig.reply(DOWN).hang_up()
    answer = client.settle().answers[number]
    assert answer.body == DOWN and answer.ended and client.rig.finished


def test_a_reset_ends_both_sides() -> None:
    client, number, upstream = tunnelled()
    client.judge.reset_stream(number, Code.CANCEL)
    client.settle()
    assert upstream.closed and client.rig.finished[0].code == "client_gone"


def test_a_client_that_takes_nothing_stops_the_upstream() -> None:
    client, number, upstream = tunnelled(settings={4: 1000}, reads=False)
    client.rig.reply(b"\x82\x7e\xff\xff" + bytes(65535), DOWN * 1000)
    client.settle()
    assert upstream.paused and len(client.answers[number].body) == 1000
    client.judge.increment_flow_control_window(100_000, number)
    client.judge.increment_flow_control_window(100_000)
    client.settle()
    assert not upstream.paused and len(client.answers[number].body) > 65535


def test_an_upstream_that_takes_nothing_stops_the_client() -> None:
    client, number, upstream = tunnelled()
    upstream.producer.pauseProducing()
    while (room := min(16384, client.judge.local_flow_control_window(number))) > 0:
        client.judge.send_data(number, bytes(room))
        client.settle()
    upstream.producer.resumeProducing()
    assert client.settle().judge.local_flow_control_window(number) > 0


# -- both: the end


def one() -> tuple[Rig, Any]:
    rig = Rig(answer=None).send(HANDSHAKE)
    accept(rig)
    return rig, lambda: rig.answers()[0].body


def many() -> tuple[Rig, Any]:
    client, number, _ = tunnelled()
    return client.rig, lambda: client.settle().answers[number].body


def masked(raw: bytes) -> bytes:
    """The Close at the end of what an upstream got, without its mask."""
    head, mask, said = raw[-8:-6], raw[-6:-2], raw[-2:]
    return b"\x88\x02" + bytes(a ^ b for a, b in zip(said, mask, strict=False)) if head == b"\x88\x82" else raw


@pytest.mark.parametrize("make", [one, many])
def test_both_sides_are_told_1001_and_then_cut(make: Any) -> None:
    rig, client_got = make()
    rig.reply(DOWN)
    rig.factory.draining = True
    rig.factory.leave_tunnels(0.0)
    rig.pass_time(0.2)
    assert client_got() == DOWN + GOING and masked(rig.upstreams[0].raw) == GOING
    rig.reply(DOWN)
    assert client_got() == DOWN + GOING and not rig.finished, "nothing follows a Close"
    rig.pass_time(PARTING)
    assert rig.upstreams[0].ended and [exchange.code for exchange in rig.finished] == [None]


@pytest.mark.parametrize("make", [one, many])
def test_the_end_waits_for_the_end_of_a_frame(make: Any) -> None:
    rig, client_got = make()
    rig.reply(DOWN[:2])
    rig.factory.leave_tunnels(0.0)
    rig.pass_time(0.2)
    assert client_got() == DOWN[:2] and masked(rig.upstreams[0].raw) == GOING
    rig.reply(DOWN[2:] + DOWN)
    assert client_got() == DOWN + GOING


def test_an_upstream_that_hangs_up_after_its_close_ends_it_early() -> None:
    rig, client_got = one()
    rig.factory.leave_tunnels(0.0)
    rig.pass_time(0.2).hang_up()
    assert client_got() == GOING and rig.wire.half_closed and rig.finished


def test_only_those_of_a_listener() -> None:
    rig, client_got = one()
    here = rig.wire.getHost()
    rig.factory.leave_tunnels(0.0, type(here)("TCP", "127.0.0.1", 1))
    assert rig.pass_time(0.2) and client_got() == b""
    rig.factory.leave_tunnels(0.0, type(here)("TCP", "0.0.0.0", here.port))
    assert rig.pass_time(0.2) and client_got() == GOING


def test_one_that_opens_late_is_told_too() -> None:
    rig = Rig(answer=None).send(HANDSHAKE)
    rig.factory.draining = True
    rig.factory.leave_tunnels(30.0)
    accept(rig).pass_time(0.2)
    assert rig.answers()[0].body == GOING


class Told:
    """A tunnel that notes when it was told, and when it was ended."""

    def __init__(self) -> None:
        self.left: list[bytes] = []
        self.ended = 0

    def leave(self, mask: bytes) -> None:
        self.left.append(mask)

    def end(self) -> None:
        self.ended += 1


def test_a_farewell_is_spread_evenly() -> None:
    tunnels = [Told() for _ in range(10)]
    farewell = Farewell(tunnels, 100.0, 20.0, random.Random(1).randbytes)  # type: ignore[arg-type]
    for second in range(24):
        farewell.tick(100.0 + second)
        assert sum(len(one.left) for one in tunnels) == min(10, second // 2 + 1)
        assert sum(one.ended for one in tunnels) == min(10, max(0, second // 2))
    assert farewell.over and len({one.left[0] for one in tunnels}) == 10


# -- a client's half-close over HTTP/1.1


def test_a_half_close_is_passed_on_and_the_other_half_goes_on() -> None:
    rig, client_got = one()
    rig.send(UP).end()
    upstream = rig.upstreams[0]
    assert upstream.half_closed and not upstream.closed and not rig.wire.ended
    rig.reply(DOWN)
    assert client_got() == DOWN
    rig.hang_up()
    assert rig.wire.ended and rig.finished[0].code is None


def test_where_no_half_can_be_ended_both_are() -> None:
    rig, _ = one()
    rig.upstreams[0].loseWriteConnection = None  # type: ignore[assignment]
    rig.end()
    assert rig.upstreams[0].closed and rig.wire.ended and rig.finished[0].code is None
