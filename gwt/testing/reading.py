"""Messages of HTTP/1.1 as both ends of a test see them: requests at the upstream, answers at the client.

A reader of its own, not that of the gateway: what one of them gets wrong the other must not forgive. It reads what is
well-formed and raises AssertionError for all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Pairs = Sequence[tuple[bytes, bytes]]


class Headers(Mapping[str, str]):
    """Header fields by name, in any case; several of one name are joined by `, `. `pairs` are as they came."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = tuple(pairs)

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        lower = name.lower().encode("latin-1")
        return [value.decode("latin-1") for key, value in self.pairs if key.lower() == lower]

    def __getitem__(self, name: str) -> str:
        found = self.all(name)
        if not found:
            raise KeyError(name)
        return ", ".join(found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.lower().decode("latin-1") for key, _ in self.pairs))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"Headers({dict(self)})"


NONE = Headers(())


@dataclass(frozen=True)
class Seen:
    """One complete request as an upstream saw it. `path` is without the query, `query` None where there is no `?`."""

    method: str
    path: str
    query: str | None
    headers: Headers
    body: bytes
    trailers: Headers = NONE

    @property
    def target(self) -> str:
        """Path and query, as they stood in the request line."""
        return self.path if self.query is None else f"{self.path}?{self.query}"


class Reading(NamedTuple):
    """One final answer as a client reads it. `complete`: its end is there; `used` bytes are its, with interim ones."""

    status: int
    headers: Headers
    body: bytes
    trailers: Headers
    complete: bool
    used: int
    interim: tuple[int, ...]


def read_request(data: bytes) -> tuple[Seen, bytes] | None:
    """The first request of `data` and what follows it; None while it is not complete."""
    block, mark, rest = data.partition(b"\r\n\r\n")
    if not mark:
        return None
    line, *lines = block.split(b"\r\n")
    method, target, version = line.split(b" ")
    assert version == b"HTTP/1.1", line
    headers = Headers(tuple(_fields(lines)))
    trailers = NONE
    lengths, coded = headers.all("content-length"), headers.get("transfer-encoding")
    assert len(lengths) <= 1 and not (lengths and coded), f"the framing of a request is ambiguous: {headers}"
    if coded is not None:
        found = _chunks(rest)
        if found is None:
            return None
        body, trailers, rest = found
    else:
        length = int(lengths[0]) if lengths else 0
        if len(rest) < length:
            return None
        body, rest = rest[:length], rest[length:]
    path, question, query = target.decode("latin-1").partition("?")
    return Seen(method.decode(), path, query if question else None, headers, body, trailers), rest


def read_reply(data: bytes, head: bool, ended: bool) -> Reading | None:
    """The first final answer of `data`; None while its head is not there. `head`: to a HEAD; `ended`: no more comes."""
    at, interim = 0, []
    while True:
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return None
        line, *lines = data[at:end].split(b"\r\n")
        version, number, _ = line.split(b" ", 2)
        assert version == b"HTTP/1.1", line
        status, at = int(number), end + 4
        if status >= 200 or status == 101:
            break
        interim.append(status)
    headers = Headers(tuple(_fields(lines)))
    body, trailers, complete, used = _body(data[at:], headers, head or status in (204, 304), ended)
    return Reading(status, headers, body, trailers, complete, at + used, tuple(interim))


def _body(data: bytes, headers: Headers, none: bool, ended: bool) -> tuple[bytes, Headers, bool, int]:
    lengths, coded = headers.all("content-length"), headers.get("transfer-encoding")
    assert len(lengths) <= 1 and not (lengths and coded), f"the framing of an answer is ambiguous: {headers}"
    if none:
        return b"", NONE, True, 0
    if coded is not None:
        found = _chunks(data)
        if found is None:
            return _begun(data), NONE, False, len(data)
        return found[0], found[1], True, len(data) - len(found[2])
    if not lengths:
        return data, NONE, ended, len(data)
    length = int(lengths[0])
    return data[:length], NONE, len(data) >= length, length


def _chunks(data: bytes) -> tuple[bytes, Headers, bytes] | None:
    """The body, the trailers and what follows; None while they are not complete."""
    pieces = []
    while True:
        line, mark, data = data.partition(b"\r\n")
        if not mark:
            return None
        size = int(line.partition(b";")[0], 16)
        if not size:
            break
        if len(data) < size + 2:
            return None
        assert data[size : size + 2] == b"\r\n", "a chunk is longer than it says"
        pieces.append(data[:size])
        data = data[size + 2 :]
    lines: list[bytes] = []
    while True:
        line, mark, data = data.partition(b"\r\n")
        if not mark:
            return None
        if not line:
            return b"".join(pieces), Headers(tuple(_fields(lines))), data
        lines.append(line)


def _begun(data: bytes) -> bytes:
    """What is there of a body in chunks that has no end."""
    pieces: list[bytes] = []
    while True:
        line, mark, data = data.partition(b"\r\n")
        if not mark:
            return b"".join(pieces)
        size = int(line.partition(b";")[0], 16)
        pieces.append(data[:size])
        data = data[size + 2 :]


def _fields(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for line in lines:
        name, colon, value = line.partition(b":")
        assert colon and name and name == name.strip(), f"no header: {line!r}"
        yield name, value.strip(b" \t")


def cut(data: bytes, lengths: Sequence[int]) -> list[bytes]:
    """`data` in pieces of these lengths, the rest in one; none of them empty."""
    pieces, at = [], 0
    for length in lengths:
        pieces.append(data[at : at + length])
        at += length
    return [piece for piece in (*pieces, data[at:]) if piece]
