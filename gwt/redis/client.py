"""Client: asks one Redis, in order, over a connection that comes back; Listener: hears what is published on a channel.

Import this only once a reactor is installed: txredisapi takes the global one as it is imported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import txredisapi
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure

from gwt.redis.address import Address
from gwt.redis.wire import READ, Wire, WireFactory

#: Seconds between attempts to connect: the first, and the longest.
DELAYS: Final = (0.1, 2.0)

#: Seconds that an answer may take before the connection is given up.
TIMEOUT: Final = 5.0

ResponseError = txredisapi.ResponseError


class RedisGone(Exception):
    """There is no connection, or it broke before the answer came. One line for people."""


class Asked(NamedTuple):
    """A question that waits for its answer until `due`, by the reactor's clock."""

    due: float
    answer: Deferred[Any]


class Client:
    """`endpoint` is a Twisted client endpoint; `on_up` is called when a connection stands, `on_down` when it is gone.

    Why there is none stands in `why`.
    """

    def __init__(
        self, reactor: Any, endpoint: Any, address: Address, on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[], None] = lambda: None, timeout: float = TIMEOUT,
    ) -> None:  # fmt: skip
        self._reactor, self._endpoint, self._timeout = reactor, endpoint, timeout
        self._factory = WireFactory(self, address.username, address.password, address.database or None, DELAYS)
        self._wire: Wire | None = None
        self._asked: deque[Asked] = deque()
        self._timer: Any = None
        self._suspect: Asked | None = None
        self._on_up, self._on_down = on_up, on_down
        self.why = "not connected yet"

    @property
    def up(self) -> bool:
        """Whether it can be asked now."""
        return self._wire is not None

    def start(self) -> None:
        """Connect, and stay connected."""
        self._factory.startConnecting(self._endpoint)
        for slot in self._factory.slots:
            slot.service.whenConnected(failAfterFailures=1).addErrback(self._unreachable)

    def stop(self) -> Deferred[Any]:
        """Disconnect; fires when that is done."""
        self._on_up = self._on_down = lambda: None
        return self._factory.disconnect()

    def ask(self, *words: bytes) -> Deferred[Any]:
        """One command; fires with its reply. Fails with ResponseError where Redis refuses, else with RedisGone."""
        if self._wire is None:
            return fail(RedisGone(self.why))
        answer: Deferred[Any] = Deferred()
        self._asked.append(Asked(self._reactor.seconds() + self._timeout, answer))
        self._wire.send(*words)
        if self._timer is None:
            self._timer = self._reactor.callLater(self._timeout, self._look)
        return answer

    def break_off(self, why: str) -> None:
        """Give up this connection: another one may lead to a better place."""
        wire = self._wire
        if wire is not None:
            self._down(why)
            wire.reader = None
            wire.transport.abortConnection()

    # -- Owner

    def connected(self, wire: Wire) -> None:
        self._wire = wire
        wire.reader = self._replied
        self._on_up()

    def refused(self, why: str) -> None:
        self.why = why

    def lost(self, wire: Wire) -> None:
        if wire is self._wire:
            self._down("the connection broke")

    # --

    def _replied(self, reply: Any) -> None:
        if not self._asked:
            self.break_off("Redis answers what nobody asked")
            return
        answer = self._asked.popleft().answer
        if isinstance(reply, txredisapi.ResponseError):
            answer.errback(reply)
            if str(reply).startswith(("READONLY", "LOADING", "MASTERDOWN")):
                self.break_off(f"Redis says {reply}")
        else:
            answer.callback(reply)

    def _unreachable(self, failure: Failure) -> None:
        if failure.check(ConnectError, OSError):
            self.why = failure.getErrorMessage()

    def _look(self) -> None:
        """See whether the oldest question is overdue."""
        self._timer = None
        if not self._asked:
            return
        oldest = self._asked[0]
        left = oldest.due - self._reactor.seconds()
        if left <= 0 and self._suspect is oldest:
            self.break_off(f"Redis did not answer within {self._timeout:g} s")
            return
        if left <= 0:  # its answer may be here already, and this process stood still
            self._suspect, left = oldest, READ
        self._timer = self._reactor.callLater(left, self._look)

    def _down(self, why: str) -> None:
        self._wire, self.why = None, why
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        asked, self._asked = self._asked, deque()
        for one in asked:
            one.answer.errback(RedisGone(why))
        self._on_down()


class Listener(Client):
    """Hears what is published on `channel`; `on_up` is called once that is so."""

    def __init__(
        self, reactor: Any, endpoint: Any, address: Address, channel: str, heard: Callable[[str], None],
        on_up: Callable[[], None] = lambda: None, on_down: Callable[[], None] = lambda: None, timeout: float = TIMEOUT,
    ) -> None:  # fmt: skip
        super().__init__(reactor, endpoint, address, lambda: None, on_down, timeout)
        self._channel, self._heard, self._subscribed = channel.encode(), heard, on_up

    def connected(self, wire: Wire) -> None:
        super().connected(wire)
        self.ask(b"SUBSCRIBE", self._channel).addCallbacks(lambda _: self._subscribed(), self._not_subscribed)

    def check(self) -> None:
        """See that the other side is still there: it is given up where it does not answer in time."""
        if self.up:
            self.ask(b"PING").addErrback(lambda failure: None)

    def _replied(self, reply: Any) -> None:
        match reply:
            case [b"message", bytes(), bytes(message)]:
                self._heard(message.decode("utf-8", "replace"))
            case _:
                super()._replied(reply)

    def _not_subscribed(self, failure: Failure) -> None:
        self.break_off(f"Redis refuses to publish to us: {failure.getErrorMessage()}")
