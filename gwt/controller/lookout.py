"""Lookout: hears of it when the Lease that somebody else has is let go, so that nobody has to ask until it is.

It is there to be quick, not to be right: whoever is told asks for the Lease itself, and asks now and then anyhow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.controller.api import Api, ApiError, Ending
from gwt.controller.watching import message_of, read_json
from gwt.kube.reflector import SHORT, Unreadable
from gwt.kube.resource import leases

#: Seconds after which a watch is renewed, and until one that was refused is tried again, times 1 to 2 by chance.
WATCH, REFUSED = 300, 30.0


class Lookout:
    """`free` is called when Lease `name` has no holder any more, or is gone. `chance` 0 to 1."""

    log = Logger("gwt.controller")

    def __init__(
        self, clock: Any, api: Api, namespace: str, name: str, free: Callable[[], None], chance: Callable[[], float]
    ) -> None:
        self._clock, self._api, self._name, self._free, self._chance = clock, api, name, free, chance
        self._resource = leases(namespace)
        self._watching: Deferred[Any] | None = None
        self._number = 0
        self._not_before = 0.0
        self._said = ""

    def keep(self, lease: Mapping[str, Any]) -> None:
        """Somebody else has it, as it stands there."""
        if self._watching is not None or self._clock.seconds() < self._not_before:
            return
        path = self._resource.watch(str(lease["metadata"]["resourceVersion"]), WATCH, self._name)
        self._number += 1
        self._watching = watching = self._api.follow(path, self._heard)
        watching.addCallbacks(self._ended, self._failed, (self._number,), errbackArgs=(self._number,))
        watching.addErrback(lambda failure: self.log.failure("a bug: the Lease is not watched", failure))

    def leave(self) -> None:
        """It is of no use any more."""
        watching, self._watching = self._watching, None
        self._number += 1
        if watching is not None:
            watching.cancel()

    def _heard(self, line: bytes) -> bool:
        value = read_json(line)
        kind, lease = value.get("type"), value.get("object") or {}
        if kind in ("ADDED", "MODIFIED", "DELETED") and (lease.get("metadata") or {}).get("name") == self._name:
            if kind == "DELETED" or not (lease.get("spec") or {}).get("holderIdentity"):
                self._free()
        return kind != "ERROR"

    def _ended(self, ending: Ending, number: int) -> None:
        if number == self._number:
            self._watching = None
            if ending.answer is not None:
                self._later(f"the API server answers {ending.answer.status} {message_of(ending.answer.body)}".rstrip())
            elif ending.lived < SHORT:
                self._later(f"the watch ends at once ({ending.how})")
            else:
                self._said = ""

    def _failed(self, failure: Failure, number: int) -> None:
        if number == self._number:
            self._watching = None
            self._later(failure.getErrorMessage())
            failure.trap(ApiError, Unreadable)

    def _later(self, why: str) -> None:
        self._not_before = self._clock.seconds() + REFUSED * (1 + self._chance())
        if why != self._said:
            self._said = why
            self.log.warn("the Lease {name} is asked for, not watched: {why}", name=self._name, why=why)
