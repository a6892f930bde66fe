"""One attempt to connect to an endpoint, in the clear or over TLS."""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLContext
from typing import Any, Protocol

from twisted.internet.error import NoRouteError, TCPTimedOutError, TimeoutError
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from gwt.errors import GatewayError
from gwt.model.route import ServiceTls
from gwt.tls.client import ClientContexts, explain

_log = Logger()


class Place(Protocol):
    """Where to connect to. `live` counts connections, those that are being made too."""

    host: str
    port: int
    tls: ServiceTls | None
    live: int
    reactor: Any


class Connecting(ClientFactory):
    """`made` gives the protocol of the connection; `failed` hears why there is none. Counted in `place.live`."""

    noisy = False

    def __init__(
        self, place: Place, timeout: float, context: SSLContext | None, made: Callable[[], Any],
        failed: Callable[[GatewayError], None],
    ) -> None:  # fmt: skip
        self._place, self._timeout, self._context = place, timeout, context
        self._made, self._failed = made, failed
        self._begun = False
        self._connector: Any = None
        place.live += 1

    def begin(self) -> None:
        """Connect, unless it was given up."""
        if not self._begun:
            self._begun = True
            place = self._place
            if self._context is None or place.tls is None:
                self._connector = place.reactor.connectTCP(place.host, place.port, self, timeout=self._timeout)
            else:
                name = place.tls.server_name or place.host
                self._connector = place.reactor.connectSecurely(
                    place.host, place.port, self, self._timeout, self._context, name
                )

    def disconnect(self) -> None:
        """Nobody waits any more."""
        if not self._begun:
            self._begun = True
            self._place.live -= 1
        elif self._connector is not None:
            self._connector.disconnect()

    def buildProtocol(self, addr: object) -> Any:
        return self._made()

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._place.live -= 1
        self._failed(connect_error(f"{self._place.host}:{self._place.port}", reason.value))


def context_for(place: Place, contexts: ClientContexts | None, protocol: str) -> SSLContext | None:
    """What TLS takes to `place`, None in the clear. Raises GatewayError `policy` where something is lacking."""
    if place.tls is None:
        return None
    assert contexts is not None
    try:
        return contexts.get(place.tls, protocol)
    except ValueError as error:
        _log.error("{host}:{port}: {error}", host=place.host, port=place.port, error=error)
        raise GatewayError("policy", "no TLS can be spoken to the endpoint as it is asked for") from None


def connect_error(where: str, reason: BaseException | None) -> GatewayError:
    """What a client is told (the statuses are those that RFC 9209 2.3 recommends)."""
    if isinstance(reason, TimeoutError | TCPTimedOutError):
        return GatewayError("timeout", f"no connection to {where} in time", detail="connection_timeout")
    told = None if reason is None else explain(reason)
    if told is not None:
        return GatewayError("connect_failed", f"no TLS with {where}: {told[0]}", detail=told[1])
    if isinstance(reason, NoRouteError):
        return GatewayError("connect_failed", f"no route to {where}", detail="destination_ip_unroutable")
    return GatewayError("connect_failed", f"no connection to {where}", detail="connection_refused")
