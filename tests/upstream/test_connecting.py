"""What is said of a connection that can't be had. How one is had: tests/upstream/test_pool.py and test_trunks.py."""

from __future__ import annotations

import ssl

import pytest
from twisted.internet.error import ConnectionRefusedError, NoRouteError, TCPTimedOutError, TimeoutError
from upstream.fakes import Net

from gwt.errors import GatewayError
from gwt.model.route import ServiceTls
from gwt.tls.client import HTTP2, ClientContexts
from gwt.upstream.connecting import Connecting, connect_error, context_for


class Somewhere:
    host, port, live = "10.0.0.1", 80, 0

    def __init__(self, tls: ServiceTls | None = None) -> None:
        self.tls, self.reactor = tls, Net()


@pytest.mark.parametrize(
    ("reason", "code", "detail"),
    [
        (ConnectionRefusedError(), "connect_failed", "connection_refused"),
        (NoRouteError(), "connect_failed", "destination_ip_unroutable"),
        (TimeoutError(), "timeout", "connection_timeout"),
        (TCPTimedOutError(), "timeout", "connection_timeout"),
        (ssl.SSLError(1, "no shared cipher"), "connect_failed", "tls_protocol_error"),
        (None, "connect_failed", "connection_refused"),
    ],
)
def test_errors(reason: BaseException | None, code: str, detail: str) -> None:
    error = connect_error("10.0.0.1:80", reason)
    assert (error.code, error.detail) == (code, detail) and "10.0.0.1:80" in error.message


def test_an_attempt_is_counted_until_it_is_over() -> None:
    place, told = Somewhere(), []
    attempt = Connecting(place, 1.0, None, object, told.append)
    assert place.live == 1
    attempt.begin()
    attempt.begin()
    (connector,) = place.reactor.connecting
    connector.fail(ConnectionRefusedError())
    assert place.live == 0 and [error.code for error in told] == ["connect_failed"]


def test_one_that_is_given_up_before_it_begins() -> None:
    place = Somewhere()
    attempt = Connecting(place, 1.0, None, object, lambda error: None)
    attempt.disconnect()
    attempt.begin()
    assert place.live == 0 and not place.reactor.connecting


def test_contexts() -> None:
    contexts = ClientContexts()
    assert context_for(Somewhere(), contexts, HTTP2) is None
    assert context_for(Somewhere(ServiceTls()), contexts, HTTP2) is contexts.get(ServiceTls(), HTTP2)
    assert contexts.get(ServiceTls(), HTTP2) is not contexts.get(ServiceTls())
    with pytest.raises(GatewayError) as raised:
        context_for(Somewhere(ServiceTls(certificate="nobody")), contexts, HTTP2)
    assert raised.value.code == "policy"
