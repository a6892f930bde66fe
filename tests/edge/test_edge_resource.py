"""The resource tree: real IResources, errors that are final, redirects and closed routes."""

from __future__ import annotations

import pytest
from edge.rig import Rig
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

from gwt.edge.resource import Refusal, RouteResource
from gwt.errors import GatewayError
from gwt.model.route import Access, Path

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_they_are_resources() -> None:
    rig = Rig()
    refusal = Refusal(GatewayError("denied", "no"))
    route = RouteResource(lambda exchange, leaf: None)  # type: ignore[arg-type]
    for resource in (rig.factory.root, refusal, route):
        assert verifyObject(IResource, resource)
        with pytest.raises(TypeError):
            resource.putChild(b"x", None)
    assert refusal.getChildWithDefault(b"", None) is refusal and route.getChildWithDefault(b"", None) is route


def test_a_route_that_can_not_be_enforced_is_closed() -> None:
    rig = Rig(access=Access(auth_type="a-plugin-that-is-nowhere")).send(GET)
    assert rig.statuses == [503] and b'"policy"' in rig.answers()[0].body and not rig.seen


def test_the_path_that_is_matched_is_forwarded() -> None:
    rig = Rig(paths=(Path("/open"),)).send(b"GET /x/%2e%2e/open//a;b/./c HTTP/1.1\r\nHost: a\r\n\r\n")
    assert rig.seen[0].target == b"/open/a;b/c"
    for raw in (b"/open/../x", b"/open/%2e%2e/x", b"/%6Fpen/..//x", b"/x;/../open/../x"):
        assert Rig(paths=(Path("/open"),)).send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % raw).statuses == [404]


def test_what_is_too_long_for_a_regex_is_refused_and_falls_to_no_other_path() -> None:
    paths = (Path("[a-z]+/x", match="regex"), Path("/"))
    assert [got.status for got in Rig(paths=paths).send(b"GET /aaa HTTP/1.1\r\nHost: a\r\n\r\n").answers()] == [200]
    rig = Rig(paths=paths).send(b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 2000))
    assert rig.statuses == [400] and b"takes 1024" in rig.answers()[0].body and not rig.seen
    paths = (Path("/", vars=(("http_x", "~~", "[a-z]+!"),)), Path("/"))
    rig = Rig(paths=paths).send(b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"a" * 2000))
    assert rig.statuses == [400] and not rig.seen


def test_one_leaf_has_one_handler() -> None:
    rig = Rig().send(GET * 3)
    assert len({id(exchange.leaf.handler) for exchange in rig.finished}) == 1
