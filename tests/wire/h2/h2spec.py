"""h2spec's cases by its own names: what is sent, after the preface and empty settings, and what has to come of it.

`wants`: `ok` (the connection goes on and stream `asks`, if any, is a request), `ack`, `pong`, `c/CODE` (the connection
ends), `s/CODE` (the stream is reset, or the connection ends with that code).
"""

from __future__ import annotations

from dataclasses import dataclass

from wire.h2.peer import GET, POST, data, headers

from gwt.wire.h2 import frames, hpack
from gwt.wire.h2.frames import CONTINUATION, END_HEADERS, HEADERS, PADDED, PING, PRIORITY, frame


@dataclass(frozen=True)
class Case:
    """One case. `answered`: the request on stream 1 is answered before what is `after`."""

    name: str
    what: str
    wants: str
    sent: tuple[bytes, ...]
    after: tuple[bytes, ...] = ()
    started: bool = True


def _block(fields: object) -> bytes:
    return hpack.encode(fields)  # type: ignore[arg-type]


def _priority(number: int, on: int = 0, weight: int = 15) -> bytes:
    return frame(PRIORITY, 0, number, on.to_bytes(4) + bytes((weight,)))


def _with(*fields: tuple[bytes, bytes], base: tuple[tuple[bytes, bytes], ...] = GET) -> bytes:
    return headers(1, (*base, *fields))


def _without(name: bytes) -> bytes:
    return headers(1, tuple(field for field in GET if field[0] != name))


def _raw(block: bytes, number: int = 1) -> bytes:
    return frame(HEADERS, 5, number, block)


def _opened(number: int = 1, fields: object = POST) -> bytes:
    return frame(HEADERS, END_HEADERS, number, _block(fields))


def _begun(number: int = 1) -> bytes:
    """HEADERS without END_HEADERS."""
    return frame(HEADERS, 1, number, _block(GET))


def _reset(number: int = 1) -> bytes:
    return frames.reset(number, 8)


_DUMMY = tuple((b"x-dummy-%d" % i, b"1" * 200) for i in range(20))
_LENGTH = (b"content-length", b"1")
_TRAILER = (b"x-test", b"ok")
_A, _B, _C, _D = (b"\x82\x86\x84\x41\x01a", b"\x40\x01x\x01y", b"\x00\x01x\x01y", b"\x10\x01x\x01y")
_HUFFMAN_A = b"\x81\x1f"  # "a", coded
_LITERALS = [
    ("incremental indexing, indexed name", b"\x7a\x01y"),
    ("incremental indexing, indexed name, Huffman", b"\x7a" + _HUFFMAN_A), ("incremental indexing, new name", _B),
    ("incremental indexing, new name, Huffman", b"\x40" + _HUFFMAN_A + _HUFFMAN_A),
    ("without indexing, indexed name", b"\x0f\x2b\x01y"),
    ("without indexing, indexed name, Huffman", b"\x0f\x2b" + _HUFFMAN_A), ("without indexing, new name", _C),
    ("without indexing, new name, Huffman", b"\x00" + _HUFFMAN_A + _HUFFMAN_A),
    ("never indexed, indexed name", b"\x1f\x2b\x01y"),
    ("never indexed, indexed name, Huffman", b"\x1f\x2b" + _HUFFMAN_A), ("never indexed, new name", _D),
    ("never indexed, new name, Huffman", b"\x10" + _HUFFMAN_A + _HUFFMAN_A),
]  # fmt: skip

