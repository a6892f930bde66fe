"""HPACK (RFC 7541): field blocks read with a dynamic table, and written without one.

What is written refers to the static table alone: a line is then always written alike, whatever was written before, so
that it is written once and remembered. What is read is remembered too, for as long as the dynamic table stays as it
is: from a client's second request on, most blocks are those of the one before.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

from gwt.wire.h2 import huffman
from gwt.wire.h2.faults import Code, ConnectionFault

Field = tuple[bytes, bytes]
Fields = tuple[Field, ...]

#: RFC 7541 appendix A, from index 1 on.
_STATIC: Fields = tuple(
    (name, value)
    for name, _, values in (
        line.partition(b" ")
        for line in (
            b":authority", b":method GET POST", b":path / /index.html", b":scheme http https",
            b":status 200 204 206 304 400 404 500", b"accept-charset", b"accept-encoding gzip,_deflate",
            b"accept-language", b"accept-ranges", b"accept", b"access-control-allow-origin", b"age", b"allow",
            b"authorization", b"cache-control", b"content-disposition", b"content-encoding", b"content-language",
            b"content-length", b"content-location", b"content-range", b"content-type", b"cookie", b"date", b"etag",
            b"expect", b"expires", b"from", b"host", b"if-match", b"if-modified-since", b"if-none-match", b"if-range",
            b"if-unmodified-since", b"last-modified", b"link", b"location", b"max-forwards", b"proxy-authenticate",
            b"proxy-authorization", b"range", b"referer", b"refresh", b"retry-after", b"server", b"set-cookie",
            b"strict-transport-security", b"transfer-encoding", b"user-agent", b"vary", b"via", b"www-authenticate",
        )
    )
    for value in ([one.replace(b"_", b" ") for one in values.split(b" ")] if values else [b""])
)  # fmt: skip
_STATIC_SIZE = len(_STATIC)
_WHOLE = {pair: index for index, pair in reversed(list(enumerate(_STATIC, 1)))}
_NAMED = {name: index for index, (name, _) in reversed(list(enumerate(_STATIC, 1)))}

#: What a field counts besides its bytes (RFC 7541 4.1).
_OVERHEAD = 32
#: And as a line of HTTP/1.1: colon, blank, CRLF.
_AS_LINE = 4
TABLE_SIZE = 4096
#: Blocks of a connection that are remembered, and how large a list may be for it.
_REMEMBERED, _REMEMBERED_SIZE = 16, 4096
_MOST_BITS = 28


def broken(message: str) -> ConnectionFault:
    """What comes after a block that could not be read, could not be read either."""
    return ConnectionFault(Code.COMPRESSION_ERROR, message)


class Decoder:
    """Reads the field blocks of one connection, in order.

    A list whose fields, each with 32 bytes more, are larger than `most`, or that has more than `count` of them, is
    ConnectionFault ENHANCE_YOUR_CALM; what can't be read is COMPRESSION_ERROR. Each field is counted as it is read: a
    block that refers to a large field again and again costs no more than `most`. `size` is that of the last list, as
    lines of HTTP/1.1; `fresh`: its block had to be read, and was not remembered.
    """

    __slots__ = ("_changed", "_count", "_limit", "_most", "_seen", "_size", "_table", "fresh", "size")

    def __init__(self, most: int, count: int = 1 << 20) -> None:
        self._most, self._count = most, count
        self._table: deque[Field] = deque()
        self._size, self._limit = 0, TABLE_SIZE
        self._changed = False
        self._seen: dict[bytes, tuple[Fields, int]] = {}
        self.size = 0
        self.fresh = False

    def decode(self, block: bytes) -> Fields:
        """Names and values. Cached, where the same block came since the table changed. Hot."""
        seen = self._seen.get(block)
        if seen is not None:
            fields, self.size = seen
            self.fresh = False
            return fields
        self.fresh = True
        try:
            fields, size = self._decode(block)
        except IndexError:
            raise broken("a field block ends within a field") from None
        self.size = size - len(fields) * (_OVERHEAD - _AS_LINE)
        if self._changed:
            self._changed = False
            self._seen.clear()
        elif size <= _REMEMBERED_SIZE:
            if len(self._seen) == _REMEMBERED:
                del self._seen[next(iter(self._seen))]
            self._seen[block] = fields, self.size
        return fields

    def _decode(self, block: bytes) -> tuple[Fields, int]:
        at = size = 0
        fields: list[Field] = []
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = _integer(block, at, 0x7F)
                field = self._at(index)
            elif first & 0x40:
                field, at = self._literal(block, at, 0x3F)
                self._insert(field)
            elif first & 0x20:
                at = self._resize(block, at, bool(fields))
                continue
            else:
                field, at = self._literal(block, at, 0x0F)
            fields.append(field)
            size += len(field[0]) + len(field[1]) + _OVERHEAD
            if size > self._most or len(fields) > self._count:
                raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "a field list is larger than was agreed on")
        return tuple(fields), size

    def _at(self, index: int) -> Field:
        if 0 < index <= _STATIC_SIZE:
            return _STATIC[index - 1]
        index -= _STATIC_SIZE + 1
        if not 0 <= index < len(self._table):
            raise broken("a field block refers to a field that is not in the table")
        return self._table[index]

    def _literal(self, block: bytes, at: int, mask: int) -> tuple[Field, int]:
        index, at = _integer(block, at, mask)
        if index:
            name = self._at(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return (name, value), at

    def _insert(self, field: Field) -> None:
        self._changed = True
        self._table.appendleft(field)
        self._size += len(field[0]) + len(field[1]) + _OVERHEAD
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + _OVERHEAD

    def _resize(self, block: bytes, at: int, late: bool) -> int:
        limit, at = _integer(block, at, 0x1F)
        if late or limit > TABLE_SIZE:
            raise broken("a size of the dynamic table that is too large, or in the midst of a field block")
        self._limit, self._changed = limit, True
        self._evict()
        return at


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """RFC 7541 5.1, and where the next thing begins. None that anybody needs has more than 28 bits."""
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift >= _MOST_BITS:
            raise broken("an integer in a field block is too large")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    coded = block[at] & 0x80
    size, at = _integer(block, at, 0x7F)
    end = at + size
    if end > len(block):
        raise IndexError
    if not coded:
        return block[at:end], end
    try:
        return huffman.decode(block[at:end]), end
    except ValueError as error:
        raise broken(str(error)) from None


# -- writing

#: A block that begins with this tells that the dynamic table holds nothing and never will.
NO_TABLE = b"\x20"


def encode(fields: Fields | list[Field]) -> bytes:
    """A field block, with names in lower case already."""
    return b"".join([line(name, value) for name, value in fields])


def line(name: bytes, value: bytes) -> bytes:
    """One field. Those that carry secrets are marked as never to be indexed (RFC 7541 7.1.3)."""
    return _line(name, value) if len(name) + len(value) <= 256 else _write(name, value)


def fresh_line(name: bytes, value: bytes) -> bytes:
    """As `line`, for what is not worth remembering."""
    return _write(name, value)


def prefix(name: bytes) -> bytes:
    """What stands before the value of a field `name` that has no entry in the static table: see `valued`."""
    return b"\x00" + _number(0, 0x7F, len(name)) + name


def valued(prefix: bytes, value: bytes) -> bytes:
    """A field by its `prefix`, with a value that is another each time. Hot."""
    size = len(value)
    return prefix + (bytes((size,)) if size < 0x7F else _number(0, 0x7F, size)) + value


def _write(name: bytes, value: bytes) -> bytes:
    whole = _WHOLE.get((name, value))
    if whole is not None:
        return bytes((0x80 | whole,))
    kind = 0x10 if name in _SECRET else 0x00
    index = _NAMED.get(name)
    start = _number(kind, 0x0F, index) if index else bytes((kind,)) + _number(0, 0x7F, len(name)) + name
    return start + _number(0, 0x7F, len(value)) + value


_line = lru_cache(maxsize=4096)(_write)
_SECRET = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))


def _number(kind: int, mask: int, value: int) -> bytes:
    if value < mask:
        return bytes((kind | value,))
    out = bytearray((kind | mask,))
    value -= mask
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
