"""Tools: what chains and plugins get from the process that they run in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, maybeDeferred

from gwt.phase.ticker import Ticker

#: What a zone keeps.
Value = int | float | bytes | str


class Zone(Protocol):
    """A part of the memory that all workers of a node share; `ttl` in seconds (None: for as long as there is room).

    Every operation is atomic; what was not used for longest goes first where there is no more room.
    """

    def get(self, key: str | bytes, default: Value | None = None) -> Value | None: ...

    def set(self, key: str | bytes, value: Value, ttl: float | None = None) -> None: ...

    def add(self, key: str | bytes, value: Value, ttl: float | None = None) -> bool: ...

    def incr(
        self, key: str | bytes, by: int | float = 1, init: int | float = 0, ttl: float | None = None
    ) -> int | float: ...

    def expire(self, key: str | bytes, ttl: float | None) -> bool: ...

    def ttl(self, key: str | bytes) -> float | None: ...

    def delete(self, key: str | bytes) -> bool: ...


class NoZones(RuntimeError):
    """This process has no memory that it shares with others."""


def no_zones(name: str) -> Zone:
    """Where nobody has said how zones are made."""
    raise NoZones(f"there are no shared zones here, so no {name!r}")


def nobody_to_ask(*request: Any, **options: Any) -> Deferred[Any]:
    """Where nobody has said how other servers are asked."""
    return fail(ConnectionError("nobody can be asked from here"))


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """`clock` gives monotonic seconds, `wall` those of the epoch, `random(n)` n bytes that nobody can guess.

    `ticker` is driven by the process, `reactor` is Twisted's (None: a tool, where nothing is served).

    `ask(method, url, headers, body, timeout)` asks an HTTP server (`gwt.asking`), `aside(function, *arguments)` calls
    what takes long elsewhere; both give Deferreds. `kept` is for what outlives a configuration, by names of your own.

    `shared(zone)` gives a Zone; `raised(plugin, request id, error)` is told of a plugin's failures (the id is "" where
    there was no request), `would_reject(plugin, route)` of what a plugin in report mode would have refused.
    """

    clock: Callable[[], float] = time.monotonic
    ticker: Ticker = field(default_factory=Ticker)
    reactor: Any = None
    shared: Callable[[str], Zone] = no_zones
    raised: Callable[[str, str, BaseException], None] = lambda plugin, request_id, error: None
    would_reject: Callable[[str, str], None] = lambda plugin, route: None
    wall: Callable[[], float] = time.time
    random: Callable[[int], bytes] = os.urandom
    ask: Callable[..., Deferred[Any]] = nobody_to_ask
    aside: Callable[..., Deferred[Any]] = maybeDeferred
    kept: dict[Any, Any] = field(default_factory=dict)
