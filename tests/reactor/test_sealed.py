"""TLS between a transport and a stream, both of them stand-ins, with Python's `ssl` in memory as the peer."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from certificates import Authority
from hypothesis import given, settings
from hypothesis import strategies as st

from gwt.reactor.sealed import Sealed
from gwt.tls.contexts import load_pair

CA = Authority()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = CA.pair("a.x")
    load_pair(context, pair.cert, pair.key)
    return context


SERVER, CLIENT = server_context(), CA.trusting()


class Loop:
    """Calls are made when a test says so. `timers` by seconds."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.timers: dict[float, Callable[[], None]] = {}

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        self.timers[seconds] = call
        return Timer(self.timers, seconds)

    def turn(self) -> None:
        soon, self.soon = self.soon, []
        for call in soon:
            call()


class Timer:
    def __init__(self, timers: dict[float, Any], seconds: float) -> None:
        self._timers, self._seconds = timers, seconds

    def cancel(self) -> None:
        self._timers.pop(self._seconds, None)


class Raw:
    """The transport beneath."""

    def __init__(self) -> None:
        self.sent, self.end, self.reading = bytearray(), "", True
        self.limits = 0

    def write(self, data: bytes) -> None:
        self.sent += data

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = self.end or "aborted"

    def get_write_buffer_size(self) -> int:
        return 7

    def set_write_buffer_limits(self, high: int) -> None:
        self.limits = high


class Stream:
    """What stands above."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.received = bytearray()
        self.transport: Any = None

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.events.append("made")

    def handshake_failed(self, error: BaseException) -> None:
        self.events.append(error)

    def connection_lost(self, error: BaseException | None) -> None:
        self.events.append(error)

    def eof_received(self) -> bool:
        self.events.append("eof")
        return False

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class Stage:
    """One end under test (a server, or a client of `name`), and its peer."""

    def __init__(self, name: str | None = None) -> None:
        self.loop, self.raw, self.stream = Loop(), Raw(), Stream()
        context = SERVER if name is None else CLIENT
        self.sealed: Any = Sealed(self.loop, self.stream, context, name, 5.0)  # type: ignore[arg-type]
        self.to_peer, self.from_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        mine = CLIENT if name is None else SERVER
        self.peer = mine.wrap_bio(self.to_peer, self.from_peer, name is not None, "a.x" if name is None else None)

    def carry(self, sizes: Iterator[int]) -> None:
        """What either side has sent reaches the other, the peer's in pieces of these `sizes`."""
        self.to_peer.write(bytes(self.raw.sent))
        self.raw.sent.clear()
        data = self.from_peer.read()
        while data:
            size = next(sizes)
            self.sealed.data_received(data[:size])
            data = data[size:]

    def shake(self, sizes: Iterator[int] | None = None) -> Stage:
        sizes = sizes or endless(100_000)
        self.sealed.connection_made(self.raw)
        done = False
        while not (done and self.stream.events):
            try:
                self.peer.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            self.carry(sizes)
        self.to_peer.write(bytes(self.raw.sent))
        self.raw.sent.clear()
        return self

    def say(self, data: bytes, sizes: Iterator[int] | None = None) -> None:
        """The peer does."""
        self.peer.write(data)
        self.carry(sizes or endless(100_000))

    def heard(self) -> bytes:
        """What the peer has been told."""
        self.to_peer.write(bytes(self.raw.sent))
        self.raw.sent.clear()
        found = b""
        try:
            while piece := self.peer.read(100_000):
                found += piece
        except ssl.SSLWantReadError:
            return found
        except ssl.SSLZeroReturnError:
            pass
        return found + b"<goodbye>"


def endless(*sizes: int) -> Iterator[int]:
    while True:
        yield from sizes


SIZES = st.lists(st.integers(100, 20_000) | st.just(1), min_size=2, max_size=5).filter(lambda sizes: sum(sizes) > 100)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([None, "a.x"]), SIZES, st.lists(st.integers(0, 100_000), max_size=4))
def test_bytes_are_the_same_however_they_come(name: str | None, sizes: list[int], lengths: list[int]) -> None:
    stage = Stage(name).shake(endless(*sizes))
    assert stage.stream.events == ["made"] and not stage.loop.timers
    sent = b""
    for number, length in enumerate(lengths):
        data = bytes([number]) * length
        sent += data
        stage.peer.write(data)
        stage.carry(endless(*sizes))
        if number % 2:
            stage.stream.transport.write(data)
        else:
            stage.stream.transport.writelines([data[:10], data[10:]])
    assert stage.stream.received == sent == stage.heard()


def test_it_can_be_chosen_when_to_read() -> None:
    stage = Stage().shake()
    stage.stream.transport.pause_reading()
    stage.say(b"a" * 50_000)
    assert not stage.stream.received and not stage.raw.reading
    stage.stream.transport.resume_reading()
    assert not stage.stream.received and stage.raw.reading
    stage.loop.turn()
    assert stage.stream.received == b"a" * 50_000


def test_a_stream_that_pauses_within_gets_no_more() -> None:
    stage = Stage().shake()

    def once(data: bytes) -> None:
        stage.stream.received += data
        stage.stream.transport.pause_reading()

    stage.stream.data_received = once  # type: ignore[method-assign]
    stage.stream.transport.set_protocol(stage.stream)
    stage.say(b"a" * 50_000)
    assert len(stage.stream.received) == 16384
    for _ in range(10):
        stage.stream.transport.resume_reading()
        stage.loop.turn()
    assert stage.stream.received == b"a" * 50_000