GENERIC = [
    Case("generic/1/1", "the preface", "ack", (frames.PREFACE + frames.settings([]),), started=False),
    Case("generic/2/1", "PRIORITY on an idle stream", "ok", (_priority(1), headers(1))),
    Case("generic/2/2", "WINDOW_UPDATE on a half-closed stream", "ok", (headers(1), frames.window(1, 1))),
    Case("generic/2/3", "PRIORITY on a half-closed stream", "ok", (headers(1), _priority(1))),
    Case("generic/2/4", "RST_STREAM on a half-closed stream", "ok", (headers(1), _reset(), headers(3))),
    Case("generic/2/5", "PRIORITY on a closed stream", "ok", (headers(1),), (_priority(1), headers(3))),
    Case("generic/3.1/1", "DATA", "ok", (_opened(), data(1, b"x", True))),
    Case("generic/3.1/2", "several DATA", "ok", (_opened(), data(1, b"x"), data(1, b"x", True))),
    Case("generic/3.1/3", "DATA with padding", "ok", (_opened(), data(1, b"\x02x\0\0", True, PADDED))),
    Case("generic/3.2/1", "HEADERS", "ok", (headers(1),)),
    Case("generic/3.2/2", "HEADERS with padding", "ok", (frame(HEADERS, 0xD, 1, b"\x02" + _block(GET) + b"\0\0"),)),
    Case("generic/3.2/3", "HEADERS with priority", "ok", (frame(HEADERS, 0x25, 1, bytes(4) + b"\xff" + _block(GET)),)),
    Case("generic/3.3/1", "PRIORITY with weight 1", "ok", (_priority(1, weight=0), headers(1))),
    Case("generic/3.3/2", "PRIORITY with weight 256", "ok", (_priority(1, weight=255), headers(1))),
    Case("generic/3.3/3", "PRIORITY with a dependency", "ok", (_priority(1), _priority(3, on=1), headers(1))),
    Case("generic/3.3/4", "PRIORITY, exclusive", "ok", (_priority(3, on=1 | 1 << 31), headers(1))),
    Case("generic/3.3/5", "PRIORITY on an idle stream, then HEADERS on a lower one", "ok", (_priority(5), headers(3))),
    Case("generic/3.4/1", "RST_STREAM", "ok", (_opened(), _reset(), headers(3))),
    Case("generic/3.5/1", "SETTINGS", "ack", (frames.settings([(3, 100)]),)),
    Case("generic/3.7/1", "PING", "pong", (frames.ping(b"h2spec\0\0"),)),
    Case("generic/3.8/1", "GOAWAY", "ok", (frames.goaway(0, 0),)),
    Case("generic/3.9/1", "WINDOW_UPDATE on the connection", "ok", (frames.window(0, 1), headers(1))),
    Case("generic/3.9/2", "WINDOW_UPDATE on a stream", "ok", (_opened(), frames.window(1, 1))),
    Case("generic/3.10/1", "CONTINUATION", "ok", (_begun(), frame(CONTINUATION, 4, 1, _block([_TRAILER])))),
    Case("generic/3.10/2", "several CONTINUATION", "ok", (
        _begun(), frame(CONTINUATION, 0, 1, _block([_TRAILER])), frame(CONTINUATION, 4, 1, _block([_TRAILER])))),
    Case("generic/4/1", "GET", "ok", (headers(1),)),
    Case("generic/4/2", "HEAD", "ok", (headers(1, ((b":method", b"HEAD"), *GET[1:])),)),
    Case("generic/4/3", "POST", "ok", (_opened(), data(1, b"test", True))),
    Case("generic/4/4", "POST with trailers", "ok", (
        _opened(), data(1, b"test"), frame(HEADERS, 5, 1, _block([_TRAILER])))),
    Case("generic/5/1", "an indexed field", "ok", (_raw(_A),)),
    *(Case(f"generic/5/{number}", f"a literal, {what}", "ok", (_raw(_A + block),))
      for number, (what, block) in enumerate(_LITERALS, 2)),
    Case("generic/5/14", "a size of the dynamic table", "ok", (_raw(b"\x20" + _A),)),
    Case("generic/5/15", "two sizes of the dynamic table", "ok", (_raw(b"\x20\x3f\xe1\x1f" + _A),)),
]  # fmt: skip

