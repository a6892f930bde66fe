"""Asking: other HTTP servers, on behalf of the gateway itself: small answers, in time, and nothing followed.

Also the bench on which work is done that would keep all requests waiting (hashes of passwords).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.hazmat import IPAddress_ID
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

#: Bytes of an answer: the claims go into a header field of every request, and there is no room for more.
MAX_ANSWER = 16 * 1024

#: Idle connections to one server that are kept.
_IDLE = 64
#: Threads of a Bench.
_THREADS = 2

Pairs = Iterable[tuple[bytes, bytes]]


class AskError(Exception):
    """A server did not answer, or not as it should. One line for operators."""


class Answered(NamedTuple):
    """An answer; names of `headers` are in lower case, several of one name are joined by a comma."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Client:
    """Asks servers; all questions share one Agent and its connections."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = _IDLE
        self._agent = Plain(Agent(reactor, pool=self._pool))

    def ask(
        self, method: str, url: str, headers: Pairs = (), body: bytes | None = None, timeout: float = 3.0
    ) -> Deferred[Answered]:
        """Fires with the answer, redirects as they are. Fails with AskError beyond `timeout` seconds, all in all, and
        for a body over MAX_ANSWER bytes, or whatever keeps one from asking."""
        sent = Headers()
        for name, value in headers:
            sent.addRawHeader(name, value)
        client = HTTPClient(self._agent)  # without the cookies of others
        asked = client.request(
            method, url, headers=sent, data=body, allow_redirects=False, unbuffered=True, reactor=self._reactor
        )
        asked.addCallback(_whole)

        def late(result: Any, seconds: float) -> Any:
            return Failure(AskError(f"no answer within {seconds:g} s")) if isinstance(result, Failure) else result

        return asked.addTimeout(timeout, self._reactor, late)

    def close(self) -> Deferred[None]:
        """Close idle connections. Fires when they are closed."""
        return self._pool.closeCachedConnections()


def _whole(response: Any) -> Deferred[Answered]:
    body = Body()
    response.deliverBody(body)
    headers = {name.lower(): b", ".join(values) for name, values in response.headers.getAllRawHeaders()}
    return body.whole.addCallback(lambda whole: Answered(response.code, headers, whole))


class Bench:
    """A few threads of their own, begun when they are first needed: nobody else waits for what they do."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._threads: ThreadPool | None = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Fires with what `function` returns."""
        if self._threads is None:
            self._threads = ThreadPool(0, _THREADS, "gwt-aside")
            self._threads.start()
        return deferToThreadPool(self._reactor, self._threads, function, *arguments)

    def close(self) -> None:
        """End the threads, once they are through with what they do."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.stop()


def drop(response: Any) -> None:
    """End a connection on which an answer comes that nobody wants to read."""
    body = Body()
    body.whole.addErrback(lambda reason: None)
    response.deliverBody(body)
    body.whole.cancel()


def reason_of(failure: Failure) -> str:
    """Why there was no answer, in one line."""
    while isinstance(failure.value, ResponseFailed) and failure.value.reasons:
        failure = failure.value.reasons[0]
    error = failure.value
    if isinstance(error, VerificationError):
        return f"its certificate is for another name: not for {', '.join(map(_asked_for, error.errors))}"
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return "TLS: " + (", ".join(str(one[-1]) for one in error.args[0]) or "the connection broke")
    return failure.getErrorMessage() or type(error).__name__


def _asked_for(mismatch: Any) -> str:
    wanted = mismatch.mismatched_id
    return str(wanted.ip) if isinstance(wanted, IPAddress_ID) else wanted.hostname.decode("ascii", "replace")


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
            drop(response)
            raise AskError("its answer is compressed, which was not asked for")
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
            self.whole.errback(AskError(f"its answer is larger than {MAX_ANSWER} bytes"))
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