def test_its_goodbye_is_said_and_the_peer_s_is_waited_for() -> None:
    stage = Stage().shake()
    stage.stream.transport.write(b"last words")
    stage.stream.transport.close()
    assert not stage.raw.end and stage.heard() == b"last words<goodbye>"
    stage.say(b"nobody wants it")
    assert not stage.stream.received and not stage.raw.end
    stage.stream.transport.write(b"too late")
    assert stage.heard() == b"<goodbye>"
    stage.peer.unwrap()
    stage.carry(endless(100))
    assert stage.raw.end == "closed"
    stage.sealed.connection_lost(None)
    assert stage.stream.events == ["made", None] and not stage.loop.timers


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("size", [100_000, 16_000, 100])
def test_who_still_sends_is_said_goodbye_to(size: int, within: bool) -> None:
    stage = Stage().shake()

    def refuse(data: bytes = b"") -> None:
        stage.stream.transport.write(b"no")
        stage.stream.transport.close()

    if within:
        stage.sealed.set_protocol(SimpleNamespace(data_received=refuse))
        stage.say(b"a" * 200_000, endless(size))
    else:
        stage.stream.transport.pause_reading()
        stage.say(b"a" * 200_000, endless(size))
        refuse()
    assert not stage.raw.end and stage.heard() == b"no<goodbye>"
    stage.say(b"b" * 50_000, endless(size))
    assert not stage.raw.end
    stage.peer.unwrap()
    stage.carry(endless(size))
    assert stage.raw.end == "closed"


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_stream_that_ends_within_gets_no_more(how: str) -> None:
    stage, got = Stage().shake(), []

    def end(data: bytes) -> None:
        got.append(data)
        getattr(stage.stream.transport, how)()

    stage.sealed.set_protocol(SimpleNamespace(data_received=end))
    stage.say(b"a" * 500_000, endless(400_000))
    assert got == [b"a" * 16384] and stage.raw.end == ("aborted" if how == "abort" else "")


def test_a_goodbye_is_not_waited_for_for_ever() -> None:
    stage = Stage().shake()
    stage.stream.transport.close()
    (overdue,) = stage.loop.timers.values()
    overdue()
    assert stage.raw.end == "aborted"


def test_the_peer_s_goodbye_is_the_end() -> None:
    stage = Stage().shake()
    stage.peer.write(b"last words")
    try:
        stage.peer.unwrap()
    except ssl.SSLWantReadError:
        pass
    stage.carry(endless(100_000))
    assert stage.stream.received == b"last words" and stage.stream.events == ["made", "eof"]
    assert stage.raw.end == "closed" and stage.heard() == b"<goodbye>"
    assert not stage.sealed.eof_received()


def test_no_goodbye_is_told_as_such() -> None:
    stage = Stage().shake()
    assert not stage.sealed.eof_received()
    stage.sealed.connection_lost(None)
    assert stage.stream.events == ["made", None]


def test_garbage_ends_the_connection() -> None:
    stage = Stage().shake()
    stage.sealed.data_received(b"\x17\x03\x03\x00\x05abcde")
    stage.sealed.data_received(b"more of it")
    assert stage.raw.end == "closed" and stage.raw.sent  # an alert
    stage.sealed.connection_lost(None)
    assert isinstance(stage.stream.events[-1], ssl.SSLError)


def test_a_handshake_that_fails_is_told_to_both_sides() -> None:
    stage = Stage()
    stage.sealed.connection_made(stage.raw)
    stage.sealed.data_received(b"GET / HTTP/1.1\r\n\r\n")
    assert stage.raw.end == "closed"
    stage.sealed.connection_lost(None)
    (error,) = stage.stream.events
    assert isinstance(error, ssl.SSLError)
    stage = Stage("b.x")
    stage.sealed.connection_made(stage.raw)
    for _ in range(4):
        try:
            stage.peer.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            assert "alert" in str(error).lower()
            break
        stage.carry(endless(100_000))
    else:
        raise AssertionError("nobody was told")
    stage.sealed.connection_lost(None)
    assert isinstance(stage.stream.events[0], ssl.SSLCertVerificationError)


def test_a_handshake_ends_in_time_or_is_given_up() -> None:
    stage = Stage()
    stage.sealed.connection_made(stage.raw)
    stage.loop.timers[5.0]()
    assert stage.raw.end == "aborted"
    stage.sealed.connection_lost(None)
    assert isinstance(stage.stream.events[0], ConnectionAbortedError)
    stage = Stage()
    stage.sealed.give_up(ConnectionResetError("enough"))
    stage.sealed.connection_made(stage.raw)
    assert stage.raw.end == "aborted"
    stage.sealed.connection_lost(None)
    assert str(stage.stream.events[0]) == "enough" and not stage.loop.timers


def test_the_buffer_is_that_of_the_transport_beneath() -> None:
    stage = Stage().shake()
    transport = stage.stream.transport
    transport.set_write_buffer_limits(high=3)
    stage.sealed.pause_writing()
    stage.sealed.resume_writing()
    assert (transport.get_write_buffer_size(), stage.raw.limits) == (7, 3)
    assert stage.stream.events == ["made", "pause", "resume"]
    assert transport.get_extra_info("ssl_object").version() and transport.get_extra_info("socket") is None
    transport.abort()
    assert stage.raw.end == "aborted"
