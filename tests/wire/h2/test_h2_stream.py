"""A stream's states, and its queue."""

from __future__ import annotations

from gwt.wire.h2.stream import PEER_ENDS, WE_END, State, Stream


def test_a_stream_is_closed_once_both_have_ended() -> None:
    for first, second in ((PEER_ENDS, WE_END), (WE_END, PEER_ENDS)):
        assert second[first[State.OPEN]] == State.CLOSED
        assert first[State.OPEN] not in first and State.CLOSED not in first


def test_the_queue() -> None:
    stream = Stream(1, 10, 10)
    stream.put(b"abcdef")
    stream.put(b"gh")
    assert [stream.take(4), stream.take(4), stream.take(4)] == [b"abcd", b"ef", b"gh"]
    assert stream.waiting == 0 and not stream.queue