HTTP2 = [
    Case("http2/3.5/1", "the preface", "ack", (frames.PREFACE + frames.settings([]),), started=False),
    Case("http2/3.5/2", "an invalid preface", "c/PROTOCOL_ERROR", (b"INVALID CONNECTION PREFACE\r\n\r\n",),
         started=False),
    Case("http2/4.1/1", "a frame of unknown type", "pong", (frame(0x16, 0, 0, bytes(8)), frames.ping(bytes(8)))),
    Case("http2/4.1/2", "undefined flags", "pong", (frame(PING, 0x16, 0, bytes(8)),)),
    Case("http2/4.1/3", "the reserved bit", "pong", (frame(PING, 0, 1 << 31, bytes(8)),)),
    Case("http2/4.2/1", "DATA of 2^14 bytes", "ok", (_opened(), data(1, bytes(1 << 14), True))),
    Case("http2/4.2/2", "DATA larger than agreed on", "s/FRAME_SIZE_ERROR", (_opened(), data(1, bytes(16385)))),
    Case("http2/4.2/3", "HEADERS larger than agreed on", "c/FRAME_SIZE_ERROR", (_raw(_block(GET + _DUMMY * 5)),)),
    Case("http2/4.3/1", "an invalid field block", "c/COMPRESSION_ERROR", (_raw(b"\x00\x05"),)),
    Case("http2/4.3/2", "PRIORITY within a field block", "c/PROTOCOL_ERROR", (_begun(), _priority(1))),
    Case("http2/4.3/3", "HEADERS of another stream within a field block", "c/PROTOCOL_ERROR", (_begun(), headers(3))),
    Case("http2/5.1/1", "idle: DATA", "c/PROTOCOL_ERROR", (data(1, b"x", True),)),
    Case("http2/5.1/2", "idle: RST_STREAM", "c/PROTOCOL_ERROR", (_reset(),)),
    Case("http2/5.1/3", "idle: WINDOW_UPDATE", "c/PROTOCOL_ERROR", (frames.window(1, 100),)),
    Case("http2/5.1/4", "idle: CONTINUATION", "c/PROTOCOL_ERROR", (frame(CONTINUATION, 4, 1, _block(GET)),)),
    Case("http2/5.1/5", "half-closed (remote): DATA", "s/STREAM_CLOSED", (headers(1), data(1, b"x", True))),
    Case("http2/5.1/6", "half-closed (remote): HEADERS", "s/STREAM_CLOSED", (headers(1), headers(1))),
    Case("http2/5.1/7", "half-closed (remote): CONTINUATION", "c/PROTOCOL_ERROR", (
        headers(1), frame(CONTINUATION, 4, 1, b""))),
    Case("http2/5.1/8", "closed by RST_STREAM: DATA", "s/STREAM_CLOSED", (_opened(), _reset(), data(1, b"x"))),
    Case("http2/5.1/9", "closed by RST_STREAM: HEADERS", "s/STREAM_CLOSED", (_opened(), _reset(), headers(1))),
    Case("http2/5.1/10", "closed by RST_STREAM: CONTINUATION", "c/PROTOCOL_ERROR", (
        _opened(), _reset(), frame(CONTINUATION, 4, 1, b""))),
    Case("http2/5.1/11", "closed: DATA", "s/STREAM_CLOSED", (headers(1),), (data(1, b"x"),)),
    Case("http2/5.1/12", "closed: HEADERS", "c/STREAM_CLOSED", (headers(1),), (headers(1),)),
    Case("http2/5.1/13", "closed: CONTINUATION", "c/PROTOCOL_ERROR", (headers(1),), (frame(CONTINUATION, 4, 1, b""),)),
    Case("http2/5.1.1/1", "an even stream id", "c/PROTOCOL_ERROR", (headers(2),)),
    Case("http2/5.1.1/2", "a stream id below the last", "c/PROTOCOL_ERROR", (headers(5), headers(3))),
    Case("http2/5.1.2/1", "more streams than announced", "s/REFUSED_STREAM", tuple(headers(n) for n in (1, 3, 5, 7))),
    Case("http2/5.3.1/1", "HEADERS that depend on themselves", "s/PROTOCOL_ERROR", (
        frame(HEADERS, 0x25, 1, b"\0\0\0\1\xff" + _block(GET)),)),
    Case("http2/5.3.1/2", "PRIORITY that depends on itself", "s/PROTOCOL_ERROR", (_priority(1, on=1),)),
    Case("http2/5.4.1/1", "an invalid PING closes", "c/FRAME_SIZE_ERROR", (frame(PING, 0, 0, b"\0\0"),)),
    Case("http2/5.4.1/2", "an invalid PING is answered by GOAWAY", "c/FRAME_SIZE_ERROR", (frame(PING, 0, 0, b"\0\0"),)),
    Case("http2/5.5/1", "an unknown frame", "pong", (frame(0xF0, 0, 0, b"x"), frames.ping(bytes(8)))),
    Case("http2/5.5/2", "an unknown frame within a field block", "c/PROTOCOL_ERROR", (_begun(), frame(0xF0, 0, 0))),
    Case("http2/6.1/1", "DATA on stream 0", "c/PROTOCOL_ERROR", (_opened(), data(0, b"x"))),
    Case("http2/6.1/2", "DATA on a stream that takes none", "s/STREAM_CLOSED", (headers(1), data(1, b"x"))),
    Case("http2/6.1/3", "DATA, all padding and more", "c/PROTOCOL_ERROR", (_opened(), data(1, b"\x06xxxxx", flags=8))),
    Case("http2/6.2/1", "HEADERS without end, then PRIORITY", "c/PROTOCOL_ERROR", (_begun(), _priority(1))),
    Case("http2/6.2/2", "HEADERS without end, then of another stream", "c/PROTOCOL_ERROR", (_begun(), headers(3))),
    Case("http2/6.2/3", "HEADERS on stream 0", "c/PROTOCOL_ERROR", (headers(0),)),
    Case("http2/6.2/4", "HEADERS, all padding and more", "c/PROTOCOL_ERROR", (frame(HEADERS, 0xD, 1, b"\xff\x82"),)),
    Case("http2/6.3/1", "PRIORITY on stream 0", "c/PROTOCOL_ERROR", (_priority(0),)),
    Case("http2/6.3/2", "PRIORITY of other than 5 bytes", "s/FRAME_SIZE_ERROR", (
        _opened(), frame(PRIORITY, 0, 1, bytes(4)))),
    Case("http2/6.4/1", "RST_STREAM on stream 0", "c/PROTOCOL_ERROR", (_reset(0),)),
    Case("http2/6.4/2", "RST_STREAM on an idle stream", "c/PROTOCOL_ERROR", (_reset(1),)),
    Case("http2/6.4/3", "RST_STREAM of other than 4 bytes", "c/FRAME_SIZE_ERROR", (
        _opened(), frame(frames.RST_STREAM, 0, 1, bytes(3)))),
    Case("http2/6.5/1", "SETTINGS with ACK and a payload", "c/FRAME_SIZE_ERROR", (frame(4, 1, 0, b"x"),)),
    Case("http2/6.5/2", "SETTINGS on a stream", "c/PROTOCOL_ERROR", (frame(4, 0, 1, b""),)),
    Case("http2/6.5/3", "SETTINGS of no multiple of 6 bytes", "c/FRAME_SIZE_ERROR", (frame(4, 0, 0, bytes(3)),)),
    Case("http2/6.5.2/1", "ENABLE_PUSH of 2", "c/PROTOCOL_ERROR", (frames.settings([(2, 2)]),)),
    Case("http2/6.5.2/2", "an initial window above the most", "c/FLOW_CONTROL_ERROR", (
        frames.settings([(4, 1 << 31)]),)),
    Case("http2/6.5.2/3", "a frame size below the least", "c/PROTOCOL_ERROR", (frames.settings([(5, 16383)]),)),
    Case("http2/6.5.2/4", "a frame size above the most", "c/PROTOCOL_ERROR", (frames.settings([(5, 1 << 24)]),)),
    Case("http2/6.5.2/5", "an unknown setting", "pong", (frames.settings([(0xFF, 1)]), frames.ping(bytes(8)))),
    Case("http2/6.5.3/1", "a setting twice: the last counts", "ok", (
        frames.settings([(4, 100), (4, 1)]), headers(1))),
    Case("http2/6.5.3/2", "SETTINGS are acknowledged", "ack", (frames.settings([(1, 0)]),)),
    Case("http2/6.7/1", "PING", "pong", (frames.ping(b"h2spec\0\0"),)),
    Case("http2/6.7/2", "PING with ACK is not answered", "pong", (
        frames.ping(b"invalid\0", ack=True), frames.ping(b"h2spec\0\0"))),
    Case("http2/6.7/3", "PING on a stream", "c/PROTOCOL_ERROR", (frame(PING, 0, 1, bytes(8)),)),
    Case("http2/6.7/4", "PING of other than 8 bytes", "c/FRAME_SIZE_ERROR", (frame(PING, 0, 0, bytes(6)),)),
    Case("http2/6.8/1", "GOAWAY on a stream", "c/PROTOCOL_ERROR", (frame(7, 0, 1, bytes(8)),)),
    Case("http2/6.9/1", "the connection's window grows by 0", "c/PROTOCOL_ERROR", (frames.window(0, 0),)),
    Case("http2/6.9/2", "a stream's window grows by 0", "s/PROTOCOL_ERROR", (_opened(), frames.window(1, 0))),
    Case("http2/6.9/3", "WINDOW_UPDATE of other than 4 bytes", "c/FRAME_SIZE_ERROR", (frame(8, 0, 0, bytes(3)),)),
    Case("http2/6.9.1/1", "an initial window of 1", "ok", (frames.settings([(4, 1)]), headers(1))),
    Case("http2/6.9.1/2", "the connection's window above the most", "c/FLOW_CONTROL_ERROR", (
        frames.window(0, (1 << 31) - 1), frames.window(0, (1 << 31) - 1))),
    Case("http2/6.9.1/3", "a stream's window above the most", "s/FLOW_CONTROL_ERROR", (
        _opened(), frames.window(1, (1 << 31) - 1), frames.window(1, (1 << 31) - 1))),
    Case("http2/6.9.2/1", "the initial window changes within a request", "ok", (
        frames.settings([(4, 0)]), headers(1), frames.settings([(4, 1)]))),
    Case("http2/6.9.2/2", "a window below zero", "ok", (
        frames.settings([(4, 3)]), headers(1), frames.settings([(4, 2)]), frames.window(1, 2))),
    Case("http2/6.9.2/3", "an initial window above the most", "c/FLOW_CONTROL_ERROR", (
        frames.settings([(4, 1 << 31)]),)),
    Case("http2/6.10/1", "several CONTINUATION", "ok", (
        _begun(), frame(CONTINUATION, 0, 1, _block([_TRAILER])), frame(CONTINUATION, 4, 1, _block([_TRAILER])))),
    Case("http2/6.10/2", "CONTINUATION, then another frame", "c/PROTOCOL_ERROR", (
        _begun(), frame(CONTINUATION, 0, 1, _block([_TRAILER])), data(1, b"x"))),
    Case("http2/6.10/3", "CONTINUATION on stream 0", "c/PROTOCOL_ERROR", (_begun(), frame(CONTINUATION, 4, 0, b""))),
    Case("http2/6.10/4", "CONTINUATION after END_HEADERS", "c/PROTOCOL_ERROR", (
        _opened(), frame(CONTINUATION, 4, 1, b""))),
    Case("http2/6.10/5", "CONTINUATION after CONTINUATION with END_HEADERS", "c/PROTOCOL_ERROR", (
        _begun(), frame(CONTINUATION, 4, 1, b""), frame(CONTINUATION, 4, 1, b""))),
    Case("http2/6.10/6", "CONTINUATION after DATA", "c/PROTOCOL_ERROR", (
        _opened(), data(1, b"x"), frame(CONTINUATION, 4, 1, b""))),
    Case("http2/7/1", "GOAWAY with an unknown code", "pong", (frames.goaway(0, 0xFF), frames.ping(bytes(8)))),
    Case("http2/7/2", "RST_STREAM with an unknown code", "pong", (
        _opened(), frames.reset(1, 0xFF), frames.ping(bytes(8)))),
    Case("http2/8.1/1", "a second HEADERS without END_STREAM", "s/PROTOCOL_ERROR", (
        _opened(), frame(HEADERS, END_HEADERS, 1, _block([_TRAILER])))),
    Case("http2/8.1.2/1", "upper case in a name", "s/PROTOCOL_ERROR", (_with((b"X-TEST", b"ok")),)),
    Case("http2/8.1.2.1/1", "an unknown pseudo-field", "s/PROTOCOL_ERROR", (_with((b":test", b"ok")),)),
    Case("http2/8.1.2.1/2", "an answer's pseudo-field", "s/PROTOCOL_ERROR", (_with((b":status", b"200")),)),
    Case("http2/8.1.2.1/3", "a pseudo-field in trailers", "s/PROTOCOL_ERROR", (
        _opened(), headers(1, [(b":method", b"200")]))),
    Case("http2/8.1.2.1/4", "a pseudo-field after others", "s/PROTOCOL_ERROR", (
        headers(1, (*GET[:2], _TRAILER, *GET[2:])),)),
    Case("http2/8.1.2.2/1", "Connection", "s/PROTOCOL_ERROR", (_with((b"connection", b"keep-alive")),)),
    Case("http2/8.1.2.2/2", "TE that is not trailers", "s/PROTOCOL_ERROR", (_with((b"te", b"trailers, deflate")),)),
    Case("http2/8.1.2.3/1", "an empty path", "s/PROTOCOL_ERROR", (headers(1, (*GET[:2], (b":path", b""), GET[3])),)),
    Case("http2/8.1.2.3/2", "no method", "s/PROTOCOL_ERROR", (_without(b":method"),)),
    Case("http2/8.1.2.3/3", "no scheme", "s/PROTOCOL_ERROR", (_without(b":scheme"),)),
    Case("http2/8.1.2.3/4", "no path", "s/PROTOCOL_ERROR", (_without(b":path"),)),
    Case("http2/8.1.2.3/5", "two methods", "s/PROTOCOL_ERROR", (_with(GET[0]),)),
    Case("http2/8.1.2.3/6", "two schemes", "s/PROTOCOL_ERROR", (_with(GET[1]),)),
    Case("http2/8.1.2.3/7", "two paths", "s/PROTOCOL_ERROR", (_with(GET[2]),)),
    Case("http2/8.1.2.6/1", "Content-Length is not the body's", "s/PROTOCOL_ERROR", (
        _opened(1, (*POST, _LENGTH)), data(1, b"test", True))),
    Case("http2/8.1.2.6/2", "Content-Length is not that of several DATA", "s/PROTOCOL_ERROR", (
        _opened(1, (*POST, _LENGTH)), data(1, b"t"), data(1, b"est", True))),
    Case("http2/8.2/1", "PUSH_PROMISE", "c/PROTOCOL_ERROR", (frame(5, 4, 1, bytes(4) + _block(GET)),)),
]  # fmt: skip

