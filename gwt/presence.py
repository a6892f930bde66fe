"""Presence: says again and again that this gateway is alive, and hears how many are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall

#: Seconds between two words of life, and for which one counts.
INTERVAL: Final = 5.0
LIFETIME: Final = 15

#: Seconds for which a stop waits for the store to forget this gateway.
GOODBYE: Final = 1.0


class Register(Protocol):
    """Where a store keeps which gateways are alive. All workers of a gateway speak for it, under one id."""

    def tell(self, lifetime: int) -> Deferred[int]:
        """For `lifetime` seconds from now on this gateway is alive; fires with how many are. May fail."""

    def leave(self) -> Deferred[Any]:
        """It is no more, and tells nothing from now on. May fail; where the store can't be asked, at once."""


class Presence:
    """`count` is called with how many gateways are alive, at least 1, each time that `register` says so."""

    def __init__(self, clock: Any, register: Register, count: Callable[[int], None]) -> None:
        self._clock, self._register, self._count = clock, register, count
        self._loop = LoopingCall(self.tell)
        self._loop.clock = clock

    def start(self) -> None:
        """Tell now and then, from now on."""
        self._loop.start(INTERVAL)

    def stop(self) -> Deferred[None]:
        """Tell no more, and be forgotten if the store can be asked; fires after GOODBYE seconds at the latest."""
        if self._loop.running:
            self._loop.stop()
        over: Deferred[None] = Deferred()
        timer = self._clock.callLater(GOODBYE, over.callback, None)

        def gone(_: Any) -> None:
            if timer.active():
                timer.cancel()
                over.callback(None)

        maybeDeferred(self._register.leave).addBoth(gone)
        return over

    def tell(self) -> Deferred[None]:
        """Tell once. What goes wrong is found by those who need the store more than this; the last number holds."""
        return maybeDeferred(self._register.tell, LIFETIME).addCallbacks(self._heard, lambda failure: None)

    def _heard(self, gateways: int) -> None:
        self._count(max(1, gateways))
