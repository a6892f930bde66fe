"""Messages: a request's field list as the head that HTTP/1.1 would have, an answer's field lines as a field list.

One set of rules says what a request may be, whatever it came by: `gwt.wire.request` reads what is made here. Nothing
in it can end a line, name another host or frame a body: `gwt.wire.h2.fields` has seen to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gwt.wire.h2 import hpack
from gwt.wire.h2.faults import Malformed
from gwt.wire.h2.fields import check_answer, check_request, check_trailers, content_length
from gwt.wire.h2.hpack import Field, Fields
from gwt.wire.names import NOT_IN_ANSWERS, trailer_lines
from gwt.wire.response import CHUNKED, ResponseHead

#: A list of at most this many bytes is remembered.
_REMEMBERED = 4096
#: The one protocol that an extended CONNECT may ask for (RFC 8441).
WEBSOCKET = b"websocket"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its `head` without the last CRLF, and framing only where Content-Length was said (`length`).

    `fields` is how many there are (a cookie in pieces is one), `protocol` what an extended CONNECT asks for: a
    `websocket` is a GET, as it is over HTTP/1.1, that still needs its Upgrade and a key.
    """

    method: bytes
    head: bytes
    length: int | None
    fields: int
    protocol: bytes | None


#: A request whose head is too large to be read.
UNREAD = Asked(b"", b"", None, 0, None)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: its status, its fields, and what Content-Length says.

    `begun` is it as HTTP/1.1 would have it, with a body behind it, and `whole` without one; nobody changes them.
    """

    status: int
    fields: tuple[Field, ...]
    length: int | None
    begun: ResponseHead
    whole: ResponseHead


def request_of(fields: Fields, size: int) -> Asked:
    """What is asked. Raises Malformed. `size`: bytes of the fields, as lines. Hot: what came before is remembered."""
    return _request_remembered(fields) if size <= _REMEMBERED else _request_of(fields)


def _request_of(fields: Fields) -> Asked:
    pseudo, others = check_request(fields)
    method, authority = pseudo[b":method"], pseudo[b":authority"]
    path, protocol = pseudo.get(b":path", authority), pseudo.get(b":protocol")
    if protocol == WEBSOCKET:
        method = b"GET"
        others = [field for field in others if field[0] != b"sec-websocket-key"]
    lines = [b"%b %b HTTP/1.1\r\nHost: %b" % (method, path, authority)]
    crumbs: list[bytes] = []
    for name, value in others:
        if name != b"cookie":
            lines.append(b"%b: %b" % (name, value))
        elif value:
            crumbs.append(value)
    if crumbs:
        lines.append(b"cookie: " + b"; ".join(crumbs))
    head = b"\r\n".join(lines)
    return Asked(method, head, content_length(others), len(lines), protocol)


_request_remembered = lru_cache(maxsize=512)(_request_of)


def answer_of(fields: Fields, size: int) -> Answered:
    """What is answered. Raises Malformed. `size` and what is remembered: as of `request_of`."""
    return _answer_remembered(fields) if size <= _REMEMBERED else _answer_of(fields)


def _answer_of(fields: Fields) -> Answered:
    status, others = check_answer(fields)
    length = content_length(others)
    dropped = _NO_BODY if status < 200 or status == 204 else _NO_ANSWER
    lines = b"".join([b"%b: %b\r\n" % field for field in others if field[0] not in dropped])
    length = None if dropped is _NO_BODY else length
    heads = [_head(status, lines, length, framing) for framing in (CHUNKED, 0)]
    return Answered(status, tuple(others), length, *heads)


def _head(status: int, lines: bytes, length: int | None, framing: int) -> ResponseHead:
    head = ResponseHead()
    head.status, head.fields, head.declared, head.length = status, lines, length, framing
    return head


#: What is not passed on of an answer; RFC 9110 8.6: nor is a length where there is no body.
_NO_ANSWER = NOT_IN_ANSWERS
_NO_BODY = NOT_IN_ANSWERS | {b"content-length"}
_answer_remembered = lru_cache(maxsize=512)(_answer_of)


def trailers_of(fields: Fields, size: int) -> tuple[Fields, tuple[bytes, ...]]:
    """A trailer section: its fields, and the lines that may be passed on. Raises Malformed.

    `size` as of `request_of`.
    """
    return _trailers_remembered(fields) if size <= _REMEMBERED else _trailers_of(fields)


def _trailers_of(fields: Fields) -> tuple[Fields, tuple[bytes, ...]]:
    checked = check_trailers(fields)
    return tuple(checked), tuple(trailer_lines([b"%b: %b" % field for field in checked]) or ())


_trailers_remembered = lru_cache(maxsize=512)(_trailers_of)


def checked_length(said: int | None, ended: bool) -> int | None:
    """What is still to come of a body, as Content-Length says it. Raises Malformed where nothing will come."""
    if ended and said:
        raise Malformed("Content-Length for a body that is not there")
    return said


# -- the way out

#: HTTP/1.1's own fields; the others of a head that its parser has let pass may go as they are.
_DROPPED = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te"))


def answer_block(status: int, lines: bytes) -> bytes:
    """The field block of an answer. `lines` are field lines, each with its CRLF. Hot."""
    return _status(status) + lines_block(lines)


def request_start(method: bytes, scheme: bytes, authority: bytes, path: bytes) -> bytes:
    """The pseudo-fields of a request."""
    start = _start(method, scheme, authority)
    return start + (_path(path) if len(path) <= _SHORT_PATH else hpack.fresh_line(b":path", path))


@lru_cache(maxsize=512)
def _start(method: bytes, scheme: bytes, authority: bytes) -> bytes:
    pseudo = ((b":method", method), (b":scheme", scheme), (b":authority", authority))
    return b"".join([hpack.fresh_line(*field) for field in pseudo])


#: Paths of at most this many bytes are remembered.
_SHORT_PATH = 64


@lru_cache(maxsize=1024)
def _path(path: bytes) -> bytes:
    return hpack.fresh_line(b":path", path)


def lines_block(lines: bytes) -> bytes:
    """Field lines, each with its CRLF, in HPACK. What comes again and again is remembered as a whole."""
    return _lines_remembered(lines) if len(lines) <= _SHORT_LINES else _lines_block(lines)


def _lines_block(lines: bytes) -> bytes:
    return b"".join([_line(line) for line in lines.split(b"\r\n")])


#: Lines of together at most this many bytes are remembered.
_SHORT_LINES = 1024
_lines_remembered = lru_cache(maxsize=512)(_lines_block)


def trailer_block(lines: list[bytes]) -> bytes:
    """The field block of a trailer section, of lines without their CRLF."""
    return b"".join([_line(line) for line in lines])


@lru_cache(maxsize=512)
def _status(status: int) -> bytes:
    return hpack.line(b":status", b"%d" % status)


def _line(line: bytes) -> bytes:
    return _line_remembered(line) if len(line) <= 256 else _line_of(line)


def _line_of(line: bytes) -> bytes:
    """One field line in HPACK; nothing for an empty one."""
    name, colon, value = line.partition(b":")
    name = name.lower()
    return hpack.line(name, value.strip(b" \t")) if colon and name not in _DROPPED else b""


_line_remembered = lru_cache(maxsize=4096)(_line_of)
