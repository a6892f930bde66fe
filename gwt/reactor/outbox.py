"""Descriptors that leave over a UNIX socket, each with one byte of what is written after it.

uvloop can't send descriptors, so while some wait, a stream collects its bytes here, and they leave
by `sendmsg`, not before uvloop's own buffer is empty. That is rare, and nobody else pays for it.
"""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable

from twisted.internet.error import FileDescriptorOverrun

#: A push producer is paused when more descriptors than this wait.
MANY = 64


class Outbox:
    """The descriptors that wait, and the bytes after them."""

    __slots__ = ("_loop", "_room", "data", "descriptors")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.descriptors: list[int] = []
        self.data = bytearray()
        self._loop = loop
        self._room: socket.socket | None = None

    @property
    def waiting(self) -> bool:
        """Is it the kernel that we wait for?"""
        return self._room is not None

    def send(self, skt: socket.socket, when_there_is_room: Callable[[], None]) -> bool:
        """Send what can be sent; True once all descriptors have left and `data` is what remains.

        Raises FileDescriptorOverrun where there are fewer bytes than descriptors, OSError where the
        connection is lost.
        """
        if len(self.descriptors) > len(self.data):
            raise FileDescriptorOverrun()
        while self.descriptors:
            try:
                socket.send_fds(skt, [bytes(self.data[:1])], self.descriptors[:1])
            except BlockingIOError:
                self._wait(skt, when_there_is_room)
                return False
            del self.descriptors[0], self.data[0]
        return True

    def _wait(self, skt: socket.socket, when_there_is_room: Callable[[], None]) -> None:
        """Call back once the socket takes more; on a copy, as uvloop guards the descriptor of a transport."""
        room = self._room = skt.dup()

        def ready() -> None:
            self.close()
            when_there_is_room()

        self._loop.add_writer(room.fileno(), ready)

    def close(self) -> None:
        """Wait no longer."""
        room, self._room = self._room, None
        if room is not None:
            self._loop.remove_writer(room.fileno())
            room.close()
