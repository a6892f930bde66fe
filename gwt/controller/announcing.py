"""Announcing: Events on Secrets, one after the other: Secrets themselves are never written to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.controller.api import Api, ApiError
from gwt.controller.messenger import Messenger, is_final
from gwt.controller.secrets import Kept
from gwt.controller.status import Notice
from gwt.controller.watching import message_of


class Announcing:
    """`kept` are the Secrets as they are now. `may` says whether it is us who tells, `wall` gives Unix time."""

    log = Logger("gwt.controller")

    def __init__(
        self, clock: Any, api: Api, kept: Mapping[str, Kept], may: Callable[[], bool], wall: Callable[[], float]
    ) -> None:
        self._kept = kept
        self._wrong: dict[str, Notice] = {}
        self._waiting: dict[str, Notice] = {}
        self._messenger = Messenger(clock, api, may, wall, self._run, self._failed)

    def announce(self, wrong: Mapping[str, Notice], good: Mapping[str, Notice]) -> None:
        """What is `wrong` now, by Secret: told where it is news; and of those that are `good` by a change just now."""
        news = {key: notice for key, notice in wrong.items() if self._wrong.get(key) != notice}
        for key, notice in news.items():
            self.log.warn("Secret {name}: {why}", name=key, why=notice.message)
        self._wrong = dict(wrong)
        self._waiting.update({**good, **news})
        if self._waiting:
            self._messenger.wake()

    def forget(self) -> None:
        """Another one tells from now on; if it is us again, what is wrong is news."""
        self._wrong.clear()
        self._waiting.clear()

    def stop(self) -> None:
        """Tell no more."""
        self._messenger.stop()

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a bug: nobody is told of Secrets", failure)

    async def _run(self) -> None:
        while self._waiting and self._messenger.goes_on:
            key = next(iter(self._waiting))
            notice, value = self._waiting.pop(key), self._kept.get(key)
            if value is not None and not await self._told(value, notice):
                self._waiting.setdefault(key, notice)
                await self._messenger.pause()

    async def _told(self, value: Kept, notice: Notice) -> bool:
        """Whether there is nothing more to do about it."""
        try:
            answer = await self._messenger.event("Secret", value, notice)
        except ApiError as error:
            self._complain(value, str(error))
            return False
        if answer.status == 201:
            return True
        self._complain(value, f"{answer.status} {message_of(answer.body)}")
        return is_final(answer.status)

    def _complain(self, value: Kept, why: str) -> None:
        self.log.warn("{name} gets no Event: {why}", name=f"{value.namespace}/{value.name}", why=why)
