"""Who is too slow over HTTP/2, and how it is told."""

from __future__ import annotations

from edge.framed import GET, POST, Framed

from gwt.model.settings import Limits
from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.faults import Code

SOON = Limits(header_timeout=2, idle_timeout=5)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
BLOCK = hpack.encode([(name.encode(), value.encode()) for name, value in GET])


def test_an_idle_connection_is_closed() -> None:
    framed = Framed(limits=SOON)
    framed.get()
    framed.pass_time(4)
    assert not framed.rig.wire.ended
    for _ in range(3):
        framed.raw(frames.ping(bytes(8))).pass_time(1)
    assert framed.gone == [Code.NO_ERROR] and framed.rig.wire.ended


def test_a_field_block_in_drops() -> None:
    framed = Framed(limits=SOON)
    framed.raw(frames.frame(frames.HEADERS, 1, 1, BLOCK[:3]))
    for _ in range(5):
        framed.raw(frames.frame(frames.CONTINUATION, 0, 1, b"")).pass_time(1)
    assert framed.gone == [Code.ENHANCE_YOUR_CALM]


def test_a_frame_in_drops() -> None:
    framed = Framed(limits=SOON)
    for byte in frames.headers(1, BLOCK, True, 16384)[:6]:
        framed.raw(bytes((byte,))).pass_time(1)
    assert framed.gone == [Code.ENHANCE_YOUR_CALM]


def test_a_body_that_comes_too_slowly() -> None:
    framed = Framed(answer=None, limits=SOON)
    slow = framed.ask(base=POST, body=b"a", end=False)
    good = framed.ask(base=POST, body=b"a", end=False)
    for _ in range(6):
        framed.judge.send_data(good, bytes(300))
        framed.pass_time(1)
    assert framed.answers[slow].status == 408 and good not in framed.answers
    assert framed.rig.upstreams[0].aborted and not framed.gone


def test_an_upstream_that_is_slow_costs_the_client_nothing() -> None:
    framed = Framed(answer=None, limits=SOON)
    number = framed.ask(("content-length", "1000000"), base=POST, end=False)
    framed.rig.upstreams[0].protocol.pauseProducing()
    framed.judge.send_data(number, bytes(16384))
    framed.settle()
    framed.pass_time(20)
    assert number not in framed.answers


def test_a_client_that_takes_nothing_is_shown_out() -> None:
    framed = Framed(answer=None, reads=False, limits=SOON)
    framed.ask()
    framed.rig.reply(HEAD + bytes(100_000))
    framed.settle().pass_time(6)
    assert framed.gone == [Code.ENHANCE_YOUR_CALM]
    assert framed.rig.upstreams[0].aborted and framed.rig.finished[0].code == "slow_client"
    assert framed.rig.factory.calmed == 1


def test_a_stream_that_is_not_taken_is_given_up_alone() -> None:
    framed = Framed(answer=None, settings={4: 1000}, reads=False, limits=SOON)
    stalled, good = framed.ask(), framed.ask()
    for upstream in (0, 1):
        framed.rig.reply(HEAD + bytes(40_000), upstream=upstream)
    framed.settle()
    for _ in range(6):
        framed.judge.increment_flow_control_window(500, good)
        framed.pass_time(1)
    assert framed.answers[stalled].reset == Code.ENHANCE_YOUR_CALM
    assert framed.answers[good].reset is None and not framed.gone


def test_a_transport_that_is_stalled() -> None:
    framed = Framed(answer=None, limits=SOON)
    framed.ask()
    framed.rig.channel.pauseProducing()
    framed.rig.pass_time(6)
    assert framed.rig.wire.aborted and framed.rig.finished[0].code == "slow_client"
