"""Laws of HTTP/2: any split gives the same, and nothing but protocol errors comes of any bytes.

What the h2 package says as one side is read as the other, in both roles.
"""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hypothesis import given, settings
from hypothesis import strategies as st
from wire.h2.h2spec import CASES
from wire.h2.peer import GET, POST, data, headers

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.connection import Connection
from gwt.wire.h2.events import Data, Ended, Event, Headers, Trailers
from gwt.wire.h2.options import Limits

START = frames.PREFACE + frames.settings([])
SPOKEN = [b"".join(case.sent) for case in CASES if case.started]
LIMITS = Limits(max_streams=20)

kinds = st.integers(0, 12)
numbers = st.sampled_from([0, 1, 1, 3, 3, 5, 7, 2, 101, (1 << 31) - 1])
payloads = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", bytes(4), bytes(5), bytes(8), (1 << 31).to_bytes(4), hpack.encode(GET), hpack.encode(POST)]),
)
loose = st.builds(frames.frame, kinds, st.integers(0, 255), numbers, payloads)
spoken = st.one_of(
    loose,
    loose,
    st.sampled_from(SPOKEN),
    st.builds(headers, numbers, st.sampled_from([GET, POST, GET[:3]]), st.booleans()),
    st.builds(data, numbers, st.binary(max_size=20), st.booleans()),
    st.binary(max_size=30),
)


def hear(pieces: list[bytes], client: bool = False) -> tuple[list[Event], bytes, dict[int, int]]:
    """The events of pieces, what is written, and what is left of every stream."""
    connection = Connection(LIMITS, client, connect=True)
    if client:
        for _ in range(3):
            connection.open(hpack.encode(GET), True)
    events: list[Event] = []
    for piece in pieces:
        events += connection.receive(piece, 5.0)
        while connection.behind:
            events += connection.receive(b"", 5.0)
        assert len(connection.streams) <= LIMITS.max_streams
        assert 0 <= connection.room <= LIMITS.connection_window
    if not connection.over:
        lying = sum(stream.lying for stream in connection.streams.values())
        assert connection.room + connection.owed + lying == LIMITS.connection_window
    assert connection.heads == sum(stream.head for stream in connection.streams.values())
    return events, connection.take_out(), {number: stream.state for number, stream in connection.streams.items()}


@settings(max_examples=150, deadline=None)
@given(st.lists(spoken, max_size=8), st.booleans(), st.data())
def test_any_split_gives_the_same_and_nothing_else_is_raised(
    said: list[bytes], client: bool, more: st.DataObject
) -> None:
    raw = (frames.settings([]) if client else START) + b"".join(said)
    whole = hear([raw], client)
    cuts = sorted(more.draw(st.sets(st.integers(0, len(raw)), max_size=12)))
    assert hear([raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)], client) == whole
    ends = [index for index, event in enumerate(whole[0]) if isinstance(event, Ended)]
    assert ends in ([], [len(whole[0]) - 1])


def test_byte_by_byte() -> None:
    for raw in SPOKEN:
        if len(raw) < 2000:
            assert hear([START + raw]) == hear([bytes((byte,)) for byte in START + raw])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    for start, client in ((b"", False), (START, False), (b"", True)):
        hear([start, raw], client)


# -- against h2

ours_names = st.sampled_from([b"x", b"accept", b"x-long-" + b"n" * 60, b"grpc-timeout"])
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60).map(str.encode)
fields = st.lists(st.tuples(ours_names, values), max_size=6)
bodies = st.lists(st.binary(min_size=1, max_size=40000), max_size=4)
messages = st.tuples(fields, bodies, st.none() | fields)


