"""The first message of a TLS connection, read for the server's name and passed on untouched (RFC 8446, RFC 6066 3).

Only what leads to the name is read; cipher suites, versions and extensions that nobody knows (GREASE) are skipped.
"""

from __future__ import annotations

import re
from typing import Final

#: Bytes of the message, and of the records that carry it with their headers.
MAX_HELLO: Final = 16 * 1024
MAX_RECORDS: Final = 24 * 1024

_HANDSHAKE, _MAJOR, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 3, 1, 0, 0
_NAME = re.compile(rb"(?=.{1,254}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*+\.?", re.S).fullmatch


class BadHello(ValueError):
    """TLS records that are no ClientHello, or a larger one than anybody needs; its text says why."""


class HelloReader:
    """Fed with what a client sends; costs what is fed, however small the pieces.

    Once `done`: `tls` says whether it speaks TLS, `name` is the server's name in lower case, None where none was said.
    `received` is everything that was fed.
    """

    __slots__ = ("_at", "_left", "_message", "done", "name", "received", "tls")

    def __init__(self) -> None:
        self.done = False
        self.tls = True
        self.name: bytes | None = None
        self.received = bytearray()
        self._message = bytearray()
        self._at = self._left = 0  # where the next byte to be read is; how many are left of the record

    def feed(self, data: bytes) -> bool:
        """Take `data`; whether that was enough. Raises BadHello."""
        received = self.received
        received += data
        if received and received[0] != _HANDSHAKE:
            self.tls, self.done = False, True
        while not self.done:
            if not self._left and not self._next_record():
                break
            piece = received[self._at : self._at + self._left]
            if not piece:
                break
            self._at += len(piece)
            self._left -= len(piece)
            self._message += piece
            self._look()
        return self.done

    def _next_record(self) -> bool:
        at, received = self._at, self.received
        if len(received) < at + 5:
            return False
        if received[at] != _HANDSHAKE or received[at + 1] != _MAJOR:
            raise BadHello("a record that is no handshake")
        self._left = int.from_bytes(received[at + 3 : at + 5])
        self._at = at + 5
        if not self._left or self._at + self._left > MAX_RECORDS:
            raise BadHello("a record that is empty, or too large for a ClientHello")
        return True

    def _look(self) -> None:
        message = self._message
        if message[0] != _CLIENT_HELLO:
            raise BadHello("another message than a ClientHello")
        if len(message) < 4:
            return
        size = int.from_bytes(message[1:4])
        if size > MAX_HELLO:
            raise BadHello(f"a ClientHello of {size} bytes")
        if len(message) >= 4 + size:
            self.name = server_name(bytes(message[4 : 4 + size]))
            self.done = True


class _Cursor:
    """Takes vectors off bytes; BadHello where they are cut off."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def take(self, size: int) -> bytes:
        piece = self._data[self.at : self.at + size]
        if len(piece) < size:
            raise BadHello("a ClientHello that is cut off")
        self.at += size
        return piece

    def vector(self, width: int) -> bytes:
        """What follows its length, which is `width` bytes."""
        return self.take(int.from_bytes(self.take(width)))

    @property
    def more(self) -> bool:
        return self.at < len(self._data)


def server_name(body: bytes) -> bytes | None:
    """The name in the body of a ClientHello, None where there is none. Raises BadHello."""
    cursor = _Cursor(body)
    cursor.take(2 + 32)  # version, random
    cursor.vector(1)  # session
    cursor.vector(2)  # cipher suites
    cursor.vector(1)  # compression
    if not cursor.more:
        return None
    extensions = _Cursor(cursor.vector(2))
    if cursor.more:
        raise BadHello("bytes behind the extensions")
    found: list[bytes] = []
    while extensions.more:
        kind, content = int.from_bytes(extensions.take(2)), extensions.vector(2)
        if kind == _SERVER_NAME:
            found.append(_host_name(content))
    if len(found) > 1:
        raise BadHello("several server names")
    return found[0] if found else None


def _host_name(content: bytes) -> bytes:
    outer = _Cursor(content)
    entries = _Cursor(outer.vector(2))
    kind = entries.take(1)[0]
    name = entries.vector(2).lower()
    if outer.more or entries.more or kind != _HOST_NAME:
        raise BadHello("another server name than one host")
    if not _NAME(name):
        raise BadHello("a server name that is no host name")
    return name.removesuffix(b".")