HPACK = [
    Case("hpack/2.3.3/1", "an indexed field that is not in the table", "c/COMPRESSION_ERROR", (_raw(_A + b"\xc6"),)),
    Case("hpack/2.3.3/2", "a name that is not in the table", "c/COMPRESSION_ERROR", (_raw(_A + b"\x7f\x01\x01y"),)),
    Case("hpack/4.2/1", "a size of the table at the end", "c/COMPRESSION_ERROR", (_raw(_A + b"\x20"),)),
    Case("hpack/5.2/1", "Huffman padding of over 7 bits", "c/COMPRESSION_ERROR", (_raw(_A + b"\0\1x\x82\x1f\xff"),)),
    Case("hpack/5.2/2", "Huffman padding of zeros", "c/COMPRESSION_ERROR", (_raw(_A + b"\0\1x\x81\x18"),)),
    Case("hpack/5.2/3", "the end-of-string symbol", "c/COMPRESSION_ERROR", (_raw(_A + b"\0\1x\x84\xff\xff\xff\xff"),)),
    Case("hpack/6.1/1", "index 0", "c/COMPRESSION_ERROR", (_raw(_A + b"\x80"),)),
    Case("hpack/6.3/1", "a size of the table above its limit", "c/COMPRESSION_ERROR", (_raw(b"\x3f\xe2\x1f" + _A),)),
]  # fmt: skip

CASES = [*GENERIC, *HTTP2, *HPACK]