class Pair:
    """A Connection and one of h2's, and what each heard."""

    def __init__(self, client: bool) -> None:
        self.ours = Connection(Limits(window=65535, connection_window=65535), client)
        config = h2.config.H2Configuration(client_side=not client, header_encoding=None)
        self.theirs = h2.connection.H2Connection(config)
        self.theirs.initiate_connection()
        self.heard: list[Event] = []
        self.theirs_heard: list[h2.events.Event] = []

    def pass_on(self) -> None:
        """Carry bytes both ways until none is left; what is received is taken at once."""
        while True:
            there, here = self.ours.take_out(), self.theirs.data_to_send()
            if not there and not here:
                return
            for event in self.theirs.receive_data(there):
                self.theirs_heard.append(event)
                if isinstance(event, h2.events.DataReceived):
                    self.theirs.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            for ours in self.ours.receive(here, 1.0):
                assert not isinstance(ours, Ended), ours
                self.heard.append(ours)
                if isinstance(ours, Data):
                    self.ours.taken(ours.stream, ours.cost)

    def they_send(self, number: int, start: list[tuple[bytes, bytes]], message: object) -> None:
        more, body, trailers = message  # type: ignore[misc]
        self.theirs.send_headers(number, start + more)
        for piece in body:
            while piece:
                self.pass_on()
                most = min(self.theirs.local_flow_control_window(number), 16384)
                assert most > 0
                self.theirs.send_data(number, piece[:most])
                piece = piece[most:]
        if trailers:
            self.theirs.send_headers(number, trailers, end_stream=True)
        else:
            self.theirs.end_stream(number)
        self.pass_on()

    def we_send(self, number: int, message: object) -> None:
        _, body, trailers = message  # type: ignore[misc]
        for piece in body:
            self.ours.send_data(number, piece)
            self.pass_on()
        self.ours.send_end(number, hpack.encode(trailers) if trailers else b"")
        self.pass_on()

    def said_by_them(self, number: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Body and trailers that we heard."""
        mine = [event for event in self.heard if getattr(event, "stream", None) == number]
        trailers = [event.fields for event in mine if isinstance(event, Trailers)]
        return b"".join(event.data for event in mine if isinstance(event, Data)), list(trailers[0]) if trailers else []

    def said_by_us(self, number: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        body, trailers = b"", []
        for event in self.theirs_heard:
            if getattr(event, "stream_id", None) != number:
                continue
            if isinstance(event, h2.events.DataReceived):
                body += event.data
            elif isinstance(event, h2.events.TrailersReceived):
                trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
        assert any(isinstance(event, h2.events.StreamEnded) for event in self.theirs_heard)
        return body, trailers


def expected(message: object) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    _, body, trailers = message  # type: ignore[misc]
    return b"".join(body), trailers or []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(messages, messages), min_size=1, max_size=3))
def test_a_server_and_h2s_client(exchanges: list[tuple[object, object]]) -> None:
    pair = Pair(client=False)
    for index, (asked, answered) in enumerate(exchanges):
        number = 2 * index + 1
        pair.they_send(number, list(POST), asked)
        assert pair.said_by_them(number) == expected(asked)
        head = next(event for event in pair.heard if isinstance(event, Headers) and event.stream == number)
        plain = [b"%b: %b" % field for field in asked[0]]  # type: ignore[index]
        assert head.message.head.split(b"\r\n")[2:][: len(plain)] == plain  # type: ignore[union-attr]
        pair.ours.send_headers(number, hpack.encode([(b":status", b"200"), *answered[0]]))  # type: ignore[index]
        pair.we_send(number, answered)
        assert pair.said_by_us(number) == expected(answered)
    assert not pair.ours.streams


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(messages, messages), min_size=1, max_size=3))
def test_a_client_and_h2s_server(exchanges: list[tuple[object, object]]) -> None:
    pair = Pair(client=True)
    pair.pass_on()
    for asked, answered in exchanges:
        number = pair.ours.open(hpack.encode([*POST, *asked[0]]), False)  # type: ignore[index]
        pair.we_send(number, asked)
        assert pair.said_by_us(number) == expected(asked)
        pair.they_send(number, [(b":status", b"200")], answered)
        assert pair.said_by_them(number) == expected(answered)
        head = next(event for event in pair.heard if isinstance(event, Headers) and event.stream == number)
        assert list(head.message.fields) == answered[0]  # type: ignore[index,union-attr]
    assert not pair.ours.streams
