"""Deadlines and sizes of messages, as they pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwt.wire.grpc import Messages, timeout_seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"100m", 0.1), (b"99999999u", 99.999999), (b"5n", 5e-9), (b"0S", 0)],
)
def test_timeouts(said: bytes, seconds: float) -> None:
    assert timeout_seconds(said) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "said", [b"", b"1", b"S", b"1s", b"-1S", b"+1S", b"1.5S", b"123456789S", b" 1S", b"1S ", b"1S, 2S"]
)
def test_what_is_no_timeout(said: bytes) -> None:
    assert timeout_seconds(said) is None


@given(st.lists(st.binary(max_size=50)), st.data())
def test_messages_are_measured_in_any_pieces(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(b"\0" + len(body).to_bytes(4) + body for body in bodies)
    messages, largest = Messages(), 0
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        largest = max(largest, messages.largest(stream[:size]))
        stream = stream[size:]
    assert largest == max(map(len, bodies), default=0)


def test_a_message_is_measured_when_it_begins() -> None:
    messages = Messages()
    assert messages.largest(b"\1\0\xff\xff") == 0
    assert messages.largest(b"\xff" + bytes(10)) == 0xFFFFFF
    assert messages.largest(bytes(0xFFFFFF - 10)) == 0
    assert messages.largest(b"\0\0\0\0\1x\0\0\0\0\2") == 2
