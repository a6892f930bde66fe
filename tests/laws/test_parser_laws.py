"""Laws of reading requests: any split gives the same, and nothing malformed reaches an upstream.

h11 is the independent judge: of what an upstream receives (it raises in the test), and of what the client sent, which
must be the same messages, up to the request that was refused.
"""

from __future__ import annotations

import re
from itertools import pairwise

import h11
from edge.cases import CASES
from edge.rig import Rig, Seen
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gwt.wire.chunked import BadChunk, Decoder, encode, last

SHORT = [case.raw for case in CASES if len(case.raw) < 600]
#: Bytes that parsers have been known to stumble over.
ODD = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"\x0b", b"\x0c", b"\x7f", b"\x85", b"\xa0",
       b"\xff", b"\r\n\r\n", b"0\r\n\r\n", b"Host: b\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n",
       b"transfer-encoding : chunked\r\n", b"Connection: close\r\n", b"HTTP/1.0", b"%2e", b"..", b"//", b"\\", b"#",
       b"GET / HTTP/1.1\r\nHost: c\r\n\r\n", b"-", b"+", b"_", b"0x", b"1" * 20, b'"', b"@", b"[", b"]"]  # fmt: skip

#: RFC 9112 7.1.1 has recipients read this space before a chunk's extension; h11 does not.
_BAD_SPACE = re.compile(rb"(?m)^([0-9A-Fa-f]+)[ \t]+;").sub

raws = st.sampled_from(SHORT)
oddities = st.one_of(st.sampled_from(ODD), st.binary(min_size=1, max_size=3))


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A request of the corpus (or two in a row) with some bytes put in, taken out, replaced or doubled."""
    raw = b"".join(draw(st.lists(raws, min_size=1, max_size=2)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.integers(0, 4)))
        kind = draw(st.sampled_from("+-=2"))
        if kind == "+":
            raw = raw[:at] + draw(oddities) + raw[at:]
        elif kind == "-":
            raw = raw[:at] + raw[end:]
        elif kind == "=":
            raw = raw[:at] + draw(oddities) + raw[end:]
        else:
            raw = raw[:end] + raw[at:]
    return raw


def meant(raw: bytes) -> list[Seen]:
    """The complete requests that h11 reads before it stops, each on a connection of its own."""
    found: list[Seen] = []
    rest = _BAD_SPACE(rb"\1;", raw)
    while rest:
        judge = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        judge.receive_data(rest.lstrip(b"\r\n"))
        seen = first_of(judge)
        if seen is None:
            return found
        found.append(seen)
        rest = judge.trailing_data[0]
    return found


def first_of(judge: h11.Connection) -> Seen | None:
    """The first request, if it is complete."""
    now: Seen | None = None
    try:
        while True:
            event = judge.next_event()
            if isinstance(event, h11.Request):
                now = Seen(event.method, event.target, [])
            elif isinstance(event, h11.Data) and now is not None:
                now.body += event.data
            else:
                return now if isinstance(event, h11.EndOfMessage) else None
    except h11.ProtocolError:
        return None


def outcome(rig: Rig) -> tuple[object, ...]:
    """What does not depend on how the bytes came."""
    answers = [] if rig.raw_head else rig.answers()  # type: ignore[attr-defined]
    seen = [(s.method, s.target, s.header(b"host"), s.body, s.trailers) for s in rig.seen]
    return seen, [got.status for got in answers], rig.wire.ended


def fed(*pieces: bytes) -> Rig:
    rig = Rig()
    rig.raw_head = b"HEAD" in b"".join(pieces)  # type: ignore[attr-defined]  # answers can't be read without knowing
    return rig.send(*pieces)


@given(mutants())
@settings(max_examples=400, deadline=None)
def test_what_is_forwarded_is_what_was_meant(raw: bytes) -> None:
    forwarded = fed(raw).seen
    wanted = meant(raw)
    assert len(forwarded) <= len(wanted), (raw, forwarded)
    for ours, theirs in zip(forwarded, wanted, strict=False):
        assert (ours.method, ours.body) == (theirs.method, theirs.body)


@given(mutants(), st.lists(st.integers(0, 700), min_size=1, max_size=6))
@settings(max_examples=400, deadline=None)
@example(b"\r" + b"\n\r\n" * 5, [1])
@example(b"\r\n\r\n\r\n\r\n\r\n", [2, 4, 6, 8])
def test_any_split_gives_the_same(raw: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(raw)]
    pieces = [raw[a:b] for a, b in pairwise(places) if raw[a:b]]
    assert outcome(fed(*pieces)) == outcome(fed(raw))


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    rig = fed(noise)
    assert not rig.seen or meant(noise)


@given(st.lists(st.binary(min_size=1, max_size=50)), st.lists(st.integers(0, 400), max_size=5), st.booleans())
def test_chunks_come_back_as_they_were_sent(parts: list[bytes], cuts: list[int], with_trailer: bool) -> None:
    trailers = [b"X-T: v"] if with_trailer else []
    coded = b"".join(map(encode, parts)) + last(trailers) + b"next"
    decoder, read, places = Decoder(), b"", [0, *sorted(cuts), len(coded)]
    for a, b in pairwise(places):
        if coded[a:b] and not decoder.done:
            read += decoder.feed(coded[a:b])
            where = b
    assert decoder.done and read == b"".join(parts) and decoder.trailers == trailers
    assert decoder.rest + coded[min(where, len(coded)) :] == b"next"


@given(st.binary(max_size=60), st.integers(0, 60))
@settings(max_examples=500)
def test_what_is_no_chunk_whole_is_none_in_pieces(coded: bytes, cut: int) -> None:
    def decoded(*pieces: bytes) -> object:
        decoder, read = Decoder(), b""
        try:
            for piece in pieces:
                if piece and not decoder.done:
                    read += decoder.feed(piece)
        except BadChunk:
            return "refused"
        return read, decoder.done

    assert decoded(coded[:cut], coded[cut:]) == decoded(coded)
