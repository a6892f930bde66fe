"""Sending: windows of the stream and of the connection, turns, and who should pause."""

from __future__ import annotations

from collections.abc import Iterable

from wire.h2.peer import Frame, Talk, headers

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.events import Drained
from gwt.wire.h2.faults import Code

HEAD = hpack.encode([(b":status", b"200")])


def bodies(written: Iterable[Frame]) -> list[tuple[int, int, int]]:
    """Stream, flags and size of what is DATA."""
    return [(number, flags, len(payload)) for kind, flags, number, payload in written if kind == frames.DATA]


def begun(*numbers: int, **limits: int) -> Talk:
    """Requests that are being answered."""
    talk = Talk(**limits)
    for number in numbers:
        talk.say(headers(number))
        talk.connection.send_headers(number, HEAD)
    talk.written()
    return talk


def test_the_connections_window_is_kept() -> None:
    talk = begun(1)
    assert not talk.connection.send_data(1, bytes(200_000), True)
    assert sum(size for *_, size in bodies(talk.written())) == 65535
    talk.say(frames.window(0, 100_000))
    assert bodies(talk.written()) == []  # the stream's is used up too
    talk.say(frames.window(1, 1 << 20))
    talk.say(frames.window(0, 1 << 20))
    assert sum(size for *_, size in bodies(talk.frames)) == 200_000
    assert bodies(talk.frames)[-1][1] == frames.END_STREAM and not talk.connection.streams


def test_streams_take_turns() -> None:
    talk = begun(1, 3, 5)
    for number in (1, 3, 5):
        talk.connection.send_data(number, bytes(60_000), True)
    talk.written()
    for number in (1, 3, 5):
        talk.say(frames.window(number, 1 << 20))
    talk.say(frames.window(0, 6 * 16384))
    turns = [number for number, *_ in bodies(talk.frames[-6:])]
    assert sorted(turns[:2]) == sorted(set(turns[:2])) and len(set(turns)) >= 2


def test_who_fills_the_queue_should_pause_until_it_is_drained() -> None:
    talk = begun(1, queue=1000)
    talk.connection.send_data(1, bytes(65535))
    assert talk.connection.send_data(1, bytes(1000))
    assert not talk.connection.send_data(1, b"x")
    assert talk.say(frames.window(1, 400), frames.window(0, 400)) == []
    assert talk.say(frames.window(1, 200), frames.window(0, 200)) == [Drained(1)]
    assert talk.connection.waiting == 401


def test_a_window_that_was_made_smaller() -> None:
    talk = begun(1)
    talk.connection.send_data(1, bytes(1000))
    talk.say(frames.settings([(4, 10)]))
    talk.connection.send_data(1, b"abc", True)
    assert bodies(talk.written()) == []
    talk.say(frames.window(1, 989))
    assert bodies(talk.written()) == []
    talk.frames.clear()
    talk.say(frames.settings([(4, 14)]))
    assert bodies(talk.frames) == [(1, frames.END_STREAM, 3)]


def test_trailers_follow_the_last_byte() -> None:
    talk = begun(1)
    talk.say(frames.settings([(4, 2)]))
    talk.connection.send_data(1, b"abcd")
    talk.connection.send_end(1, hpack.encode([(b"grpc-status", b"0")]))
    talk.written()
    talk.frames.clear()
    talk.say(frames.window(1, 100))
    assert [(kind, flags) for kind, flags, *_ in talk.frames] == [(frames.DATA, 0), (frames.HEADERS, 5)]


def test_a_held_connection_sends_no_bodies() -> None:
    talk = begun(1, 3, queue=10)
    talk.connection.hold()
    assert not talk.connection.send_data(1, bytes(100))
    talk.connection.send_end(3)  # an end without a body is small
    assert bodies(talk.written()) == [(3, frames.END_STREAM, 0)]
    assert talk.connection.release() == [Drained(1)]
    assert bodies(talk.written()) == [(1, 0, 100)]
    talk.connection.send_data(1, b"", True)
    assert bodies(talk.written()) == [(1, frames.END_STREAM, 0)]


def test_what_is_sent_for_a_stream_that_is_gone_is_nothing() -> None:
    talk = begun(1)
    talk.connection.reset(1, Code.CANCEL)
    talk.connection.reset(1, Code.CANCEL)
    talk.connection.send_headers(1, HEAD)
    assert talk.connection.send_data(1, b"x")
    talk.connection.send_end(1)
    talk.connection.taken(1, 5)
    assert [kind for kind, *_ in talk.written()] == [frames.RST_STREAM]


def test_a_reset_frees_what_waits() -> None:
    talk = begun(1, 3)
    talk.connection.send_data(1, bytes(100_000))
    talk.say(frames.reset(1, 8))
    assert talk.connection.waiting == 0
    talk.connection.send_data(3, b"abc", True)
    talk.written()
    talk.frames.clear()
    talk.say(frames.window(0, 10))
    assert bodies(talk.frames) == [(3, frames.END_STREAM, 3)]


def test_a_peer_with_a_smaller_table_is_told_that_there_is_none() -> None:
    talk = Talk()
    talk.say(frames.settings([(1, 100)]), headers(1), headers(3))
    for number in (1, 3):
        talk.connection.send_headers(number, HEAD, True)
    assert [payload for *_, payload in talk.written()] == [hpack.NO_TABLE + HEAD, HEAD]


def test_frames_are_no_larger_than_the_peer_takes() -> None:
    talk = begun(1)
    talk.connection.send_data(1, bytes(40000))
    assert [size for *_, size in bodies(talk.written())] == [16384, 16384, 7232]
