"""One trunk: how much of it is read at once, what is written, and when nobody is told anything."""

from __future__ import annotations

import pytest
from upstream.test_trunks import Scene, answer

from gwt.wire.h2 import frames
from gwt.wire.h2.faults import Code


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_many_frames_take_several_turns(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    transport.reactor = scene.reactor  # type: ignore[attr-defined]
    transport.says(400 * frames.ping(bytes(8)) + frames.headers(1, b"\x88", True, 16384))
    assert asker.told == [] and not transport.reading
    scene.pass_time(0.0)
    assert asker.told == [200, "end"] and transport.reading


def test_what_was_left_is_read_when_the_connection_ends(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    transport.reactor = scene.reactor  # type: ignore[attr-defined]
    transport.says(400 * frames.ping(bytes(8)) + frames.headers(1, b"\x88", True, 16384))
    transport.end()
    assert asker.told == [200, "end"] and scene.pool.live == 0


def test_the_transport_s_pace(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    assert asker.call is not None
    trunk = asker.call.trunk
    trunk.pauseProducing()
    assert trunk.wire.held
    trunk.resumeProducing()
    assert not trunk.wire.held
    answer(transport, 1)
    assert asker.told == [200, "end"]


def test_an_endpoint_that_breaks_the_protocol_is_left(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    transport.says(frames.frame(frames.PING, 0, 0, b"short"))
    assert transport.aborted and scene.pool.take() is None
    transport.end()
    assert asker.told == ["bad_answer"] and scene.pool.live == 0


def test_the_connection_s_window_is_no_limit(scene: Scene) -> None:
    scene.ask()
    transport = scene.stand()
    assert frames.window(0, (1 << 30) - 65535) in transport.written


def test_more_than_a_window_that_nobody_gives_back(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    assert asker.call is not None
    asker.call.pause()
    piece = frames.data_head(16384, False, 1) + bytes(16384)
    transport.says(frames.headers(1, b"\x88", False, 16384) + 16 * piece)
    assert asker.told[0] == 200 and "bad_answer" not in asker.told
    transport.says(piece)
    assert asker.told[-1] == "bad_answer"
    assert transport.written.endswith(frames.reset(1, Code.FLOW_CONTROL_ERROR)) and not transport.aborted
    assert scene.ask().call is not None  # the trunk goes on


def test_what_is_taken_may_come_again(scene: Scene) -> None:
    asker = scene.ask()
    transport = scene.stand()
    assert asker.call is not None
    asker.call.pause()
    piece = frames.data_head(16384, False, 1) + bytes(16384)
    transport.says(frames.headers(1, b"\x88", False, 16384) + 16 * piece)
    assert frames.window(1, 16 * 16384) not in transport.written
    asker.call.resume()
    assert transport.written.endswith(frames.window(1, 16 * 16384))
    transport.says(piece)
    assert "bad_answer" not in asker.told
