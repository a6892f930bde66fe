"""The user system: what a session cookie is exchanged with for claims, over HTTP."""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from gwt.identity.claims import expiry, read_claims, subject
from gwt.model.options import Exchange
from gwt.model.secret import reveal

#: Bytes of an answer: the claims go into a header field of every request, and there is no room for more.
MAX_ANSWER = 16 * 1024

#: Idle connections that are kept, and for how many seconds.
_IDLE = 64
_IDLE_SECONDS = 30


class UserSystemError(Exception):
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
            _drop(response)
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
        reason = _reason(failure)
        if not self._failing:
            self._failing = True
            self.log.warn(
                "the user system at {url} fails: {reason}; who was known lately is let in for `grace` seconds",
                url=self._shown,
                reason=reason,
            )
        raise UserSystemError(reason)


def _drop(response: Any) -> None:
    """End a connection on which an answer comes that nobody wants to read."""
    body = Body()
    body.whole.addErrback(lambda reason: None)
    response.deliverBody(body)
    body.whole.cancel()


def _claims(body: bytes) -> dict[str, Any]:
    """Claims that make an Identity. Raises BadClaims."""
    claims = read_claims(body)
    subject(claims)
    expiry(claims)
    return claims


def _reason(failure: Failure) -> str:
    while isinstance(failure.value, ResponseFailed) and failure.value.reasons:
        failure = failure.value.reasons[0]
    return failure.getErrorMessage() or type(failure.value).__name__


@implementer(IAgent)
class Plain:
    """An agent whose answers are not compressed: a small one can't become a large one here."""

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:
        headers = headers.copy()
        headers.removeHeader(b"Accept-Encoding")
        asked: Deferred[Any] = self._agent.request(method, uri, headers, bodyProducer)
        return asked.addCallback(self._checked)

    def _checked(self, response: Any) -> Any:
        if response.headers.hasHeader(b"Content-Encoding"):
            _drop(response)
            raise UserSystemError("its answer is compressed, which was not asked for")
        return response


class Body(Protocol):
    """Collects a body of at most MAX_ANSWER bytes: `whole` fires with it. To cancel `whole` ends the connection."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred(self._give_up)
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= MAX_ANSWER:
            self._pieces.append(data)
        elif not self.whole.called:
            self.whole.errback(UserSystemError(f"its answer is larger than {MAX_ANSWER} bytes"))
            self._give_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(b"".join(self._pieces))
        else:
            self.whole.errback(reason)

    def _give_up(self, whole: object = None) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
