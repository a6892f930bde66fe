"""Messenger: carries to the API server what people are to be told of objects there, for as long as it is us who tells.

What there is to tell, and in which order, is the business of whoever has one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from gwt.controller.api import Answer, Api
from gwt.controller.status import Named, Notice, event

#: Seconds after a failure, unless the server asks for more.
RETRY: Final = 5.0

COMPONENT: Final = "gwt-controller"


class Messenger:
    """Runs `work`, once at a time: it tells all that is to be told while it `may`, and then ends.

    `may` says whether it is us who tells, `wall` gives Unix time, `failed` is called where `work` has raised.
    """

    def __init__(
        self, clock: Any, api: Api, may: Callable[[], bool], wall: Callable[[], float],
        work: Callable[[], Coroutine[Any, Any, None]], failed: Callable[[Failure], None],
    ) -> None:  # fmt: skip
        self._clock, self._api, self._may, self._wall, self._work, self._failed = clock, api, may, wall, work, failed
        self._running: Deferred[None] | None = None
        self._stopped = False
        self._asked_for = 0.0  # seconds, by the last answer

    def wake(self) -> None:
        """There is something to tell."""
        if self._running is None and not self._stopped:
            self._running = Deferred.fromCoroutine(self._work())
            self._running.addErrback(self._broken).addBoth(self._ended)

    def stop(self) -> None:
        """Tell no more."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()

    def _ended(self, _: Any) -> None:
        self._running = None

    def _broken(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._failed(failure)

    @property
    def goes_on(self) -> bool:
        """Whether `work` is to tell more."""
        return self._may() and not self._stopped

    def pause(self) -> Deferred[None]:
        """Fires when what has failed may be tried again."""
        return deferLater(self._clock, max(RETRY, self._asked_for), lambda: None)

    def ask(self, method: str, path: str, body: bytes, kind: str = "application/json") -> Deferred[Answer]:
        """Fires with the answer, whatever its status. Fails with ApiError."""
        self._asked_for = 0.0
        return self._api.ask(method, path, body, kind).addCallback(self._answered)

    def _answered(self, answer: Answer) -> Answer:
        self._asked_for = answer.retry_after
        return answer

    def event(self, kind: str, value: Named, notice: Notice) -> Deferred[Answer]:
        """Create an Event on an object of `kind`. Fires with the answer, whatever its status; fails with ApiError."""
        stamp = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = event(kind, value, notice, COMPONENT, stamp, secrets.token_hex(8))
        return self.ask("POST", f"/api/v1/namespaces/{value.namespace}/events", json.dumps(body).encode())


def is_final(status: int) -> bool:
    """Whether a refusal will be the same the next time."""
    return status not in (401, 429) and status < 500
