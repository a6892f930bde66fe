"""Remote: an object in a process of its own, so that what it does is not taken for what somebody else does."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import Any

import load  # noqa: F401 (says where what is served is found)

PATIENCE = 60.0


class Remote:
    """What `serve()` makes, entered, elsewhere: `ask` calls its methods and gives what they return. `with` ends it."""

    def __init__(self, serve: Callable[[], AbstractContextManager[Any]]) -> None:
        self._serve = serve

    def __enter__(self) -> Any:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._serve, theirs), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(PATIENCE)

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def ask(self, name: str, *arguments: Any, patience: float = PATIENCE) -> Any:
        """Raises what the method did, or TimeoutError after `patience` seconds."""
        self._pipe.send((name, arguments))
        if not self._pipe.poll(patience):
            raise TimeoutError(name)
        done, value = self._pipe.recv()
        if not done:
            raise value
        return value


def _serve(serve: Callable[[], AbstractContextManager[Any]], pipe: Connection) -> None:
    with serve() as served:
        while True:
            try:
                name, arguments = pipe.recv()
            except EOFError:
                return
            try:
                pipe.send((True, getattr(served, name)(*arguments)))
            except Exception as error:
                pipe.send((False, error))
