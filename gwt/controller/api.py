"""Api: asks the API server: small questions over connections that are kept, each watch over one of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, NamedTuple

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from gwt.asking import reason_of
from gwt.controller.bodies import ApiError, Following, Whole
from gwt.controller.sliced import Slicing
from gwt.kube.config import Cluster

#: Seconds: for a connection, for the head of an answer, for a whole small answer.
CONNECT, HEAD, WHOLE = 5.0, 10.0, 30.0

#: Seconds without a byte after which a watch is given up: bookmarks come every minute.
IDLE: Final = 100.0

#: Seconds for which a token is believed.
TOKEN: Final = 60.0

_END: Final = b"-----END CERTIFICATE-----"


class Answer(NamedTuple):
    """An answer in full. `retry_after` in seconds, 0 where it is not given."""

    status: int
    body: bytes
    retry_after: float = 0.0


class Ending(NamedTuple):
    """How a watch ended: `refused` (`answer` says how), `clean`, `broken`, `silent`, or `left` by whoever listened."""

    how: str
    lived: float = 0.0
    answer: Answer | None = None
    why: str = ""


class Api:
    """`read` reads files; where they can't be read, ApiError. Times are those of `reactor`."""

    def __init__(self, reactor: Any, cluster: Cluster, read: Callable[[str], bytes], idle: float = IDLE) -> None:
        self._reactor, self.cluster, self._read, self._idle = reactor, cluster, read, idle
        pool = HTTPConnectionPool(reactor)
        pool.retryAutomatically = False
        self._pool = pool
        self._agent = Agent.usingEndpointFactory(reactor, _Endpoints(self), pool)
        self._token, self._token_at = cluster.token, -TOKEN

    # -- questions

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", timeout: float = WHOLE
    ) -> Deferred[Answer]:
        """Fires with the answer, whatever its status. Fails with ApiError."""
        return Deferred.fromCoroutine(self._ask(method, path, body, kind, timeout))

    async def _ask(self, method: str, path: str, body: bytes | None, kind: str, timeout: float) -> Answer:
        producer = None if body is None else FileBodyProducer(BytesIO(body))
        whole = self._agent.request(method.encode(), self._url(path), self._headers(body and kind), producer)
        whole.addCallback(_collect)
        whole.addTimeout(timeout, self._reactor, _late)
        whole.addErrback(_unanswered)
        return self._looked_at(await whole)

    def follow(self, path: str, heard: Callable[[bytes], bool]) -> Deferred[Ending]:
        """Watch: `heard` gets each line and says whether to go on. Fails with ApiError where there is no answer.

        To cancel it breaks the connection off.
        """
        return Deferred.fromCoroutine(self._follow(path, heard))

    async def _follow(self, path: str, heard: Callable[[bytes], bool]) -> Ending:
        endpoints = _Endpoints(self)
        agent = Agent.usingEndpointFactory(self._reactor, endpoints, HTTPConnectionPool(self._reactor, False))
        begun = self._reactor.seconds()
        asked = agent.request(b"GET", self._url(path), self._headers(None), None)
        asked.addTimeout(HEAD, self._reactor, _late)
        response = await asked.addErrback(_unanswered)
        if response.code != 200:
            answer = await _collect(response).addTimeout(HEAD, self._reactor, _late).addErrback(_unanswered)
            return Ending("refused", 0.0, self._looked_at(answer))
        lines = Following(self._reactor, heard, self._idle, endpoints.abort)
        response.deliverBody(lines)
        how, why = await lines.done
        return Ending(how, self._reactor.seconds() - begun, None, why)

    def close(self) -> Deferred[Any]:
        """Close idle connections."""
        return self._pool.closeCachedConnections()

    # -- who we are

    def _looked_at(self, answer: Answer) -> Answer:
        """Where the token was refused there may be another by now: it is read for the next question."""
        if answer.status == 401:
            self._token_at = -TOKEN
        return answer

    def _headers(self, kind: Any) -> Headers:
        headers = Headers({b"User-Agent": [b"gwt-controller"], b"Accept": [b"application/json"]})
        if kind:
            headers.addRawHeader(b"Content-Type", kind.encode())
        if self.cluster.login is not None:
            login = base64.b64encode(":".join(self.cluster.login).encode())
            headers.addRawHeader(b"Authorization", b"Basic " + login)
        elif (token := self._current_token()) is not None:
            headers.addRawHeader(b"Authorization", b"Bearer " + token.encode())
        return headers

    def _current_token(self) -> str | None:
        path, now = self.cluster.token_file, self._reactor.seconds()
        if path is not None and now - self._token_at >= TOKEN:
            self._token_at = now
            self._token = self._file(path).decode("ascii", "replace").strip()
        return self._token

    def _url(self, path: str) -> bytes:
        return (self.cluster.server + path).encode()

    def _file(self, path: str) -> bytes:
        try:
            return self._read(path)
        except OSError as error:
            raise ApiError(f"cannot read {path}: {error.strerror or error}") from None

    # -- TLS

    def creator(self, host: str) -> Any:
        """How TLS begins with the server."""
        cluster = self.cluster
        own = None
        if cluster.certificate is not None and cluster.key is not None:
            own = PrivateCertificate.loadPEM(cluster.certificate + b"\n" + cluster.key)
        name = cluster.tls_name or host
        if cluster.insecure:
            return _Unverified(own.options() if own else CertificateOptions(), name)
        ca = self._file(cluster.ca_file) if cluster.ca_file is not None else cluster.ca
        trust = None if ca is None else _trust(ca)
        return optionsForClientTLS(name, trust, own)


