"""Watching: does what a Reflector asks for, for as long as it is wanted."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from gwt.controller.api import Answer, Api, ApiError, Ending
from gwt.kube.reflector import Get, Reflector, Unreadable, Wait

#: Characters of an error of the API server that are repeated.
SHOWN = 200


class Watching:
    """Keeps `reflector` in step with the API server."""

    log = Logger("gwt.controller")

    def __init__(self, clock: Any, api: Api, reflector: Reflector) -> None:
        self._clock, self._api, self._reflector = clock, api, reflector
        self._running: Deferred[None] | None = None
        self._stopped = False
        self.heard_at = 0.0

    def start(self) -> None:
        """Begin; it ends with `stop` only."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def stop(self) -> None:
        """Break off whatever is under way."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        while not self._stopped:
            try:
                await self._step()
            except (ApiError, Unreadable) as error:
                self._reflector.failed(self._clock.seconds(), str(error))
            except CancelledError:
                raise
            except Exception as error:
                self.log.failure("a bug: {what} can't be followed", what=self._reflector.resource)
                self._reflector.failed(self._clock.seconds(), repr(error))

    async def _step(self) -> None:
        step = self._reflector.step()
        if isinstance(step, Wait):
            await deferLater(self._clock, step.seconds, lambda: None)
        elif isinstance(step, Get):
            answer = await self._api.ask("GET", step.path)
            if answer.status == 200:
                self._reflector.page(read_json(answer.body), self._clock.seconds())
                self.heard_at = self._clock.seconds()
            else:
                self._refused(answer)
        else:
            self._ended(await self._api.follow(step.path, self._heard))

    def _heard(self, line: bytes) -> bool:
        self.heard_at = self._clock.seconds()
        return self._reflector.event(read_json(line), self.heard_at)

    def _ended(self, ending: Ending) -> None:
        now = self._clock.seconds()
        if ending.answer is not None:
            self._refused(ending.answer)
        elif ending.how == "silent":
            self._reflector.silent(now)
        elif ending.how != "left":
            self._reflector.ended(now, ending.lived, ending.how == "clean")

    def _refused(self, answer: Answer) -> None:
        self._reflector.refused(answer.status, self._clock.seconds(), answer.retry_after, message_of(answer.body))


def read_json(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises Unreadable."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the API server sends what is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise Unreadable("the API server sends JSON that is no object")
    return value


def message_of(body: bytes) -> str:
    """What a Status says."""
    try:
        message = read_json(body).get("message")
    except Unreadable:
        return ""
    return str(message)[:SHOWN] if message else ""
