"""Give connected sockets to uvloop without a task for each of them."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop, Future
from collections.abc import Coroutine
from typing import Any

from twisted.python import log

from gwt.reactor.sealed import Sealed


class Attacher:
    """Drives `loop.connect_accepted_socket` by hand.

    Its first step makes the transport and schedules `connection_made` for this very turn of the
    loop; all that is left then is to wait for that, which a sweep for all of them together does.
    A coroutine must not be dropped half-way: closing it closes the transport.
    """

    __slots__ = ("_loop", "_pending")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: dict[Any, tuple[Coroutine[Any, Any, Any], Future[Any]]] = {}

    def __contains__(self, stream: object) -> bool:
        return stream in self._pending

    def attach(self, stream: Any, skt: socket.socket) -> None:
        """Let uvloop serve `skt`, with `stream` as its protocol; raises OSError where uvloop refuses it."""
        coroutine = self._loop.connect_accepted_socket(lambda: stream, skt)
        waiter = coroutine.send(None)
        if not self._pending:
            self._loop.call_soon(self._sweep)
        self._pending[stream] = coroutine, waiter

    def secure(self, stream: Any, skt: socket.socket) -> None:
        """Let uvloop serve `skt`, with TLS as `stream.handshake` says before it; it hears of a handshake that fails."""
        context, server_name, timeout = stream.handshake
        sealed = stream.sealed = Sealed(self._loop, stream, context, server_name, timeout)
        self.attach(sealed, skt)

    def _sweep(self) -> None:
        """Finish the coroutines whose transports are connected by now."""
        done = [(stream, entry) for stream, entry in self._pending.items() if entry[1].done()]
        for stream, (coroutine, _) in done:
            del self._pending[stream]
            try:
                coroutine.send(None)
            except StopIteration:
                continue
            except Exception:
                log.err(None, "uvloop could not serve a connected socket")
        if self._pending:
            self._loop.call_soon(self._sweep)