def _trust(pem: bytes) -> Any:
    found = [Certificate.loadPEM(one + _END) for one in pem.split(_END)[:-1]]
    if not found:
        raise ApiError("the API server's ca holds no certificate")
    return trustRootFromCertificates(found)


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """For insecure-skip-tls-verify."""

    def __init__(self, options: Any, name: str) -> None:
        self._options, self._name = options, name

    def clientConnectionForTLS(self, protocol: Any) -> Any:
        connection = SSL.Connection(self._options.getContext(), None)
        connection.set_tlsext_host_name(self._name.encode("idna"))
        return connection


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Endpoints that remember the connection they made, so that it can be broken off."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._protocol: Any = None

    def endpointForURI(self, uri: Any) -> Any:
        host = uri.host.decode().strip("[]")
        endpoint: Any = HostnameEndpoint(self._api._reactor, host.encode(), uri.port, timeout=CONNECT)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self._api.creator(host), endpoint)
        return _Remembered(endpoint, self, self._api._reactor)

    def made(self, sliced: Any) -> Any:
        self._protocol = sliced.wrappedProtocol
        return self._protocol

    def abort(self) -> None:
        """Break the connection off, without waiting for the other side."""
        if self._protocol is not None:
            self._protocol.abort()


@implementer(IStreamClientEndpoint)
class _Remembered:
    def __init__(self, endpoint: Any, owner: _Endpoints, clock: Any) -> None:
        self._endpoint, self._owner, self._clock = endpoint, owner, clock

    def connect(self, factory: Any) -> Deferred[Any]:
        connected: Deferred[Any] = self._endpoint.connect(Slicing(factory, self._clock))
        return connected.addCallback(self._owner.made)


def _collect(response: Any) -> Deferred[Answer]:
    body = Whole()
    response.deliverBody(body)
    wait = (response.headers.getRawHeaders(b"retry-after") or [b""])[-1]
    seconds = float(wait) if wait.isdigit() and len(wait) < 6 else 0.0
    return body.done.addCallback(lambda whole: Answer(response.code, whole, seconds))


def _late(result: Any, seconds: float) -> Any:
    return Failure(ApiError(f"no answer within {seconds:g} s")) if isinstance(result, Failure) else result


def _unanswered(failure: Failure) -> Any:
    if failure.check(ApiError):
        return failure
    raise ApiError(f"the API server can't be asked: {reason_of(failure)}") from None
