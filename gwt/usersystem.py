"""The user system: what a session cookie is exchanged with for claims, over HTTP."""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from gwt.asking import AskError, Body, Plain, drop, reason_of
from gwt.identity.claims import expiry, read_claims, subject
from gwt.model.options import Exchange
from gwt.model.secret import reveal

#: Idle connections that are kept, and for how many seconds.
_IDLE = 64
_IDLE_SECONDS = 30


class UserSystemError(AskError):
    """The user system did not say who somebody is. One line for operators; it repeats nothing of the cookie."""


class UserSystem:
    """Asks at `settings.url`. All questions share one Agent and its connections; redirects are not followed.

    `reactor` is IReactorTCP, IReactorSSL and IReactorTime. Failures are logged when they begin and when they end.
    """

    log = Logger()

    def __init__(self, reactor: Any, settings: Exchange, cookie: str) -> None:
        self._reactor, self._timeout, self._url = reactor, settings.timeout, reveal(settings.url)
        self._shown, self._name = str(settings.url), cookie.encode("ascii")
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = _IDLE
        self._pool.cachedConnectionTimeout = _IDLE_SECONDS
        self._agent = Plain(Agent(reactor, connectTimeout=settings.timeout, pool=self._pool))
        self._failing = False

    def ask(self, cookie: bytes) -> Deferred[dict[str, Any] | None]:
        """Who a session cookie's value belongs to: claims with a good `sub` (and `exp`, if any), None if it is unknown.

        Fails with UserSystemError where there is no answer of use within `timeout` seconds, all in all.
        """
        headers = Headers({b"Cookie": [b"%b=%b" % (self._name, cookie)], b"Accept": [b"application/json"]})
        # A client of its own, so that no cookie that is set for one user is kept and sent for another.
        client = HTTPClient(self._agent)
        asked = client.get(self._url, headers=headers, allow_redirects=False, unbuffered=True, reactor=self._reactor)
        asked.addCallback(self._answered)
        asked.addTimeout(self._timeout, self._reactor, self._too_late)
        return asked.addCallbacks(self._works, self._fails)

    def close(self) -> Deferred[None]:
        """Close idle connections. Fires when they are closed."""
        return self._pool.closeCachedConnections()

    def _answered(self, response: Any) -> Deferred[dict[str, Any] | None]:
        if response.code not in (200, 401, 403):
            drop(response)
            raise UserSystemError(f"it answers {response.code}")
        body = Body()
        response.deliverBody(body)
        if response.code == 200:
            return body.whole.addCallback(_claims)
        return body.whole.addBoth(lambda whatever: None)

    def _too_late(self, result: Any, timeout: float) -> Any:
        if isinstance(result, Failure):
            raise UserSystemError(f"no answer within {timeout:g} s")
        return result

    def _works(self, claims: dict[str, Any] | None) -> dict[str, Any] | None:
        if self._failing:
            self._failing = False
            self.log.info("the user system at {url} answers again", url=self._shown)
        return claims

    def _fails(self, failure: Failure) -> None:
        reason = reason_of(failure)
        if not self._failing:
            self._failing = True
            self.log.warn(
                "the user system at {url} fails: {reason}; who was known lately is let in for `grace` seconds",
                url=self._shown,
                reason=reason,
            )
        raise UserSystemError(reason)


def _claims(body: bytes) -> dict[str, Any]:
    """Claims that make an Identity. Raises BadClaims."""
    claims = read_claims(body)
    subject(claims)
    expiry(claims)
    return claims
