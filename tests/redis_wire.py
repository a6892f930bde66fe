"""A connection to a Redis that is played by a test."""

from __future__ import annotations

from twisted.internet.testing import StringTransport


class Transport(StringTransport):
    """A connection that remembers being broken off."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True

    def sent(self) -> bytes:
        data = self.value()
        self.clear()
        return data


def words(data: bytes) -> list[list[bytes]]:
    """Commands as Redis reads them."""
    lines = data.split(b"\r\n")
    commands, at = [], 0
    while at < len(lines) - 1:
        count = int(lines[at][1:])
        at += 1
        command = []
        for _ in range(count):
            size = int(lines[at][1:])
            at += 1
            text = lines[at]
            while len(text) < size:
                at += 1
                text += b"\r\n" + lines[at]
            command.append(text)
            at += 1
        commands.append(command)
    return commands
