"""A worker's process: loads what it needs, reads its assignment from a pipe, serves, and ends.

The pipe's end means that the supervisor is gone; then the worker goes too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from importlib import import_module
from typing import Any

from gwt.workers import Assignment, Lines


def main(control: int, reactor: str, systemd: int) -> None:
    """Load everything, then serve as told on descriptor `control`; report on the next one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if systemd:
        os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), str(systemd)
    import_module(reactor).install()
    from gwt.process.serve import serve

    told, rest = read_assignment(control)
    for descriptor in told.unused:
        os.close(descriptor)
    serve(told, Reports(control + 1), Orders(control, rest))


def read_assignment(control: int) -> tuple[Assignment, bytes]:
    """The first line on the pipe, and what came behind it. SystemExit if the supervisor is gone already."""
    data = b""
    while b"\n" not in data:
        piece = os.read(control, 65536)
        if not piece:
            raise SystemExit(1)
        data += piece
    line, _, rest = data.partition(b"\n")
    return Assignment.decode(line), rest


def inherited(told: Assignment) -> dict[Any, list[socket.socket]]:
    """The sockets of the assignment, by key."""
    held: dict[Any, list[socket.socket]] = {}
    for key, numbers in told.sockets:
        held[key] = [socket.socket(fileno=number) for number in numbers]
        for sock in held[key]:
            sock.setblocking(False)
            os.set_inheritable(sock.fileno(), False)
    return held


class Reports:
    """Lines to the supervisor. If it is gone, nobody needs them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_inheritable(descriptor, False)

    def send(self, **what: Any) -> None:
        try:
            os.write(self._descriptor, json.dumps(what).encode() + b"\n")
        except OSError as error:
            print(f"the supervisor cannot be told: {error}", file=sys.__stderr__)


class Orders:
    """Lines from the supervisor, read by the reactor. `obey(order)` gets each, `orphaned()` their end."""

    def __init__(self, descriptor: int, rest: bytes = b"") -> None:
        self._descriptor, self._lines = descriptor, Lines()
        self._early = rest
        os.set_blocking(descriptor, False)
        os.set_inheritable(descriptor, False)

    def follow(self, reactor: Any, obey: Any, orphaned: Any) -> None:
        """Begin to read."""
        self._reactor, self._obey, self._orphaned = reactor, obey, orphaned
        self._take(self._early)
        reactor.addReader(self)

    def _take(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._obey(json.loads(line))

    # -- IReadDescriptor

    def fileno(self) -> int:
        return self._descriptor

    def logPrefix(self) -> str:
        return "orders"

    def doRead(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return
        if data:
            self._take(data)
        else:
            self._reactor.removeReader(self)
            self._orphaned()

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""
