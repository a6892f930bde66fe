"""Telling: writes the status of each ConfigMap down on it, one after the other, and only where it is another; an Event
goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.controller.api import Answer, Api, ApiError
from gwt.controller.maps import STATUS, Map
from gwt.controller.messenger import Messenger, is_final
from gwt.controller.status import Status, notice, patch
from gwt.controller.watching import message_of

#: Times that a ConfigMap may be forbidden to us: an API server that has just begun allows nothing for a moment.
FORBIDDEN: Final = 3


class Telling:
    """`maps` are the ConfigMaps as they are now. `may` says whether it is us who tells."""

    log = Logger("gwt.controller")

    def __init__(
        self, clock: Any, api: Api, maps: Mapping[str, Map], may: Callable[[], bool], wall: Callable[[], float]
    ) -> None:
        self._maps = maps
        self._statuses: Mapping[str, Status] = {}
        self._wanted: dict[str, Status] = {}
        self._owed: dict[str, Status] = {}  # it stands there, and its Event is still to come
        self._forbidden: Counter[str] = Counter()
        self._messenger = Messenger(clock, api, may, wall, self._run, self._failed)

    def tell(self, statuses: Mapping[str, Status]) -> None:
        """This is how things stand now. Those with something wrong are told first."""
        self._statuses = statuses
        self._wanted = {}
        self._owed = {key: status for key, status in self._owed.items() if statuses.get(key) == status}
        self._forbidden.clear()
        for key in sorted(statuses, key=lambda key: not statuses[key].bad):
            self.look(key)

    def look(self, key: str) -> None:
        """See whether a ConfigMap says what it should."""
        value, status = self._maps.get(key), self._statuses.get(key)
        if value is None or status is None or not self._news(key, value, status):
            self._wanted.pop(key, None)
            return
        self._wanted[key] = status
        self._messenger.wake()

    def _news(self, key: str, value: Map, status: Status) -> bool:
        """Whether there is anything to tell."""
        return value.status != status.text or key in self._owed

    def stop(self) -> None:
        """Tell no more."""
        self._messenger.stop()

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a bug: nobody is told", failure)

    async def _run(self) -> None:
        while self._wanted and self._messenger.goes_on:
            key, status = next(iter(self._wanted.items()))
            value = self._maps.get(key)
            try:
                if value is None or not self._news(key, value, status) or await self._told(key, value, status):
                    if self._wanted.get(key) == status:
                        del self._wanted[key]
                    continue
            except ApiError as error:
                self.log.warn("{name} is not told how it stands: {why}", name=key, why=str(error))
            if key in self._wanted or key in self._owed:  # the others come first
                self._wanted[key] = self._wanted.pop(key, status)
            await self._messenger.pause()

    async def _told(self, key: str, value: Map, status: Status) -> bool:
        """Whether there is nothing more to do about it."""
        if self._owed.get(key) != status or value.status != status.text:
            self._owed.pop(key, None)
            path = f"/api/v1/namespaces/{value.namespace}/configmaps/{value.name}"
            body = patch(status.text, STATUS)
            answer = await self._messenger.ask("PATCH", path, body, "application/merge-patch+json")
            if answer.status != 200:
                if answer.status != 404:
                    self._complain(value, "is not told how it stands", answer)
                return self._final(key, answer.status)
            self._owed[key] = status
        answer = await self._messenger.event("ConfigMap", value, notice(status))
        if answer.status != 201:
            self._complain(value, "gets no Event", answer)
        done = answer.status == 201 or is_final(answer.status)
        if done:
            self._owed.pop(key, None)
        return done

    def _final(self, key: str, status: int) -> bool:
        """Whether a refusal will be the same the next time."""
        if status == 403:
            self._forbidden[key] += 1
            return self._forbidden[key] >= FORBIDDEN
        return is_final(status)

    def _complain(self, value: Map, what: str, answer: Answer) -> None:
        name, why = f"{value.namespace}/{value.name}", f"{answer.status} {message_of(answer.body)}"
        self.log.warn("{name} {what}: {why}", name=name, what=what, why=why)
