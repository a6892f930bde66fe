"""An Api that is played by a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from gwt.controller.api import Answer, ApiError

#: (method, path, body) -> (status, value), (status, value, Retry-After), or an exception.
Play = Callable[[str, str, Any], Any]


class PlayedApi:
    """`asked` are (method, path, body as JSON)."""

    def __init__(self, play: Play) -> None:
        self.play, self.asked = play, list[tuple[str, str, Any]]()
        self.follows: list[tuple[str, Callable[[bytes], bool], Deferred[Any]]] = []

    def ask(self, method: str, path: str, body: bytes | None = None, *_: Any, **__: Any) -> Deferred[Answer]:
        value = None if body is None else json.loads(body)
        self.asked.append((method, path, value))
        found = self.play(method, path, value)
        if isinstance(found, Exception):
            return fail(found)
        status, answer, *after = found
        return succeed(Answer(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), *after))

    def follow(self, path: str, heard: Callable[[bytes], bool]) -> Deferred[Any]:
        ended: Deferred[Any] = Deferred()
        self.follows.append((path, heard, ended))
        return ended


GONE = ApiError("the API server can't be asked: refused")
