"""Control frames: answers to pings and settings, the way out of both sides."""

from __future__ import annotations

import pytest
from wire.h2.peer import GET, POST, Talk, data, headers

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.events import GoingAway, Headers, Reset
from gwt.wire.h2.faults import Code


def test_settings_and_pings_are_answered() -> None:
    talk = Talk()
    talk.say(frames.settings([(3, 1)]), frames.ping(b"12345678"))
    assert talk.frames == [(frames.SETTINGS, 1, 0, b""), (frames.PING, 1, 0, b"12345678")]


def test_draining_serves_what_was_sent_before_the_client_knew() -> None:
    talk = Talk()
    talk.say(headers(1))
    talk.connection.drain()
    talk.connection.drain()
    away, ping = talk.written()
    assert away[3][:8] == ((1 << 31) - 1).to_bytes(4) + bytes(4)
    talk.say(headers(3))
    assert len(talk.told(Headers)) == 2 and not talk.connection.done
    talk.say(frames.ping(ping[3], ack=True))
    assert talk.frames[-1][3][:8] == (3).to_bytes(4) + bytes(4)
    assert talk.say(headers(5)) == []
    assert talk.say(data(5, b"x")) == []
    for number in (1, 3):
        assert not talk.connection.done
        talk.answer(number)
    assert talk.connection.done


def test_an_idle_connection_leaves_at_once() -> None:
    talk = Talk()
    talk.connection.leave()
    assert talk.connection.done and talk.written()[0][0] == frames.GOAWAY


def test_the_peer_goes_away() -> None:
    talk = Talk()
    assert talk.say(frames.goaway(5, 0)) == [GoingAway(5, 0)]
    talk.say(frames.goaway(7, 0))
    assert talk.ended == Code.PROTOCOL_ERROR


def test_the_peer_gives_a_stream_up() -> None:
    talk = Talk()
    talk.say(headers(1, POST, ended=False))
    assert talk.say(frames.reset(1, 8)) == [Reset(1, 8)]
    assert talk.say(frames.reset(1, 8), frames.window(1, 5), frames.frame(2, 0, 1, bytes(5))) == []
    assert talk.ended is None


def test_one_ping_of_the_peers_own_ends_no_drain() -> None:
    talk = Talk()
    talk.connection.drain()
    talk.say(frames.ping(b"whatever", ack=True))
    assert not talk.connection.done


def test_a_window_that_grows_by_the_byte_earns_nothing() -> None:
    """CVE-2019-9511: one byte at a time."""
    talk = Talk()
    talk.say(frames.settings([(4, 0)]), headers(1))
    talk.connection.send_headers(1, b"\x88")
    talk.connection.send_data(1, bytes(60_000))
    count = 0
    while talk.ended is None:
        talk.say(frames.window(1, 1))
        count += 1
        assert count < 2000
    assert talk.ended == Code.ENHANCE_YOUR_CALM and count > 500
    fair = Talk()
    fair.say(frames.settings([(4, 0)]), headers(1))
    fair.connection.send_headers(1, b"\x88")
    for _ in range(2000):
        fair.connection.send_data(1, bytes(300))
        fair.say(frames.window(1, 300), frames.window(0, 300))
    assert fair.ended is None


@pytest.mark.parametrize("together", [1, 1000])
@pytest.mark.parametrize("client", [False, True])
def test_a_stream_brings_the_windows_that_it_needs(client: bool, together: int) -> None:
    """As grpcio sends them: when a stream begins and when its message was read, for it and for the connection."""
    talk = Talk(client)
    for first in range(1, 4000, 2 * together):
        numbers = range(first, first + 2 * together, 2)
        for number in numbers:
            if client:
                assert talk.connection.open(hpack.encode(list(GET)), True) == number
            else:
                talk.say(headers(number))
        for number in (*numbers, *numbers):
            talk.say(frames.window(number, 300), frames.window(0, 300))
        for number in numbers:
            if client:
                talk.say(headers(number, [(b":status", b"200")]))
            else:
                talk.answer(number)
    assert talk.ended is None


def test_a_stream_brings_no_more_than_it_needs() -> None:
    talk, pings = Talk(), 0
    for number in range(1, 4000, 2):
        talk.say(headers(number), *[frames.ping(bytes(8))] * 20)
        pings += 20
        if talk.ended is not None:
            break
        talk.answer(number)
    assert talk.ended == Code.ENHANCE_YOUR_CALM and 1000 < pings < 2000


def test_heads_that_are_refused_are_not_for_ever() -> None:
    talk, big = Talk(header_bytes=1000), (*GET, (b"x", b"y" * 1500))
    for number in range(1, 2000, 2):
        talk.say(headers(number, big))
        if talk.ended is not None:
            break
        talk.answer(number)
    assert talk.ended == Code.ENHANCE_YOUR_CALM and 200 < len(talk.told(Headers)) < 300
