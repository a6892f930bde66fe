"""The connection to the Redis that counts: one, pipelined. It is late as soon as an answer takes longer than
`DEADLINE`, until one comes in time; after `LOST` seconds without an answer it is given up, and another one is made.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import txredisapi
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from gwt.limit.lease import DEADLINE, LOST
from gwt.limiter.script import SCRIPT, SHA, redis_key
from gwt.redis.wire import READ, Wire, WireFactory

#: Seconds between a lost connection and the next attempt.
RETRY = 0.25
#: Seconds after an outage for which answers do not count as prompt: others may not be connected again yet, and
#: what they let through is not told. Who keeps to its own part meanwhile takes nothing that is theirs.
SETTLE = 2 * RETRY
#: What the first question of a connection is about: whether the script runs there and is quick enough.
PROBE = b"probe"
_PROBE_ARGUMENTS = (b"1", b"1", b"1", b"1", b"0", b"0")
#: What an outage means, for the log.
_ALONE = "{why}: until it is back each gateway keeps its own part of every rate limit whose `fail` says nothing else"

Answered = Callable[[int, float], None]


class Asked(NamedTuple):
    """A question on its way, `sent` by the reactor's clock."""

    sent: float
    key: bytes
    arguments: tuple[bytes, ...]
    answered: Answered


class Link:
    """Asks the counter. `up`: it may be asked; `prompt`: and it answers in time. `on_late` is called when only `prompt`
    ends, `on_lost` when both do.

    `endpoint` is a Twisted client endpoint whose attempts take 1 s at most. What was asked and not answered when the
    link is lost is never answered.
    """

    log = Logger("gwt.limiter")

    def __init__(
        self, reactor: Any, endpoint: Any, prefix: str = "gwt", username: str | None = None,
        password: str | None = None, database: int | None = None,
    ) -> None:  # fmt: skip
        self._reactor, self._endpoint, self._prefix = reactor, endpoint, prefix
        self._factory = WireFactory(self, username, password, database, (RETRY, RETRY))
        self._wire: Wire | None = None
        self._pending: deque[Asked] = deque()
        self._timer: Any = None
        self._suspect: Asked | None = None
        self._told = ""
        self._settled = 0.0
        self.up = self.prompt = False
        self.on_late: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        #: Questions sent, for metrics.
        self.questions = 0

    def start(self) -> None:
        """Connect, and stay connected."""
        self._factory.startConnecting(self._endpoint)
        for slot in self._factory.slots:
            slot.service.whenConnected(failAfterFailures=1).addErrback(self._unreachable)

    def _unreachable(self, failure: Any) -> None:
        if not failure.check(CancelledError):
            self._say(f"Redis can't be reached: {failure.getErrorMessage()}")

    def stop(self) -> Deferred[Any]:
        """Disconnect; fires when that is done."""
        self._told = "stopped"
        return self._factory.disconnect()

    def ask(self, key: bytes, arguments: tuple[bytes, ...], answered: Answered) -> None:
        """Ask about a bucket; for as long as the link is `up`."""
        self.questions += 1
        self._send(b"EVALSHA", SHA, redis_key(self._prefix, key), arguments, answered)

    def _send(
        self, command: bytes, script: bytes, key: bytes, arguments: tuple[bytes, ...], answered: Answered
    ) -> None:
        assert self._wire is not None
        self._pending.append(Asked(self._reactor.seconds(), key, arguments, answered))
        self._wire.send(command, script, b"1", key, *arguments)
        if self._timer is None:
            self._timer = self._reactor.callLater(DEADLINE, self._look)

    # -- what the connection tells

    def connected(self, wire: Wire) -> None:
        """A connection stands: see what is there."""
        self._wire = wire
        wire.reader = self._replied
        self._send(b"EVAL", SCRIPT, redis_key(self._prefix, PROBE), _PROBE_ARGUMENTS, self._found)

    def _found(self, granted: int, level: float) -> None:
        if self._told:
            self._settled = self._reactor.seconds() + SETTLE
        self.up, self._told = True, ""
        self.log.info("rate limits are shared through Redis")

    def refused(self, why: str) -> None:
        """Redis does not let us in."""
        self._say(f"Redis refuses: {why}")

    def lost(self, wire: Wire) -> None:
        """The connection is gone, for whatever reason."""
        if wire is not self._wire:
            return
        self._wire = None
        self._pending.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._say("Redis is lost")
        if self.up:
            self.up = self.prompt = False
            self.on_lost()

    def _replied(self, reply: object) -> None:
        if not self._pending:
            return self._give_up("Redis answers what nobody asked")
        asked = self._pending.popleft()
        match reply:
            case [int(granted), bytes(level)]:
                now = self._reactor.seconds()
                if now - asked.sent <= DEADLINE and now >= self._settled:
                    self.prompt = True
                asked.answered(granted, float(level))
            case txredisapi.ResponseError() if str(reply).startswith("NOSCRIPT"):
                self._send(b"EVAL", SCRIPT, asked.key, asked.arguments, asked.answered)
            case _:
                self._give_up(f"Redis says {reply!s}")

    # -- deadlines: one timer, for the oldest question

    def _look(self) -> None:
        """See whether the oldest question is overdue."""
        self._timer = None
        if not self._pending:
            return
        oldest = self._pending[0]
        left = oldest.sent + (DEADLINE if self.prompt else LOST) - self._reactor.seconds()
        overdue = left <= 0 and self._suspect is oldest
        if overdue and not self.prompt:
            return self._give_up(f"Redis did not answer within {LOST:g} s")
        if overdue:
            self._suspect, left = None, LOST - DEADLINE
        elif left <= 0:  # its answer may be here already, and this process was too busy to read it
            self._suspect, left = oldest, READ
        self._timer = self._reactor.callLater(left, self._look)
        if overdue:
            self.prompt = False
            self.on_late()

    def _give_up(self, why: str) -> None:
        self._say(why)
        wire = self._wire
        if wire is not None:
            self.lost(wire)
            wire.reader = None
            wire.transport.abortConnection()

    def _say(self, why: str) -> None:
        """Say it once for an outage."""
        if not self._told:
            self._told, self._settled = why, inf
            self.log.warn(_ALONE, why=why)
