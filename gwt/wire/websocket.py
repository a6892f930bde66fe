"""WebSocket (RFC 6455) as far as a tunnel needs it: the check of a handshake, and where one frame ends.

A tunnel passes bytes as they are. It follows their frames so that its own last word, a Close, is said between two.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: The status of a Close that says: whoever speaks is going down (7.4.1).
GOING_AWAY = 1001
_FINAL_CLOSE, _CLOSE = 0x88, 8
_MASKED, _LENGTH, _OPCODE = 0x80, 0x7F, 0x0F
#: Bytes of a head by its second byte; and those of the whole frame, where that byte tells (0: it does not).
_HEADS = tuple(2 + 4 * (byte >> 7) + {126: 2, 127: 8}.get(byte & _LENGTH, 0) for byte in range(256))
_WHOLE = tuple(head + (byte & _LENGTH) if byte & _LENGTH < 126 else 0 for byte, head in enumerate(_HEADS))

#: Frames of one read that are followed: whoever sends more in one is not told of an end, but costs nobody his turn.
_FOLLOWED, _LOST = 16384, 1 << 63


def accept_key(key: bytes) -> bytes:
    """What Sec-WebSocket-Accept must be for this Sec-WebSocket-Key."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def close_frame(status: int, mask: bytes = b"") -> bytes:
    """A Close frame. A client's is masked, with 4 random bytes; a server's is not."""
    said = status.to_bytes(2)
    if not mask:
        return bytes((_FINAL_CLOSE, len(said))) + said
    return bytes((_FINAL_CLOSE, _MASKED | len(said))) + mask + bytes(a ^ b for a, b in zip(said, mask, strict=False))


class Way:
    """One direction of a tunnel.

    `over`: our last frame has been said, and nothing follows it. `closed`: a Close of the peer's own has begun to pass.
    """

    __slots__ = ("_head", "_last", "_left", "closed", "over")

    def __init__(self) -> None:
        self.closed = self.over = False
        self._head = self._last = b""
        self._left = 0

    def passed(self, data: bytes) -> bytes:
        """What goes on of `data`, with our last frame where its turn has come."""
        if self.over:
            return b""
        if not self._last:
            self._follow(data)
            return data
        end = self._first_end(data)
        if end < 0:
            return data
        self.over = True
        return data[:end] if self.closed else data[:end] + self._last

    def end(self, last: bytes) -> bytes:
        """Have `last` be the last frame: what of it can be said now. The rest is for `passed`."""
        if self.over or self._last:
            return b""
        self._last = last
        if self._left or self._head:
            return b""
        self.over = True
        return b"" if self.closed else last

    def _first_end(self, data: bytes) -> int:
        """Where in `data` the frame ends that has begun before; -1: not here."""
        at = 0
        while self._head or not self._left:  # its head is not complete: take of `data` until it is
            if at == len(data):
                return -1
            self._follow(data[at : at + 1])
            at += 1
            if not self._head and not self._left:
                return at
        left = self._left
        self._follow(data[at : at + left])
        return at + left if left <= len(data) - at else -1

    def _follow(self, data: bytes) -> None:
        """See where in a frame the end of `data` is. Hot: a read may hold thousands of frames."""
        size, at = len(data), self._left
        if at >= size:
            self._left = at - size
            return
        if self._head:
            data = self._head + data
            size = len(data)
        whole, closed, most = _WHOLE, self.closed, _FOLLOWED
        while size - at >= 2:
            most -= 1
            if not most:
                at = _LOST
                break
            second = data[at + 1]
            closed = closed or data[at] & _OPCODE == _CLOSE
            step = whole[second]
            if not step:
                head = _HEADS[second]
                if size - at < head:
                    break
                step = head + int.from_bytes(data[at + 2 : at + (4 if second & _LENGTH == 126 else 10)])
            at += step
        self.closed = closed
        self._head = data[at:] if at < size else b""
        self._left = at - size if at > size else 0
