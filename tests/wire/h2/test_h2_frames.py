"""Frames as they are written, read by hyperframe."""

from __future__ import annotations

import pytest
from hyperframe import frame as judge

from gwt.wire.h2 import frames


def parsed(raw: bytes) -> judge.Frame:
    one, length = judge.Frame.parse_frame_header(memoryview(raw[:9]))
    assert length == len(raw) - 9
    one.parse_body(memoryview(raw[9:]))
    return one


def test_each_kind() -> None:
    assert parsed(frames.settings([(3, 100), (4, 1)])).settings == {3: 100, 4: 1}
    assert parsed(frames.reset(5, 8)).error_code == 8
    assert parsed(frames.window(5, 70000)).window_increment == 70000
    assert parsed(frames.ping(b"12345678", ack=True)).opaque_data == b"12345678"
    away = parsed(frames.goaway(7, 11, b"calm"))
    assert (away.last_stream_id, away.error_code, away.additional_data) == (7, 11, b"calm")
    data = parsed(frames.frame(frames.DATA, frames.END_STREAM, 9, b"x" * 70000))
    assert data.data == b"x" * 70000 and data.stream_id == 9 and set(data.flags) == {"END_STREAM"}
    assert set(parsed(frames.SETTINGS_ACK).flags) == {"ACK"}


@pytest.mark.parametrize(("size", "count"), [(0, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_a_block_in_parts(size: int, count: int) -> None:
    raw = frames.headers(1, bytes(range(size)), True, 10)
    parts = []
    while raw:
        _, length = judge.Frame.parse_frame_header(memoryview(raw[:9]))
        parts.append(parsed(raw[: 9 + length]))
        raw = raw[9 + length :]
    assert len(parts) == count and b"".join(part.data for part in parts) == bytes(range(size))
    assert ["END_HEADERS" in part.flags for part in parts] == [False] * (count - 1) + [True]
    assert "END_STREAM" in parts[0].flags
