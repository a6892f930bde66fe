"""Identities: who sends a request, by its session cookie, whichever way gateway.yaml says (`identity:`)."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from gwt.errors import GatewayError
from gwt.identity import held
from gwt.identity.cookie import SessionCookie
from gwt.identity.held import Held
from gwt.identity.identity import Identity
from gwt.identity.keyring import Keyring
from gwt.identity.memory import Memory
from gwt.identity.sealed import FIELDS, IDENTITIES, REFUSALS, Sealed, weigh
from gwt.model.options import Identity as IdentitySettings
from gwt.model.secret import reveal

#: Asks the user system about a session cookie's value: claims, or None for "not known". Fails where it did not say.
Ask = Callable[[bytes], "Deferred[Mapping[str, Any] | None]"]

#: Questions under way at once; what is beyond them counts as a failure of the user system.
MAX_QUESTIONS = 1000


class Identities(Protocol):
    """Who sends a request. `cookie` is the session cookie, which may have to be taken out of what is forwarded."""

    cookie: SessionCookie

    def of(self, field: bytes | None) -> Identity | Deferred[Identity | None] | None:
        """By the request's Cookie field: an identity, None where nobody is admitted, or a Deferred of either.

        The Deferred fails with GatewayError `identity` where the user system does not say.
        """


def identities_of(settings: IdentitySettings, ask: Ask) -> Identities:
    """What `identity:` of gateway.yaml means; `ask` is used where its mode is `exchange`."""
    cookie = SessionCookie(settings.cookie)
    if settings.mode == "exchange" and settings.exchange is not None:
        return Exchanged(cookie, ask, settings.exchange.ttl, settings.exchange.grace)
    return Sealed(keyring_of(settings), cookie, time.time)


def keyring_of(settings: IdentitySettings) -> Keyring:
    """The keys of gateway.yaml."""
    return Keyring([b64decode(reveal(key)) for key in settings.keys])


class Exchanged:
    """Identities from a user system: what it said is held for `ttl` seconds, and stands in for `grace` more.

    One question is under way about a cookie, however many requests carry it. Cookies that are not known have a memory
    of their own: a flood of them drives out nobody.
    """

    __slots__ = (
        "_ask", "_by_field", "_clock", "_grace", "_known", "_questions", "_ttl", "_unknown", "_wall", "cookie"
    )  # fmt: skip

    def __init__(
        self,
        cookie: SessionCookie,
        ask: Ask,
        ttl: float,
        grace: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.cookie, self._ask, self._ttl, self._grace = cookie, ask, ttl, grace
        self._clock, self._wall = clock, wall
        self._by_field: Memory[Identity] = Memory(*FIELDS, lambda identity: 0)
        self._known: Memory[Held] = Memory(*IDENTITIES, _weigh)
        self._unknown: Memory[Held] = Memory(*REFUSALS, _weigh)
        self._questions: dict[bytes, list[Deferred[Identity | None]]] = {}

    def of(self, field: bytes | None) -> Identity | Deferred[Identity | None] | None:
        """See Identities. Hot where the same Cookie field was seen before."""
        identity = self._by_field.young.get(field)  # type: ignore[arg-type]
        if identity is not None and self._clock() < identity.until:
            return identity
        return None if field is None else self._look(field)

    def _look(self, field: bytes) -> Identity | Deferred[Identity | None] | None:
        value = self.cookie.only(field)
        if value is None:
            return None
        now = self._clock()
        found = self._known.get(value) or self._unknown.get(value)
        if found is None or not found.answers(now):
            return self._question(value)
        if found.identity is not None and now < found.fresh:
            self._by_field.put(field, found.identity)
        return found.identity

    def _question(self, value: bytes) -> Deferred[Identity | None]:
        waiting: Deferred[Identity | None] = Deferred()
        others = self._questions.get(value)
        if others is not None:
            others.append(waiting)
        elif len(self._questions) >= MAX_QUESTIONS:
            self._answer([waiting], self._stand_in(value))
        else:
            self._questions[value] = [waiting]
            asked = self._ask(value).addCallback(self._said, value).addErrback(lambda failure: self._stand_in(value))
            asked.addCallback(lambda found: self._answer(self._questions.pop(value), found))
        return waiting

    def _said(self, claims: Mapping[str, Any] | None, value: bytes) -> Held:
        """What follows from an answer. Raises BadClaims where it can't be used."""
        now = self._clock()
        found = held.unknown(now) if claims is None else held.known(claims, now, self._wall(), self._ttl, self._grace)
        if found.identity is None:
            self._known.discard(value)
            self._unknown.put(value, found)
        else:
            self._known.put(value, found)
        return found

    def _stand_in(self, value: bytes) -> Held | None:
        found = held.failed(self._known.get(value), self._clock())
        if found is not None:
            self._known.put(value, found)
        return found

    def _answer(self, waiting: list[Deferred[Identity | None]], found: Held | None) -> None:
        for one in waiting:
            if found is None:
                one.errback(GatewayError("identity", "who you are can't be told now: the user system does not answer"))
            else:
                one.callback(found.identity)


def _weigh(found: Held) -> int:
    return 150 if found.identity is None else 150 + weigh(found.identity)
