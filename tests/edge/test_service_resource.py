"""The service proxy's resources are real IResources: they also answer under twisted.web's own Site."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from twisted.web.resource import IResource
from twisted.web.server import Site
from twisted.web.test.requesthelper import DummyChannel
from zope.interface.verify import verifyObject

from gwt.balance.endpoint import Registry
from gwt.compile import empty_snapshot
from gwt.edge.service_resource import ServiceProxyResource
from gwt.model.route import NO_ACCESS, Access
from gwt.phase.ticker import Ticker
from gwt.proxy import Proxy
from gwt.service_proxy import Gate, ServiceLeaves
from gwt.snapshot import Current
from gwt.surroundings import Surroundings
from gwt.upstream.pool import Pools
from gwt.wire.forwarded import Ids


def resource(access: Access = NO_ACCESS) -> ServiceProxyResource:
    current = Current(empty_snapshot(Surroundings(Registry(time.monotonic, random.random), access)))
    pools: Any = Pools(object(), time.monotonic)
    proxy = Proxy(pools, Ticker(), time.monotonic, Ids(random.Random(1).randbytes))
    return ServiceProxyResource(current, proxy, ServiceLeaves(Gate(["*/*"], ["kube-system/*"])))


def test_it_is_a_resource() -> None:
    verifyObject(IResource, resource())
    with pytest.raises(TypeError):
        resource().putChild(b"x", resource())


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (b"/__dns.kube-system.53__/", 403, "denied"),
        (b"/__web.shop.80__/", 404, "no_route"),
        (b"/other", 404, "no_route"),
        (b"/__web.shop.80__/..", 400, "bad_request"),
    ],
)
def test_under_a_site(path: bytes, status: int, code: str) -> None:
    check(resource(), path, status, code)


def test_an_escaped_slash_is_refused_where_gateway_yaml_says_who_may_enter() -> None:
    shut = Access(ip_deny=("10.0.0.0/8",))
    check(resource(), b"/__web.shop.80__/a%2Fb", 404, "no_route")
    check(resource(shut), b"/__web.shop.80__/a%2Fb", 400, "bad_request")


def check(root: ServiceProxyResource, path: bytes, status: int, code: str) -> None:
    site = Site(root)
    channel = DummyChannel()
    channel.site = site
    request = site.requestFactory(channel, False)  # type: ignore[misc,call-arg]
    request.gotLength(0)
    request.requestHeaders.addRawHeader(b"host", b"a.example")
    request.requestReceived(b"GET", path, b"HTTP/1.1")
    head, _, body = channel.transport.written.getvalue().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["code"] == code
