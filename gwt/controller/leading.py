"""Leading: takes part in the Election by the Lease in the API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from gwt.controller.api import Answer, Api, ApiError
from gwt.controller.lookout import Lookout
from gwt.controller.watching import message_of, read_json
from gwt.kube.lease import Election
from gwt.kube.reflector import Unreadable
from gwt.kube.resource import leases


class Refused(ApiError):
    """The API server has answered, and not with what was asked for. `retry_after` in seconds."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the API server answers {answer.status} {message_of(answer.body)}".rstrip())
        self.retry_after = answer.retry_after


class Leading:
    """See `publisher.Leader`. `changed` is called when we begin to lead, or lead no more. `wall` gives Unix time,
    `chance` 0 to 1."""

    log = Logger("gwt.controller")

    def __init__(
        self, clock: Any, api: Api, election: Election, wall: Callable[[], float], changed: Callable[[], None],
        chance: Callable[[], float],
    ) -> None:  # fmt: skip
        self._clock, self._api, self.election, self._wall, self._changed = clock, api, election, wall, changed
        self._chance = chance
        self._base = leases(election.namespace).path
        self._lookout = Lookout(clock, api, election.namespace, election.name, self._freed, chance)
        self._running: Deferred[None] | None = None
        self._resting: Deferred[None] | None = None
        self._stopped = self._follows = self._at_once = False
        self._led: int | None = None
        self._said = ""

    @property
    def epoch(self) -> int | None:
        """With what to fence commits; None: we don't lead."""
        return self.election.epoch if self.election.leads(self._clock.seconds()) and not self._stopped else None

    def fenced(self, epoch: int) -> None:
        """Another one leads."""
        self.election.fenced(epoch)
        self._tell()

    def start(self) -> None:
        """Try to lead, and keep trying."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def release(self) -> Deferred[None]:
        """Try no more, and let another lead at once. Does not fail."""
        led, self._stopped = self.epoch is not None, True
        self._lookout.leave()
        if self._running is not None:
            self._running.cancel()
        if not led:
            return Deferred.fromCoroutine(_nothing())
        return Deferred.fromCoroutine(self._release()).addErrback(
            lambda failure: self.log.warn("the Lease is not released: {why}", why=failure.getErrorMessage())
        )

    async def _run(self) -> None:
        while not self._stopped:
            pause = self.election.terms.retry
            self._follows = self._at_once = False
            try:
                await self._try()
                self._said = ""
            except CancelledError:
                raise
            except (ApiError, Unreadable) as error:
                pause = self._after(error)
                if str(error) != self._said:
                    self._said = str(error)
                    self.log.warn("the Lease {name}: {why}", name=self.election.name, why=self._said)
            except Exception:
                self.log.failure("a bug: the Lease can't be kept")
            self._tell()
            if not (self._follows and self._at_once):
                await self._rest(pause)

    def _rest(self, seconds: float) -> Deferred[None]:
        """Fires then, or when there is reason to ask before."""
        call = self._clock.callLater(seconds, self._rested)

        def over(result: Any) -> Any:
            if call.active():
                call.cancel()
            return result

        self._resting = Deferred()
        return self._resting.addBoth(over)

    def _rested(self) -> None:
        resting, self._resting = self._resting, None
        if resting is not None:
            resting.callback(None)

    def _freed(self) -> None:
        """Nobody has the Lease any more; it may have been somebody else's when we asked last."""
        self._at_once = True
        if self._follows:
            self._rested()

    def _after(self, error: Exception) -> float:
        """Seconds until the next attempt: soon where nobody answered, else when the server asks for it.

        It is not waited beyond the end of our leadership: there is one more attempt shortly before, and one then.
        """
        retry = self.election.terms.retry
        if not isinstance(error, Refused):
            return retry / 2  # an API server that is back may lack nothing but somebody who leads
        wait = max(retry, error.retry_after) * (1 + self._chance())
        left = (self.election.left or 0.0) - self._clock.seconds()
        before = left - retry / 2
        return wait if left <= 0 else min(wait, before if before > 0 else left)

    async def _try(self) -> None:
        lease = await self._get()
        now = self._clock.seconds()
        wanted = self.election.decide(lease, now, self._wall())
        if wanted is None:
            self._follows = True
            if lease is not None:
                self._lookout.keep(lease)
            return
        answer = await self._put(wanted, lease is None)
        if answer.status in (200, 201):
            self._tell()  # where it had run out meanwhile, whoever waits to write is to hear of the new one
            self.election.wrote(read_json(answer.body), now)
            self._lookout.leave()
        elif answer.status != 409:  # somebody else was quicker
            raise Refused(answer)

    async def _release(self) -> None:
        lease = await self._get()
        wanted = None if lease is None else self.election.released(lease, self._wall())
        if wanted is not None:
            await self._put(wanted, False)

    async def _get(self) -> dict[str, Any] | None:
        answer = await self._api.ask("GET", f"{self._base}/{self.election.name}", timeout=self._patience)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Refused(answer)
        return read_json(answer.body)

    def _put(self, lease: dict[str, Any], new: bool) -> Deferred[Answer]:
        method, path = ("POST", self._base) if new else ("PUT", f"{self._base}/{self.election.name}")
        return self._api.ask(method, path, json.dumps(lease).encode(), timeout=self._patience)

    @property
    def _patience(self) -> float:
        return self.election.terms.renew / 2

    def _tell(self) -> None:
        epoch = self.epoch
        if epoch != self._led:
            self._led = epoch
            self.log.info("this controller {what}", what="leads no more" if epoch is None else "leads now")
            self._changed()


async def _nothing() -> None:
    return None
