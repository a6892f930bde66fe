"""Client: questions to an etcd over its JSON gateway, one member after another; Watch: hears what changes there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from treq import content
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseFailed
from twisted.web.http_headers import Headers

from gwt.authorities import authorities
from gwt.etcd.address import Address

#: Seconds for a connection to stand, and for an answer.
CONNECT: Final = 1.0
TIMEOUT: Final = 5.0

#: Bytes of one message of a watch.
MOST: Final = 64 * 1024 * 1024


class EtcdError(Exception):
    """etcd can't be asked, or refuses. One line for people."""


class Client:
    """`reactor` gives connections and time. Raises OSError or ValueError where `ca` can't be read."""

    def __init__(self, reactor: Any, address: Address, timeout: float = TIMEOUT) -> None:
        self._reactor, self._address, self._timeout = reactor, address, timeout
        self._pool = HTTPConnectionPool(reactor)
        self._pool.retryAutomatically = False
        policy = (
            BrowserLikePolicyForHTTPS(trustRoot=authorities(address.ca)) if address.ca else BrowserLikePolicyForHTTPS()
        )
        self._agent = Agent(reactor, policy, CONNECT, pool=self._pool)
        self._watching = Agent(reactor, policy, CONNECT)
        self._first = 0
        self._token: str | None = None

    def close(self) -> Deferred[Any]:
        """Close idle connections."""
        return self._pool.closeCachedConnections()

    @inlineCallbacks
    def ask(self, path: str, question: Mapping[str, Any]) -> Any:
        """POST `question` to `path`; fires with the answer. Fails with EtcdError."""
        if self._address.username is not None and self._token is None:
            yield self._log_in()
        try:
            return (yield self._any(path, question))
        except EtcdError as error:
            if self._address.username is None or "auth" not in str(error):
                raise
            yield self._log_in()  # a token lives for some minutes
            return (yield self._any(path, question))

    def watch(self, question: Mapping[str, Any], heard: Callable[[Any], None], over: Callable[[str], None]) -> Watch:
        """Watch as `question` says: `heard` gets each message, `over` is told once why it has ended."""
        watch = Watch(heard, over)
        url = f"{self._address.urls[self._first]}/v3/watch"
        body = json.dumps({"create_request": question}).encode()
        asked = HTTPClient(self._watching).post(url, data=body, headers=self._headers(), unbuffered=True)
        watch.asked = asked.addTimeout(self._timeout, self._reactor).addCallbacks(watch.begin, watch.failed)
        return watch

    @inlineCallbacks
    def _log_in(self) -> Any:
        login = {"name": self._address.username, "password": self._address.password}
        self._token = None
        self._token = (yield self._any("/v3/auth/authenticate", login))["token"]

    @inlineCallbacks
    def _any(self, path: str, question: Mapping[str, Any]) -> Any:
        """Of the first member that answers; the next question begins with it."""
        urls, first, why = self._address.urls, self._first, ""
        for turn in range(len(urls)):
            number = (first + turn) % len(urls)
            try:
                answer = yield self._one(urls[number] + path, question)
            except (ConnectError, ConnectionLost, ResponseFailed, TimeoutError, OSError) as error:
                why = f"{urls[number].partition('//')[2]}: {error or type(error).__name__}"
                continue
            self._first = number
            return answer
        raise EtcdError(why)

    @inlineCallbacks
    def _one(self, url: str, question: Mapping[str, Any]) -> Any:
        client = HTTPClient(self._agent)
        asked = client.post(url, data=json.dumps(question).encode(), headers=self._headers(), unbuffered=True)
        response = yield asked.addTimeout(self._timeout, self._reactor, _late)
        text = yield content(response).addTimeout(self._timeout, self._reactor, _late)
        try:
            answer = json.loads(text)
        except ValueError:
            raise EtcdError(f"it answers {response.code} and no JSON") from None
        if not isinstance(answer, dict):
            raise EtcdError(f"it answers {response.code} and no JSON object")
        if response.code != 200:
            raise EtcdError(f"it says {str(answer.get('message') or answer.get('error') or response.code)[:200]}")
        return answer

    def _headers(self) -> Headers:
        headers = Headers({b"content-type": [b"application/json"]})
        if self._token is not None:
            headers.setRawHeaders(b"authorization", [self._token.encode()])
        return headers


class Watch(LineReceiver):
    """The answer to a watch, a message a line."""

    delimiter = b"\n"
    MAX_LENGTH = MOST

    def __init__(self, heard: Callable[[Any], None], over: Callable[[str], None]) -> None:
        self._heard, self._over = heard, over
        self.asked: Deferred[Any] | None = None
        self._ended = False

    def begin(self, response: Any) -> None:
        """The answer has begun."""
        response.deliverBody(self)

    def failed(self, failure: Failure) -> None:
        """There is none."""
        self._end(failure.getErrorMessage() or "no answer")

    def stop(self) -> None:
        """Hear no more."""
        self._ended = True
        if self.asked is not None:
            self.asked.cancel()
        if self.transport is not None:
            _abort(self.transport)

    def lineReceived(self, line: bytes) -> None:
        if self._ended:
            return
        try:
            message = json.loads(line)
            result = message.get("result")
            if result is None:
                raise ValueError(str(message.get("error", message))[:200])
            self._heard(result)
        except Exception as error:  # whatever it was: what follows can't be understood without it
            self._end(f"it sends what can't be read: {error}")
            self.stop()

    def lineLengthExceeded(self, line: bytes) -> None:
        self._end("it sends a message without end")
        self.stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end("the watch ended")

    def _end(self, why: str) -> None:
        ended, self._ended = self._ended, True
        if not ended:
            self._over(why)


def _abort(transport: Any) -> None:
    """End a connection whose answer never does; a wrapper of it knows only how to wait for the end."""
    inner = getattr(transport, "_producer", None)
    abort = getattr(inner, "abortConnection", None)
    if abort is not None:
        abort()
    else:
        transport.loseConnection()


def _late(result: Any, seconds: float) -> Any:
    return Failure(TimeoutError(f"no answer within {seconds:g} s")) if isinstance(result, Failure) else result
